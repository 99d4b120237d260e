/* SPDX-License-Identifier: MIT */
/* userns.h - a user namespace of our own, in which a program without privilege can have network namespaces */
#ifndef NETNS_USERNS_H
#define NETNS_USERNS_H

#include <lua.h>

/*
 * The descriptor of this Lua state's user namespace, made on first use and closed with the state; or -errno: EPERM where the interpreter
 * was told to work on the machine itself (registry USERNS_OFF).
 */
#define USERNS_OFF "netns.host"
int userns_of(lua_State *L);

/* Is the network namespace `net` one of this state's user namespace? That one's descriptor, or -1. */
int userns_owner(lua_State *L, int net);

/* In a network namespace that belongs to the user namespace `user`; each returns a close-on-exec descriptor, or -errno. */
int userns_net(int user);
int userns_socket(int user, int net, int domain, int type, int protocol);
int userns_open(int user, int net, const char *path, int flags);

#endif
