/* SPDX-License-Identifier: MIT */
/* supervisor.h - our hold on a supervisor: start it, end it with all that runs under it, or leave it to the end of the Lua state */
#ifndef NETNS_SUPERVISOR_H
#define NETNS_SUPERVISOR_H

#include "child.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* It stands at the start of the mapping that holds the job, what the job points to, and the stacks. */
struct supervisor {
	struct supervisor *next; /* among those that are kept */
	size_t size;             /* of the mapping */
	pid_t pid;               /* 0 before it is started */
	pid_t owner;             /* who started it: a fork()ed copy of us leaves it alone */
	int pidfd;
	int control;             /* closing it ends everything */
	int theirs[3];           /* its descriptors, ours to close */
	bool told;               /* it ends, without being asked once more */
	bool killed;             /* it did not end by itself */
	struct child_job job;
};

/*
 * A job with `extra` bytes for what it points to, at supervisor_extra(); NULL with errno. A container has more processes, which need stacks.
 */
struct supervisor *supervisor_new(size_t extra, bool own_memory, bool container);
char *supervisor_extra(struct supervisor *s);

/* Start it. *status gets the end of the pipe on which it reports; 0 or -errno. Close nothing that was for it or for the
 * child until its first report has come. */
int supervisor_start(struct supervisor *s, int *status);

/* Its first report has come: give up the descriptors that were for it. */
void supervisor_started(struct supervisor *s);

/* Ask it to end itself and all that runs under it. */
void supervisor_ask(struct supervisor *s);

/* Do so, and free *s when it is gone: true; or false if that takes longer than `seconds`. */
bool supervisor_end(struct supervisor *s, double seconds);

/*
 * Hand *s to the Lua state: a supervisor that shall run on (daemons that exec started), or one that could not be ended in time. Those
 * whose processes are gone are freed by a later supervisor_sweep(), the others are ended with the state. None of these raises.
 */
void supervisor_keep(lua_State *L, struct supervisor *s);
void supervisor_sweep(lua_State *L);

/* Make the place for them; before any handle that could hand one over, so that it is finalised after them. */
void supervisor_open(lua_State *L);

#endif
