/* SPDX-License-Identifier: MIT */
/* rootless.h - can an ordinary user have a sandbox here? */
#ifndef NETNS_ROOTLESS_H
#define NETNS_ROOTLESS_H

#include <lua.h>

/* core.rootless into the table on top of the stack. */
void rootless_open(lua_State *L);

#endif
