/* SPDX-License-Identifier: MIT */
/* wait.h - the one function under every blocking call */
#ifndef NETNS_WAIT_H
#define NETNS_WAIT_H

#include <lua.h>
#include <poll.h>

/* Monotonic seconds. */
double wait_clock(void);

/* The instant `timeout` seconds from now; -1 stays -1, which is never. */
double wait_deadline(double timeout);

/*
 * Wait until one of `fds` is ready, or `deadline` (of wait_clock; -1: for ever) has passed; returns how many are ready, 0 when time ran
 * out. A signal that asks the script to stop (Ctrl-C) raises "interrupted!" on L, whichever coroutine that is, so hold nothing that only
 * this function's caller could free. Other signals are waited through.
 */
int wait_poll(lua_State *L, struct pollfd *fds, nfds_t n, double deadline);

/* netns.wait, netns.sleep, netns.clock into the table on top of the stack. */
void wait_open(lua_State *L);

#endif
