/* SPDX-License-Identifier: MIT */
/* fuzz.c - what the fuzz targets share */
#include "fuzz.h"

#include "../../src/lua/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_netns_core(lua_State *L);

/* The collector runs by itself, and all of it after so many inputs, that what one left behind is known to be its own. */
enum { COLLECT_AFTER = 4096 };

const struct rtnl_object *const fuzz_objects[FUZZ_OBJECTS] = {
	&rtnl_link, &rtnl_addr, &rtnl_route, &rtnl_rule, &rtnl_neigh, &rtnl_fdb, &rtnl_qdisc, &rtnl_class, &rtnl_ntable,
	&rtnl_vlan, &rtnl_filter,
};

uint8_t input_byte(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

uint64_t input_number(struct input *in, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n |= (uint64_t)input_byte(in) << (8 * i);
	return n;
}

struct input input_run(struct input *in, size_t most)
{
	struct input run = { in->data, in->size < most ? in->size : most };

	in->data += run.size;
	in->size -= run.size;
	return run;
}

void fuzz_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("fuzz: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

static lua_State *state(void)
{
	static lua_State *L;
	static unsigned int runs;

	if (!L) {
		L = luaL_newstate();
		if (!L)
			fuzz_fail("no memory for a Lua state");
		lua_pushcfunction(L, luaopen_netns_core);
		lua_call(L, 0, 1);
		lua_setfield(L, LUA_REGISTRYINDEX, "netns.core");
	}
	if (++runs % COLLECT_AFTER == 0)
		lua_gc(L, LUA_GCCOLLECT);
	return L;
}

static void check_error(lua_State *L)
{
	if (luaL_getmetafield(L, -1, "__tostring") == LUA_TNIL) {
		const char *text = lua_tostring(L, -1);

		if (!text || strcmp(text, "not enough memory") != 0)
			fuzz_fail("a plain error: %s", text ? text : luaL_typename(L, -1));
		return;
	}
	lua_pop(L, 1);
	luaL_getmetatable(L, ERROR_TYPE);
	if (!lua_getmetatable(L, -2) || !lua_rawequal(L, -1, -2))
		fuzz_fail("an error of a foreign type");
	lua_pop(L, 2);
	luaL_tolstring(L, -1, NULL);
	lua_pop(L, 1);
}

bool fuzz_call(lua_CFunction f, struct input *in)
{
	lua_State *L = state();
	bool good;

	lua_pushcfunction(L, f);
	lua_pushlightuserdata(L, in);
	good = lua_pcall(L, 1, 0, 0) == LUA_OK;
	if (!good)
		check_error(L);
	lua_settop(L, 0);
	return good;
}

static uint32_t any_ifindex(struct codec *c, const char *name, const char *key)
{
	uint32_t hash = 1;

	(void)c;
	(void)key;
	for (; *name; name++)
		hash = hash * 31 + (unsigned char)*name;
	return hash % 1000 + 1;
}

static void push_any_ifname(struct codec *c, uint32_t index)
{
	lua_pushfstring(c->L, "if%d", (int)(index % 100000));
}

static int any_netns(struct codec *c, int idx, const char *key)
{
	(void)c;
	(void)idx;
	(void)key;
	return 3;
}

void fuzz_rtnl(struct rtnl *r, lua_State *L, const struct rtnl_object *object, const char *op)
{
	rtnl_init(r, L, object, NULL, op, "fuzz");
	r->codec.ifindex = any_ifindex;
	r->codec.push_ifname = push_any_ifname;
	r->codec.netns_fd = any_netns;
	r->codec.data = r;
}
