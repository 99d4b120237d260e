/* SPDX-License-Identifier: MIT */
/* sandbox.h - go on in namespaces of one's own, which the kernel empties when it is over */
#ifndef NETNS_SANDBOX_H
#define NETNS_SANDBOX_H

#include "relay.h"

#include <sys/types.h>

/* What the init of a sandbox is called, in /proc/PID/comm. */
#define SANDBOX_INIT "nslua-init"

/* fork(), with flags of clone(2): into new namespaces, with SIGCHLD or another signal at the end, or none. */
pid_t sandbox_fork(unsigned long flags);

/*
 * Go on in new network, mount and PID namespaces (and a user namespace where the caller lacks the privilege for those), in a child that
 * has the caller's memory, terminal, process group, signal mask and dispositions, working directory and descriptors. To be called by
 * a process with one thread.
 *
 * Return: 0 in the child. Then the caller itself never returns: it stands for the child, with its exit status, until that ends. -1 when
 * it could not be; nothing has changed then, and *why tells (NOTE_FAILED or NOTE_KILLED).
 */
int sandbox_move(struct note *why);

/* Say on stderr why there is no sandbox, and what helps. */
void sandbox_explain(const char *progname, const struct note *why);

#endif
