/* SPDX-License-Identifier: MIT */
/* relay.h - between the process that a user started and the one that runs elsewhere in its stead: signals in, exit status out */
#ifndef NETNS_RELAY_H
#define NETNS_RELAY_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* What travels on the channel between the two, one datagram each. */
struct note {
	enum { NOTE_FAILED, NOTE_RUNNING, NOTE_STOPPED, NOTE_EXITED, NOTE_KILLED, NOTE_OVER, NOTE_SIGNAL } kind;
	int value;     /* exited: the status; failed: errno; else a signal */
	char what[48]; /* failed: at what */
};

/* What the caller had, which the child gets back. */
struct habits {
	sigset_t mask;
	struct sigaction chld;
};

/* Block all signals and have children waited for, as both ends need it, and undo that. */
void habits_leave(struct habits *habits);
void habits_resume(const struct habits *habits);

/* The two ends of a channel, or -1 with errno. */
int relay_open(int channel[2]);

/* Fill in *why, a NOTE_FAILED; returns -1. */
int relay_refuse(struct note *why, const char *what, int errnum);

/* Tell the stub that nothing will run, and end. */
_Noreturn void relay_fail(int channel, const char *what, int errnum);

/* Is the process at the other end dead? It is closed before death signals are sent, so this is for those who asked for one too late. */
bool relay_is_cut(int channel);

/*
 * Serve `child`: pass signals on, tell what becomes of it, reap whatever else is orphaned; return never. `init`, unless it is -1, is a
 * pidfd of the process with which everything around the child ends.
 */
_Noreturn void relay_serve(int channel, pid_t child, int init);

/* Wait for the first note of `server`: does the child run? Else it is reaped, and *note says why: NOTE_FAILED, or NOTE_KILLED. */
bool relay_await(int channel, pid_t server, struct note *note);

/*
 * Stand for the child, to the shell and whoever else knows our pid, until it ends: keeps no descriptor but a terminal on which to say
 * `over` (unless that is NULL), and is stopped and ended by the signals that stop and end the child. Return: its exit status.
 */
int relay_stand(int channel, pid_t server, const char *over);

#endif
