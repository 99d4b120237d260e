/* SPDX-License-Identifier: MIT */
/* candidates.h - what could stand at the cursor: found by complete.c, used by edit.c, shown by menu.c */
#ifndef NSLUA_CANDIDATES_H
#define NSLUA_CANDIDATES_H

#include <stddef.h>

struct candidates {
	const char **names; /* in order; each begins with what is typed */
	size_t count;
	size_t typed;      /* how many bytes before the cursor they replace */
	char closing[3];   /* what follows a name that is the only one: a quote, or "" */
};

/* How long the beginning is that all names have. */
size_t candidates_common(const struct candidates *c);

#endif
