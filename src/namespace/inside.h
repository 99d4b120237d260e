/* SPDX-License-Identifier: MIT */
/* inside.h - ns:call(): Lua code with the thread in a namespace */
#ifndef NETNS_INSIDE_H
#define NETNS_INSIDE_H

#include <lua.h>
#include <stdbool.h>

/* Is the thread in some ns:call() of this state? */
bool inside_is_away(lua_State *L);

/* The method. After ns_open(). */
void inside_open(lua_State *L);

#endif
