/* SPDX-License-Identifier: MIT */
/*
 * inside.c - ns:call(): Lua code with the thread in a namespace
 *
 * The call is protected, and without a continuation: the thread comes back after an error as after a return, and a yield in it is an
 * error instead of the rest of the program running in the wrong namespace.
 */
#include "inside.h"

#include "../lua/error.h"
#include "ns.h"

#include <lauxlib.h>

#define DEPTH NS_TYPE ".depth"

/* How deep the state is in such calls: an integer of the registry's. */
static int *depth_of(lua_State *L)
{
	int *depth;

	lua_getfield(L, LUA_REGISTRYINDEX, DEPTH);
	depth = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return depth;
}

bool inside_is_away(lua_State *L)
{
	return *depth_of(L) > 0;
}

/* ns:call(f, ...) -> f's results; f runs with the thread inside */
static int m_call(lua_State *L)
{
	const struct ns *ns = ns_check(L, 1, "netns call", "self");
	int *depth = depth_of(L), code;
	char label[NS_LABEL_SIZE];
	struct ns_home home;

	if (lua_type(L, 2) != LUA_TFUNCTION)
		return error_misuse(L, "netns call", "f", "function expected, got %s", luaL_typename(L, 2));
	luaL_checkstack(L, LUA_MINSTACK, "netns call");
	code = ns_enter(ns, &home);
	if (code < 0)
		return error_raise(L, &(struct error){ .op = "netns call", .netns = ns_label(ns, label), .errnum = -code,
			.message = ns->user < 0 ? NULL : "it belongs to a user namespace that this program is not in" });
	++*depth;
	code = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
	ns_leave(&home);
	--*depth;
	if (code != LUA_OK)
		return lua_error(L);
	return lua_gettop(L) - 1;
}

void inside_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "call", m_call }, { NULL, NULL } };

	if (lua_getfield(L, LUA_REGISTRYINDEX, DEPTH) == LUA_TNIL) {
		*(int *)lua_newuserdatauv(L, sizeof(int), 0) = 0;
		lua_setfield(L, LUA_REGISTRYINDEX, DEPTH);
	}
	lua_pop(L, 1);
	ns_add_methods(L, methods);
}
