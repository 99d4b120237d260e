/* SPDX-License-Identifier: MIT */
/* repl.h - read a statement, run it, print what it returns */
#ifndef NSLUA_REPL_H
#define NSLUA_REPL_H

#include <lua.h>

/* Until the end of stdin. */
void repl_run(lua_State *L);

#endif
