/* SPDX-License-Identifier: MIT */
/* furnish.h - make new namespaces fit to live in */
#ifndef NETNS_FURNISH_H
#define NETNS_FURNISH_H

#include <stdbool.h>
#include <sys/types.h>

/* What must be known before the namespaces are new. */
struct origin {
	bool new_user;
	uid_t uid;
	gid_t gid;
	char cwd[4096]; /* "" where it has no path */
};

void furnish_note_origin(struct origin *origin, bool new_user);

/* Steps that fail for reasons of their own (obstacle.c). */
#define FURNISH_MAP "write the user map"
#define FURNISH_SECLUDE "make the mounts private"
#define FURNISH_PROC "mount /proc"
#define FURNISH_SYS "mount /sys"

/* In the first process inside: user map, mounts, lo, working directory. Returns 0, or -errno with what failed in *what. */
int furnish(const struct origin *origin, const char **what);

#endif
