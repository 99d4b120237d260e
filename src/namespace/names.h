/* SPDX-License-Identifier: MIT */
/* names.h - the names of namespaces in /run/netns, as `ip netns` keeps them */
#ifndef NETNS_NAMES_H
#define NETNS_NAMES_H

#include <lua.h>

/* netns.add, list, delete, identify, prune into the table on top of the stack; ns:attach, ns:delete and ns:pids. After ns_open(). */
void names_open(lua_State *L);

#endif
