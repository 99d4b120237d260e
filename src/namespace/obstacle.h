/* SPDX-License-Identifier: MIT */
/* obstacle.h - why namespaces cannot be made here, and what helps */
#ifndef NETNS_OBSTACLE_H
#define NETNS_OBSTACLE_H

#include <stdbool.h>

struct obstacle {
	int errnum;       /* 0: any */
	enum { ANY_USER, ORDINARY_USER, MAY_PASS } kind; /* who meets it; MAY_PASS: anybody, and it may go away by itself */
	const char *file; /* in /proc */
	const char *key;  /* "Key:" in a file of lines; NULL: the file holds one number */
	long value;       /* what it reads then */
	const char *why, *remedy;
};

/* The first obstacle that explains a failure with `errnum`; NULL if none does. Looks at /proc. */
const struct obstacle *obstacle_find(int errnum);

#endif
