/* SPDX-License-Identifier: MIT */
/* handle.h - userdata that own something: made closed, given a metatable, and only then filled */
#ifndef NETNS_HANDLE_H
#define NETNS_HANDLE_H

#include <lauxlib.h>
#include <lua.h>

/*
 * Push the metatable `type`, made once per state: `meta` goes into it, `methods` into the table that is its __index. Returns 1 when it
 * is new, 0 when it was there.
 */
int handle_type(lua_State *L, const char *type, const luaL_Reg *methods, const luaL_Reg *meta);

/* Close *fd and make it -1; for -1 nothing. */
void handle_closefd(int *fd);

/* Keep descriptors 0, 1 and 2 out of our hands: a descriptor below 3 is moved up (CLOEXEC), or -errno. */
int handle_safefd(int fd);

#endif
