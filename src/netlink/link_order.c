/* SPDX-License-Identifier: MIT */
/* link_order.c - how a listing is made again: pairs as one, and what others stand on first */
#include "link.h"

#include <lauxlib.h>
#include <string.h>

bool link_must_wait(struct rtnl *r, int spec, int waiting)
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
