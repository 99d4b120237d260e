/* SPDX-License-Identifier: MIT */
/* spawn.h - starts a program in a namespace: ns:spawn and ns:exec */
#ifndef NETNS_SPAWN_H
#define NETNS_SPAWN_H

#include <lua.h>

/* Add the two methods to namespaces. */
void spawn_open(lua_State *L);

#endif
