/* SPDX-License-Identifier: MIT */
/* handle.h - userdata that own something: made closed, given a metatable, and only then filled */
#ifndef NETNS_HANDLE_H
#define NETNS_HANDLE_H

#include <lauxlib.h>
#include <lua.h>

/*
 * Push the metatable `type`: the one that the state has (0), or a new one with the functions of `meta` (1). A new one is not in use before
 * the caller has completed it and calls handle_register(), which leaves it on the stack: if memory runs out in between, nobody finds half of it.
 */
int handle_new(lua_State *L, const char *type, const luaL_Reg *meta);
void handle_register(lua_State *L, const char *type);

/* Both at once, for a metatable that needs no more than `meta`. */
void handle_type(lua_State *L, const char *type, const luaL_Reg *meta);

/*
 * A type whose __index is a function says in its metatable what that answers, for who lists names without running code, as the
 * interpreter's completion does: `__methods`, a table whose keys they are or a C function of the object that returns one, and `__fields`,
 * a table likewise, with what it inherits from. To ask for one of these changes nothing.
 */
#define HANDLE_METHODS "__methods"
#define HANDLE_FIELDS "__fields"

/* Close *fd and make it -1; for -1 nothing. */
void handle_closefd(int *fd);

/* Keep descriptors 0, 1 and 2 out of our hands: a descriptor below 3 is moved up (CLOEXEC), or -errno. */
int handle_safefd(int fd);

/* A larger receive buffer: more than the usual limit only where that is allowed. */
void handle_rcvbuf(int fd, int size);

#endif
