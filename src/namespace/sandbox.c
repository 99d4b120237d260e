/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - the three processes of a sandbox: stub, init and the child that runs inside
 *
 * Theory. The process that the user started becomes the *stub*: it stays outside, does nothing but pass signals in and the exit status
 * out, and so can be killed at any instant without harm. It clones *init*, pid 1 of the new namespaces, which furnishes them, starts the
 * *child*, and then reaps whatever is orphaned. The child goes on with what the caller was about to do. The stub's death kills init
 * (PDEATHSIG, and the channel between them hangs up); init's death makes the kernel kill every process in the PID namespace, and with the
 * last process the mounts, namespaces and links go. No process can leave, so nothing needs to be found and cleaned.
 */
#include "sandbox.h"

#include "../lua/error.h"
#include "furnish.h"
#include "obstacle.h"
#include "userns.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void sandbox_explain(const char *progname, const struct note *why)
{
	const struct obstacle *o = why->kind == NOTE_FAILED ? obstacle_find(why->what, why->value) : NULL;

	if (why->kind == NOTE_FAILED)
		fprintf(stderr, "%s: no sandbox: cannot %s: %s (%s)\n", progname, why->what, strerror(why->value), error_code(why->value));
	else
		fprintf(stderr, "%s: no sandbox: its first process was killed\n", progname);
	if (o)
		fprintf(stderr, "  why: %s\n  remedy: %s\n", o->why, o->remedy);
	fprintf(stderr, "  or use --host to work on the machine's own namespaces, without a sandbox (most of it needs root)\n");
}

/* In init. Returns in the child only. */
static void settle(struct relay *relay, const struct origin *origin)
{
	const char *what;
	char name[16];
	pid_t child;
	int err;

	relay_follow(relay);
	err = furnish(origin, &what);
	if (err)
		relay_fail(relay, what, -err);
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, SANDBOX_INIT); /* before anybody inside could look for it */
	child = fork();
	if (child < 0)
		relay_fail(relay, "start a process inside", errno);
	if (child > 0)
		relay_serve(relay, child, -1);
	prctl(PR_SET_NAME, name);
	relay_leave(relay);
}

/* No stack, so the child goes on here. glibc has no wrapper for that. */
pid_t sandbox_fork(unsigned long flags)
{
#ifdef __s390__
	return (pid_t)syscall(SYS_clone, 0, flags, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
#endif
}

/* Namespaces are freed by a worker of the kernel, later than their processes: a limit that is reached may yet give way. */
static pid_t fork_patiently(unsigned long flags)
{
	for (int tries = 0;; tries++) {
		pid_t pid = sandbox_fork(flags | SIGCHLD);
		const struct obstacle *o;
		int saved = errno;

		if (pid >= 0 || tries == 40)
			return pid;
		o = obstacle_find(OBSTACLE_MAKE, saved);
		errno = saved;
		if (!o || !o->may_pass)
			return pid;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

int sandbox_move(struct note *why)
{
	struct origin origin;
	struct relay relay;
	pid_t init;

	furnish_note_origin(&origin, userns_is_needed());
	if (relay_open(&relay) < 0)
		return relay_refuse(why, "make a socket pair", errno);
	init = fork_patiently(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | (origin.new_user ? CLONE_NEWUSER : 0));
	if (init != 0)
		return relay_stand(&relay, init, OBSTACLE_MAKE, NULL, why);
	settle(&relay, &origin);
	return 0;
}
