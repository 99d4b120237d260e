/* SPDX-License-Identifier: MIT */
/* sandbox.h - run a function in namespaces of its own, which the kernel empties when it is over */
#ifndef NETNS_SANDBOX_H
#define NETNS_SANDBOX_H

struct sandbox_options {
	const char *progname; /* begins the message when no sandbox can be made */
};

/*
 * Run inside(arg) in new network, mount and PID namespaces (and a user namespace where the caller lacks the privilege for those), as a
 * child that keeps the terminal, the process group, the signal mask and dispositions, the working directory and the descriptors. To be
 * called by a process with one thread, before anything that may not be copied by fork exists.
 *
 * Return: the exit status of inside(), which may also leave by exit(); 1 after saying on stderr what could not be made and what helps.
 * When a signal ended the child, the caller is ended by the same signal.
 */
int sandbox_run(const struct sandbox_options *options, int (*inside)(void *), void *arg);

#endif
