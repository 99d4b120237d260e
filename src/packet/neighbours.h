/* SPDX-License-Identifier: MIT */
/* neighbours.h - remembers which neighbours namespaces know, and makes them forget those that came since */
#ifndef NETNS_PACKET_NEIGHBOURS_H
#define NETNS_PACKET_NEIGHBOURS_H

#include <lua.h>

/* Module functions into the table on top of the stack, and the metatable. */
void neighbours_open(lua_State *L);

#endif
