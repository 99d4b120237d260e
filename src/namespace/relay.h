/* SPDX-License-Identifier: MIT */
/* relay.h - between the process that a user started and the one that runs elsewhere in its stead: signals in, exit status out */
#ifndef NETNS_RELAY_H
#define NETNS_RELAY_H

#include "terminal.h"

#include <signal.h>
#include <sys/types.h>

/* What travels on the channel between the two, one datagram each. */
struct note {
	enum {
		/* from the server */
		NOTE_FAILED,
		NOTE_RUNNING,
		NOTE_STOPPED,
		NOTE_STANDS,
		NOTE_EXITED,
		NOTE_KILLED,
		NOTE_OVER,
		/* from the stub, where NOTE_STOPPED asks whether it stands or is running */
		NOTE_SIGNAL,
	} kind;
	int value;     /* exited: the status; failed: errno; stands: is it of our process group? Else a signal. */
	char what[48]; /* failed: at what */
};

struct relay {
	int stub, server; /* the two ends of the channel */
	int signals;      /* a signalfd; who reads it gets his own */
	sigset_t mask;    /* what the caller had, which the child gets back */
	struct sigaction chld;
	struct terminal terminal;
};

/* Make the channel, block all signals and have children waited for, as both ends need it. 0, or -1 with errno. */
int relay_open(struct relay *relay);

/* In the child: give up the channel, and have signals as the caller had them. */
void relay_leave(struct relay *relay);

/* Fill in *why, a NOTE_FAILED; returns -1. */
int relay_refuse(struct note *why, const char *what, int errnum);

/* In the server, which relay_open()'s caller forked: tell the stub that nothing will run, and end. */
_Noreturn void relay_fail(const struct relay *relay, const char *what, int errnum);

/* In the server: die with the stub. A change of user makes the kernel forget it. */
void relay_follow(struct relay *relay);

/*
 * Serve `child`: pass signals on, tell what becomes of it, reap whatever else is orphaned; return never. `init`, unless it is -1, is a
 * pidfd of the process with which everything around the child ends.
 */
_Noreturn void relay_serve(const struct relay *relay, pid_t child, int init);

/*
 * In the caller, after fork() returned `server`, perhaps -1 with errno (then `what` failed): stand for the child, to the shell and whoever
 * else knows our pid, until it ends, and exit as it does. Stopped and ended by the signals that stop and end the child; keeps no
 * descriptor but a terminal on which to say `over` (unless that is NULL) when `init` (of relay_serve) ends first. If the child does not
 * come to run: -1 with *why, NOTE_FAILED or NOTE_KILLED, and the caller is as it was.
 */
int relay_stand(struct relay *relay, pid_t server, const char *what, const char *over, struct note *why);

#endif
