/* SPDX-License-Identifier: MIT */
/* enter.h - go on in a sandbox that is running already */
#ifndef NETNS_ENTER_H
#define NETNS_ENTER_H

#include "relay.h"

#include <sys/types.h>

/* The sandbox to enter: its init, as the caller numbers it. */
struct entrance {
	pid_t init;
	int pidfd; /* of it */
};

/*
 * Find the sandbox that the process `pid` stands for (its stub, or a program that netns.sandbox() moved) or else is in. 0 with *out, whose
 * descriptor is the caller's, or -1 with *why (errno 0: there is none).
 */
int enter_find(pid_t pid, struct entrance *out, struct note *why);

/*
 * Go on in it, as sandbox_move() does in a new one: 0 in a child that is a process of that sandbox, and dies with it and with the caller;
 * -1 with *why. `over` is said on a terminal when the sandbox ends first; the exit status is then that of SIGKILL, 137.
 */
int enter_move(const struct entrance *entrance, const char *over, struct note *why);

/* Say on stderr why `pid` could not be entered. */
void enter_explain(const char *progname, pid_t pid, const struct note *why);

#endif
