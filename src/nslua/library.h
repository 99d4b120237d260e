/* SPDX-License-Identifier: MIT */
/* library.h - what require() finds in nslua */
#ifndef NSLUA_LIBRARY_H
#define NSLUA_LIBRARY_H

#include <lua.h>

#ifndef NETNS_VERSION
#define NETNS_VERSION "scm"
#endif

/* Make the C halves and the Lua part of netns known to require; nothing is loaded yet. */
void library_open(lua_State *L);

#endif
