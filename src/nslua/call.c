/* SPDX-License-Identifier: MIT */
/* call.c - protected calls whose errors reach the user */
#include "call.h"

#include "../lua/error.h"
#include "interrupt.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_netns_error(lua_State *L, int idx)
{
	bool is = luaL_getmetafield(L, idx, "__name") == LUA_TSTRING && strcmp(lua_tostring(L, -1), ERROR_TYPE) == 0;

	lua_settop(L, idx);
	return is && lua_istable(L, idx);
}

/* "\n\tlabel value" for the field `key` of the error object at 1; "" where it has none. */
static void push_line(lua_State *L, const char *key, const char *label)
{
	lua_pushstring(L, key);
	if (lua_rawget(L, 1) == LUA_TSTRING)
		lua_pushfstring(L, "\n\t%s %s", label, lua_tostring(L, -1));
	else
		lua_pushliteral(L, "");
	lua_remove(L, -2);
}

/*
 * Make a message of the error value. As in lua.c an object that has __tostring speaks for itself, without traceback; ours are refusals
 * of the kernel as any error may be, and get one, with the place and the remedy they know of.
 */
static int on_error(lua_State *L)
{
	const char *message = lua_tostring(L, 1);

	if (!message && is_netns_error(L, 1)) {
		luaL_tolstring(L, 1, NULL);
		push_line(L, "where", "at");
		push_line(L, "hint", "hint:");
		lua_concat(L, 3);
		message = lua_tostring(L, -1);
	} else if (!message) {
		if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING)
			return 1;
		message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
	}
	luaL_traceback(L, L, message, 1);
	return 1;
}

int call_protected(lua_State *L, int nargs, int nresults)
{
	int base = lua_gettop(L) - nargs, status;

	lua_pushcfunction(L, on_error);
	lua_insert(L, base);
	interrupt_arm();
	status = lua_pcall(L, nargs, nresults, base);
	interrupt_disarm();
	lua_remove(L, base);
	return status;
}

int call_quietly(lua_State *L, int nargs, int nresults)
{
	int status;

	interrupt_arm();
	status = lua_pcall(L, nargs, nresults, 0);
	interrupt_disarm();
	return status;
}

void call_message(const char *progname, const char *message)
{
	fflush(stdout);
	if (progname)
		fprintf(stderr, "%s: ", progname);
	fprintf(stderr, "%s\n", message);
	fflush(stderr);
}

int call_report(lua_State *L, const char *progname, int status)
{
	if (status != LUA_OK) {
		const char *message = lua_tostring(L, -1);

		call_message(progname, message ? message : "(error message is not a string)");
		lua_pop(L, 1);
	}
	return status;
}
