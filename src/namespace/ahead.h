/* SPDX-License-Identifier: MIT */
/* ahead.h - namespaces that a helper makes while we are busy with those that are there */
#ifndef NETNS_AHEAD_H
#define NETNS_AHEAD_H

#include <lua.h>

/* core.ahead into the table on top of the stack. */
void ahead_open(lua_State *L);

#endif
