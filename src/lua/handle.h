/* SPDX-License-Identifier: MIT */
/* handle.h - userdata that own something: made closed, given a metatable, and only then filled */
#ifndef NETNS_HANDLE_H
#define NETNS_HANDLE_H

#include <lauxlib.h>
#include <lua.h>

/*
 * Create the metatable `type` once per state: `methods` become __index's table (left on the stack by neither), `meta` goes into the
 * metatable itself. Returns true, with the metatable on the stack, when it is new; false, with it on the stack too, when it was there.
 */
int handle_type(lua_State *L, const char *type, const luaL_Reg *methods, const luaL_Reg *meta);

/* Close *fd and make it -1; for -1 nothing. */
void handle_closefd(int *fd);

/* Keep descriptors 0, 1 and 2 out of our hands: a descriptor below 3 is moved up (CLOEXEC), or -errno. */
int handle_safefd(int fd);

#endif
