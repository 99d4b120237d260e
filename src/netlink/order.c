/* SPDX-License-Identifier: MIT */
/* order.c - how an array is made again: first what others stand on */
#include "rtnl.h"

#include <lauxlib.h>

/* What goes in a circle stays last, and the kernel says what is wrong with it. */
void rtnl_sort(struct rtnl *r, int array)
{
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, array), placed = 0, before;
	int out, rest, waiting;

	luaL_checkstack(L, 10, r->codec.op);
	lua_createtable(L, (int)n, 0);
	out = lua_gettop(L);
	lua_createtable(L, (int)n, 0); /* position -> the spec that is not placed yet, false once it is */
	rest = lua_gettop(L);
	lua_createtable(L, 0, (int)n); /* its key -> true */
	waiting = lua_gettop(L);
	for (lua_Integer i = 1; i <= n; i++) {
		const char *name;

		lua_rawgeti(L, array, i);
		name = rtnl_field(r, waiting + 1, r->object->key);
		lua_pushboolean(L, 1);
		lua_setfield(L, waiting, name ? name : "");
		lua_rawseti(L, rest, i);
	}
	for (bool stuck = false; placed < n; stuck = before == placed) {
		before = placed;
		for (lua_Integer i = 1; i <= n; i++) {
			lua_rawgeti(L, rest, i);
			if (lua_istable(L, -1) && (stuck || !r->object->must_wait(r, waiting + 1, waiting))) {
				const char *name = rtnl_field(r, waiting + 1, r->object->key);

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
