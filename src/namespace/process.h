/* SPDX-License-Identifier: MIT */
/* process.h - the handle of a program that runs in a namespace */
#ifndef NETNS_PROCESS_H
#define NETNS_PROCESS_H

#include "child.h"
#include "output.h"
#include "supervisor.h"

#include <lua.h>
#include <stdbool.h>

#define PROCESS_TYPE "netns.process"

/* How long close() waits, and how long after its deadline a program may still be dying: seconds. */
#define PROCESS_PATIENCE 2.0

/* What one types at a terminal to end the input. */
#define PROCESS_EOF "\4"

struct process {
	struct supervisor *supervisor;
	int pid, pidfd;
	int status;         /* the supervisor's reports */
	int epoll;          /* status and streams, made when pollfd() is asked for it */
	int in;             /* stdin, if it is a pipe or a terminal */
	struct output out[2];
	int theirs[3];      /* the child's 0, 1 and 2, ours to close */
	bool open, ended;
	double started;
	struct child_report last;
};

/* Push a handle that holds nothing yet. */
struct process *process_push(lua_State *L);

/* The open process at `idx`, or an error. */
struct process *process_check(lua_State *L, int idx, const char *op);

/*
 * Wait until something of the process happens or `deadline` has passed, and take in what it wrote; false at the deadline. `events` says
 * what else is waited for: its report, room in its stdin.
 */
enum { FOR_REPORT = 1, FOR_INPUT = 2 };
bool process_step(lua_State *L, struct process *p, int events, double deadline, const char *op);

/* Read the next report into p->last; false if there is none yet. */
bool process_report(lua_State *L, struct process *p, const char *op);

/* Wait for the end, and take in all that it wrote; false at the deadline. */
bool process_end(lua_State *L, struct process *p, double deadline, const char *op);

/* Push { code or signal, stdout, stderr, elapsed, timed_out }. */
void process_result(lua_State *L, const struct process *p);

/* Kill what runs and give up all that it holds. Does not raise. */
void process_close(lua_State *L, struct process *p);

/* Close our copies of the child's 0, 1 and 2. */
void process_close_theirs(struct process *p);

/* Put the method table of processes into the table on top of the stack as `process`: Lua modules add methods to it. */
void process_open(lua_State *L);

#endif
