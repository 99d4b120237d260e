/* SPDX-License-Identifier: MIT */
/* userns.h - a user namespace of our own, in which a program without privilege can have network namespaces */
#ifndef NETNS_USERNS_H
#define NETNS_USERNS_H

#include <lua.h>
#include <stdbool.h>

/*
 * The descriptor of this Lua state's user namespace, made on first use and closed with the state. Raises for `op` on `subject` where there
 * can be none: EPERM where the interpreter was told to work on the machine itself (registry USERNS_OFF), else with the reason.
 */
#define USERNS_OFF "netns.host"
int userns_of(lua_State *L, const char *op, const char *subject);

/*
 * For who cannot go there and back himself: which user namespace a process of ours must enter before the network namespace `net`; this
 * state's own, or another that we may enter since its maker was our user (another state's, a rootless container's), which the caller then
 * has to close (*ours). -1: none.
 */
int userns_owner(lua_State *L, int net, bool *ours);

/* Have we these capabilities (a mask of 1 << CAP_...)? */
bool userns_may(unsigned caps);

/* Must we make a user namespace to make others and to work in them? */
bool userns_is_needed(void);

/* In a network namespace that belongs to the user namespace `user`; each returns a close-on-exec descriptor, or -errno. */
int userns_net(int user);
int userns_socket(int user, int net, int domain, int type, int protocol);
int userns_open(int user, int net, const char *path, int flags);

/* Have `what(arg)` run in there: 0, or -errno when it was not. It is BARE (rawcall.h), and has a stack of some 3 KiB. */
int userns_run(int user, int net, void (*what)(void *), void *arg);

#endif
