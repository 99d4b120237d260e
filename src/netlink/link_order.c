/* SPDX-License-Identifier: MIT */
/* link_order.c - the order in which an array of links can be made: what others stand on comes first */
#include "link.h"

#include <lauxlib.h>

/* Does the spec stand on a link (master, lower link) that is still in the set `waiting`? */
static bool must_wait(struct rtnl *r, int spec, int waiting)
{
	const char *on[] = { rtnl_field(r, spec, "master"), link_is_pair(r, spec) ? NULL : rtnl_field(r, spec, "link"), NULL };
	int top = lua_gettop(r->L);
	bool wait = false;

	lua_pushliteral(r->L, "data");
	if (lua_rawget(r->L, spec) == LUA_TTABLE)
		on[2] = rtnl_field(r, top + 1, "dev");
	for (size_t i = 0; i < 3; i++)
		wait = wait || (on[i] && rtnl_has(r, waiting, on[i]));
	lua_settop(r->L, top);
	return wait;
}

/* Push the array again with masters and lower links first; what goes in a circle stays last, and the kernel says what is wrong with it. */
void link_sorted(struct rtnl *r, int array)
{
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, array), placed = 0, before;
	int out, rest, waiting;

	luaL_checkstack(L, 10, "link replace");
	lua_createtable(L, (int)n, 0);
	out = lua_gettop(L);
	lua_createtable(L, (int)n, 0); /* position -> the spec that is not placed yet, false once it is */
	rest = lua_gettop(L);
	lua_createtable(L, 0, (int)n); /* its name -> true */
	waiting = lua_gettop(L);
	for (lua_Integer i = 1; i <= n; i++) {
		const char *name;

		lua_rawgeti(L, array, i);
		name = rtnl_field(r, waiting + 1, "name");
		lua_pushboolean(L, 1);
		lua_setfield(L, waiting, name ? name : "");
		lua_rawseti(L, rest, i);
	}
	for (bool stuck = false; placed < n; stuck = before == placed) {
		before = placed;
		for (lua_Integer i = 1; i <= n; i++) {
			lua_rawgeti(L, rest, i);
			if (lua_istable(L, -1) && (stuck || !must_wait(r, waiting + 1, waiting))) {
				const char *name = rtnl_field(r, waiting + 1, "name");

				lua_pushnil(L);
				lua_setfield(L, waiting, name ? name : "");
				lua_rawseti(L, out, ++placed);
				lua_pushboolean(L, 0);
				lua_rawseti(L, rest, i);
			} else {
				lua_pop(L, 1);
			}
		}
	}
	lua_settop(L, out);
}
