/* SPDX-License-Identifier: MIT */
/*
 * roundtrip.c - runs a Lua script that writes specs and reads them again, without a kernel
 *
 *   fuzz-roundtrip SCRIPT ARGUMENT...
 *
 * The script's global `roundtrip(object, verb, spec)` gives the entry that the message of a spec decodes to, as a listing has it. A link's
 * name is "if" and its index. `core` is the library's C half.
 */
#include "fuzz.h"

#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_netns_core(lua_State *L);

static uint32_t index_of(struct codec *c, const char *name, const char *key)
{
	(void)c;
	(void)key;
	return strncmp(name, "if", 2) == 0 ? (uint32_t)atoi(name + 2) : 1;
}

/* roundtrip(object, verb, spec) -> entry */
static int roundtrip(lua_State *L)
{
	static const char *const verbs[] = { "add", "replace", "set", "delete", NULL };
	const char *name = luaL_checkstring(L, 1);
	enum rtnl_verb verb = (enum rtnl_verb)luaL_checkoption(L, 2, NULL, verbs);
	const struct rtnl_object *object = NULL;
	const struct nlmsghdr *h;
	struct rtnl r;
	size_t start;

	luaL_checktype(L, 3, LUA_TTABLE);
	for (size_t i = 0; i < FUZZ_OBJECTS; i++)
		if (strcmp(fuzz_objects[i]->name, name) == 0)
			object = fuzz_objects[i];
	luaL_argcheck(L, object, 1, "no such object");
	fuzz_rtnl(&r, L, object, "roundtrip");
	r.codec.ifindex = index_of;
	r.lenient = true;
	start = rtnl_encode(&r, 3, verb);
	h = (const struct nlmsghdr *)(r.codec.out->data + start);
	h = (const struct nlmsghdr *)lua_pushlstring(L, (const char *)h, h->nlmsg_len);
	r.family = ((const uint8_t *)h)[NLMSG_HDRLEN];
	rtnl_push(&r, h);
	if (object->nth)
		object->nth(&r, h, 0);
	return 1;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();

	if (!L || argc < 2)
		return 2;
	luaL_openlibs(L);
	luaL_requiref(L, "netns.core", luaopen_netns_core, 0);
	lua_setglobal(L, "core");
	lua_register(L, "roundtrip", roundtrip);
	if (luaL_loadfile(L, argv[1]) != LUA_OK) {
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
		return 2;
	}
	for (int i = 2; i < argc; i++)
		lua_pushstring(L, argv[i]);
	if (lua_pcall(L, argc - 2, 0, 0) != LUA_OK) {
		fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
		lua_close(L);
		return 1;
	}
	lua_close(L);
	return 0;
}
