/* SPDX-License-Identifier: MIT */
/* obstacle.h - why namespaces cannot be made here, and what helps */
#ifndef NETNS_OBSTACLE_H
#define NETNS_OBSTACLE_H

#include <stdbool.h>

struct obstacle {
	int errnum;       /* with which the kernel refuses */
	const char *step; /* at what; NULL: anything */
	bool (*stands)(const struct obstacle *);
	const char *file; /* in /proc: */
	const char *key;  /* "Key:" in a file of lines; NULL: the file holds one number, */
	long value;       /* which is this one */
	bool may_pass;    /* it may go away by itself */
	const char *why, *remedy;
};

/* The step that comes before all others; those after it are furnish.h's. */
#define OBSTACLE_MAKE "create the namespaces"

/* The first obstacle that explains why `step` failed with `errnum`; NULL if none does. Looks at /proc. */
const struct obstacle *obstacle_find(const char *step, int errnum);

#endif
