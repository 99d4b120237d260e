/* SPDX-License-Identifier: MIT */
/*
 * procsys.c - the files of /proc/sys as a thread inside a namespace sees them
 *
 * Theory. Whose settings a path below /proc/sys/net means is decided when it is looked up, by the namespace of the task that does it; and
 * what a write does is decided, for a few of them, by the namespace of the task that writes. So both happen inside, and for many files in
 * one visit: where the caller may enter by his own thread, else by a helper in the user namespace (userns.h). One piece of code serves both,
 * so it is BARE (rawcall.h).
 */
#include "procsys.h"

#include "rawcall.h"
#include "userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

/* With less room than this nothing is read: some files hand out a part without a sign that there is more. */
enum { ENOUGH = 1024 };

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Some files leave blanks and the newline at the end to the next write. */
BARE static bool took_all(const struct procsys_job *job)
{
	long at = job->code;

	while (at >= 0 && at < (long)job->size && (job->text[at] == ' ' || job->text[at] == '\t' || job->text[at] == '\n'))
		at++;
	return at == (long)job->size;
}

/* False when the batch must stop here. */
BARE static bool work_on(struct procsys_batch *b, struct procsys_job *job)
{
	size_t room = b->room - b->used;
	long fd;

	b->full = !job->text && room < ENOUGH;
	if (b->full)
		return false;
	fd = RAW(openat, AT_FDCWD, job->path, (job->text ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0) {
		job->code = fd;
		return !job->text;
	}
	if (job->text)
		job->code = RAW(write, fd, job->text, job->size);
	else
		job->code = RAW(read, fd, b->data + b->used, room);
	RAW(close, fd);
	if (job->text)
		return took_all(job);
	b->full = job->code == (long)room;
	if (job->code > 0 && !b->full) {
		job->at = b->used;
		b->used += (size_t)job->code;
	}
	return !b->full;
}

BARE static void work(void *arg)
{
	struct procsys_batch *b = arg;

	while (b->done < b->n && work_on(b, &b->jobs[b->done]))
		b->done++;
}

BARE static bool put(struct procsys_walk *w, size_t *at, char c)
{
	if (*at >= w->room)
		return false;
	w->data[(*at)++] = c;
	return true;
}

/* Append the entry for `name` in the folder whose entry is at `parent`. */
BARE static void append(struct procsys_walk *w, size_t parent, const char *name, char type)
{
	size_t at = w->used;
	bool fits = put(w, &at, type);

	for (size_t i = parent + 1; fits && w->data[i]; i++)
		fits = put(w, &at, w->data[i]);
	fits = fits && put(w, &at, '/');
	for (; fits && *name; name++)
		fits = put(w, &at, *name);
	fits = fits && put(w, &at, 0);
	if (fits)
		w->used = at;
	w->full = !fits;
}

BARE static void open_folder(struct procsys_walk *w, size_t parent, long fd)
{
	long got;

	while (!w->full && (got = RAW(getdents64, fd, w->scratch, sizeof(w->scratch))) > 0)
		for (long at = 0; at < got;) {
			const struct entry *e = (const struct entry *)(w->scratch + at);
			const char *name = e->name;

			if (name[0] != '.' || (name[1] && (name[1] != '.' || name[2])))
				append(w, parent, name, e->type == DT_DIR ? PROCSYS_FOLDER : PROCSYS_FILE);
			at += e->size;
		}
}

/* Level by level: what is found is what is yet to be opened. */
BARE static void find(void *arg)
{
	struct procsys_walk *w = arg;

	for (size_t at = 0; at < w->used && !w->full; at++) {
		if (w->data[at] == PROCSYS_FOLDER) {
			long fd = RAW(openat, AT_FDCWD, w->data + at + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			if (fd >= 0) {
				open_folder(w, at, fd);
				RAW(close, fd);
			} else if (at == 0 && fd == -ENOTDIR) {
				w->data[at] = PROCSYS_FILE;
			} else if (at == 0) {
				w->used = 0; /* there is no such thing */
			}
		}
		while (at < w->used && w->data[at])
			at++;
	}
}

/* ---- for everybody ---- */

static int inside(const struct ns *ns, void (*what)(void *), void *arg)
{
	struct ns_home home;
	int code;

	if (ns->user >= 0)
		return userns_run(ns->user, ns->fd, what, arg);
	code = ns_enter(ns, &home);
	if (code < 0)
		return code;
	what(arg);
	ns_leave(&home);
	return 0;
}

int procsys_run(const struct ns *ns, struct procsys_batch *batch)
{
	batch->full = false;
	return inside(ns, work, batch);
}

int procsys_find(const struct ns *ns, struct procsys_walk *walk)
{
	int code;

	walk->full = false;
	code = inside(ns, find, walk);
	return code == 0 && walk->used == 0 ? -ENOENT : code;
}
