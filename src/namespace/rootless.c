/* SPDX-License-Identifier: MIT */
/*
 * rootless.c - can an ordinary user have a sandbox here?
 *
 * The only answer that holds is to make one. A process of its own, which root first makes an ordinary user's, makes the namespaces and
 * furnishes them, and tells how far it came. Nothing of it stays, since all goes with the process. It has memory of its own: who changes
 * its user also changes who may look at its memory (PR_SET_DUMPABLE).
 */
#include "rootless.h"

#include "../lua/error.h"
#include "furnish.h"
#include "obstacle.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* What the processes tell, which run the same program: what is said by pointers stands in its constants. */
struct outcome {
	int errnum; /* 0: it can be done */
	const char *what;
	const struct obstacle *why;
};

struct trial {
	struct origin origin;
	struct outcome outcome;
};

/* Have a new process find out and tell the outcome: 0, or -errno where there can be none, or it ends without a word. */
static int try(unsigned long flags, void (*what)(struct trial *), struct trial *trial)
{
	struct outcome *outcome = &trial->outcome;
	int fds[2], code = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = sandbox_fork(flags);
	if (pid == 0) {
		what(trial);
		_exit(write(fds[1], outcome, sizeof(*outcome)) < 0);
	}
	if (pid < 0)
		code = -errno;
	close(fds[1]);
	if (pid > 0) {
		if (read(fds[0], outcome, sizeof(*outcome)) != sizeof(*outcome))
			code = -ECHILD;
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	return code;
}

/* libc would change all threads, of which this process has but one. */
static void become_ordinary(void)
{
	if (geteuid() != 0)
		return;
	syscall(SYS_setgroups, 0, NULL);
	/* A user namespace that knows root alone is itself what an ordinary user has made. */
	if (syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0)
		syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
	prctl(PR_SET_DUMPABLE, 1);
}

/* In the new namespaces. */
static void move_in(struct trial *trial)
{
	trial->outcome.errnum = -furnish(&trial->origin, &trial->outcome.what);
}

/* In a process of its own. */
static void attempt(struct trial *trial)
{
	struct outcome *outcome = &trial->outcome;
	int code;

	become_ordinary();
	furnish_note_origin(&trial->origin, true);
	outcome->what = OBSTACLE_MAKE;
	code = try(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID, move_in, trial);
	if (code < 0)
		outcome->errnum = -code;
	if (outcome->errnum)
		outcome->why = obstacle_find(outcome->what, outcome->errnum);
}

/* core.rootless() -> true | false, why */
static int l_rootless(lua_State *L)
{
	struct trial trial = { 0 };
	const struct outcome *o = &trial.outcome;
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of ours is to run in there */
	code = try(0, attempt, &trial);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code < 0)
		error_errno(L, -code, "supports", "rootless");
	lua_pushboolean(L, o->errnum == 0);
	if (o->errnum == 0)
		return 1;
	lua_pushfstring(L, "cannot %s: %s", o->what, strerrordesc_np(o->errnum));
	if (o->why) {
		lua_pushfstring(L, ": %s; remedy: %s", o->why->why, o->why->remedy);
		lua_concat(L, 2);
	}
	return 2;
}

void rootless_open(lua_State *L)
{
	lua_pushcfunction(L, l_rootless);
	lua_setfield(L, -2, "rootless");
}
