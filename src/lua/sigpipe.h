/* SPDX-License-Identifier: MIT */
/* sigpipe.h - writing without the SIGPIPE that would end the host program if the reader is gone */
#ifndef NETNS_LUA_SIGPIPE_H
#define NETNS_LUA_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
	sigset_t before;
	bool waiting; /* one was there already */
};

/* From here on this thread gets none. */
void sigpipe_hold(struct sigpipe *held);

/* `broken`: writing failed with EPIPE, so one has come, and goes. */
void sigpipe_release(const struct sigpipe *held, bool broken);

#endif
