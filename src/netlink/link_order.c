/* SPDX-License-Identifier: MIT */
/* link_order.c - how a listing is made again: pairs as one, and what others stand on first */
#include "link.h"

#include <lauxlib.h>
#include <string.h>

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

int link_copy(struct rtnl *r, int spec, const char *const *without)
{
	lua_State *L = r->L;
	int copy;

	luaL_checkstack(L, 5, "link");
	lua_newtable(L);
	copy = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, spec);) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, copy);
	}
	for (; *without; without++) {
		lua_pushnil(L);
		lua_setfield(L, copy, *without);
	}
	return copy;
}

/* Of zeros alone: the kernel lists it where there is none, and takes it from nobody. */
static bool is_no_mac(const char *mac)
{
	return mac && strspn(mac, "0:") == strlen(mac);
}

/*
 * A pair of a listing names its peer as `link`: made again, that is its `peer`. The pair's other end then finds itself there already.
 */
int link_adapt(struct rtnl *r, int spec)
{
	static const char *const all[] = { NULL }, *const no_mac[] = { "mac", NULL };
	bool mac = is_no_mac(rtnl_field(r, spec, "mac"));
	const char *peer = link_is_pair(r, spec) && !rtnl_has(r, spec, "peer") ? rtnl_field(r, spec, "link") : NULL;
	lua_State *L = r->L;

	if (!peer && !mac)
		return spec;
	spec = link_copy(r, spec, mac ? no_mac : all);
	if (peer) {
		lua_createtable(L, 0, 1);
		lua_pushstring(L, peer);
		lua_setfield(L, -2, "name");
		lua_setfield(L, -2, "peer");
	}
	return spec;
}
