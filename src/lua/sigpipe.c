/* SPDX-License-Identifier: MIT */
/* sigpipe.c - writing without the SIGPIPE that would end the host program if the reader is gone */
#include "sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static sigset_t only_pipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

void sigpipe_hold(struct sigpipe *held)
{
	sigset_t pipe = only_pipe(), pending;

	sigpending(&pending);
	held->waiting = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &held->before);
}

void sigpipe_release(const struct sigpipe *held, bool broken)
{
	static const struct timespec now = { 0 };
	sigset_t pipe = only_pipe();

	if (broken && !held->waiting)
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}
