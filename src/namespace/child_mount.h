/* SPDX-License-Identifier: MIT */
/*
 * child_mount.h - mounts for a container, without libc
 *
 * All by descriptor: where a file system is attached is opened beneath the new root, without symbolic links, so what stands in there cannot
 * lead out of it.
 */
#ifndef NETNS_CHILD_MOUNT_H
#define NETNS_CHILD_MOUNT_H

#include "child.h"

#include <stdbool.h>

/* A new file system that is attached nowhere yet: its descriptor, or -errno. `options` are pairs of strings, ended by NULL; or NULL. */
HIDDEN long child_new_mount(const char *type, const char *const *options, unsigned attributes);

/* A copy of what is mounted at the path, with all beneath if it is `whole`. */
HIDDEN long child_copy_mount(const char *path, bool whole, bool readonly);

/* Attach it to the directory `name` of the directory `at`, which is made if it is not there. */
HIDDEN long child_attach(long mount, long at, const char *name);

/* Attach it to a path of ours. */
HIDDEN long child_attach_here(long mount, const char *path);

/* Put the root together; its descriptor, or -errno. */
HIDDEN long child_make_root(struct child_container *c);

/* Join strings into `out`, which holds `room` bytes: ended by NULL; or -ENAMETOOLONG. */
HIDDEN long child_join(char *out, unsigned long room, const char *a, const char *b, const char *c);

#endif
