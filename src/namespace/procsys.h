/* SPDX-License-Identifier: MIT */
/* procsys.h - the files of /proc/sys as a thread inside a namespace sees them: read, written, found, many at a time */
#ifndef NETNS_PROCSYS_H
#define NETNS_PROCSYS_H

#include "ns.h"

#include <stdbool.h>
#include <stddef.h>

#define PROCSYS_DIR "/proc/sys/"

/* One file. */
struct procsys_job {
	const char *path; /* PROCSYS_DIR... */
	const char *text; /* what to write; NULL: read it */
	size_t size;
	long code;        /* out: bytes read or written, or -errno */
	size_t at;        /* out: where in `data` begins what was read */
};

struct procsys_batch {
	struct procsys_job *jobs;
	size_t n, done;
	char *data;       /* room for what is read */
	size_t used, room;
	bool full;        /* out: it needs more */
};

/*
 * Do the jobs from `done` on, all in one visit to the namespace: 0, or -errno where it could not be entered. It stops early, with `done` at
 * the job, when `room` is used up (`full`; call again with more) and when a write is refused or cut short. A file that cannot be read is
 * passed over.
 */
int procsys_run(const struct ns *ns, struct procsys_batch *batch);

/* Entries one behind the other: PROCSYS_FILE or PROCSYS_FOLDER, then the path and a NUL. */
enum { PROCSYS_FILE = 'f', PROCSYS_FOLDER = 'd' };

struct procsys_walk {
	char *data;       /* begins with the entry to start from; all that are below it are put behind */
	size_t used, room;
	bool full;        /* out: it needs more room, and a new start */
	char scratch[2048];
};

/* 0, or -errno: the namespace could not be entered, or the start is not there (-ENOENT). */
int procsys_find(const struct ns *ns, struct procsys_walk *walk);

#endif
