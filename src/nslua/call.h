/* SPDX-License-Identifier: MIT */
/* call.h - protected calls whose errors reach the user */
#ifndef NSLUA_CALL_H
#define NSLUA_CALL_H

#include <lua.h>

/* lua_pcall with a traceback in the message, ended by Ctrl-C. */
int call_protected(lua_State *L, int nargs, int nresults);

/* Likewise, with the error value as it is. */
int call_quietly(lua_State *L, int nargs, int nresults);

/* If `status` is a failure, print and pop its message, after "progname: " where that is not NULL. Returns `status`. */
int call_report(lua_State *L, const char *progname, int status);

/* Print to stderr as call_report does. */
void call_message(const char *progname, const char *message);

#endif
