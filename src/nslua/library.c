/* SPDX-License-Identifier: MIT */
/*
 * library.c - what require() finds in nslua
 *
 * The C halves are linked in and come through package.preload. The Lua half that belongs to them is looked for near the program: in the
 * tree that it was built in, or in share/lua/5.4 beside its bin, as an installation below any prefix, DESTDIR or tree of rocks has it;
 * else it is where the Makefile installs it. It goes before what package.path has, which may hold one of another version; unless it is
 * in there already.
 */
#include "library.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef NETNS_LUADIR
#define NETNS_LUADIR "/usr/local/share/lua/5.4"
#endif

int luaopen_netns_core(lua_State *L);
#ifdef WITH_NFTABLES
int luaopen_netns_nft(lua_State *L);
#endif

static const luaL_Reg preloads[] = {
	{ "netns.core", luaopen_netns_core },
#ifdef WITH_NFTABLES
	{ "netns.nft", luaopen_netns_nft },
#endif
	{ NULL, NULL },
};

/* Cut the last name off a path; returns it. */
static char *cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return path + strlen(path);
	*slash = '\0';
	return slash + 1;
}

/* Is the Lua half in dir/below? Then dir becomes that. */
static bool has_lua(char *dir, size_t size, const char *below)
{
	size_t n = strlen(dir);
	bool found = (size_t)snprintf(dir + n, size - n, "%s/netns/init.lua", below) < size - n && access(dir, R_OK) == 0;

	dir[found ? n + strlen(below) : n] = '\0';
	return found;
}

static bool find_near(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);

	if (n < 0)
		return false;
	dir[n] = '\0';
	cut(dir);
	if (strcmp(cut(dir), "build") == 0) /* TREE/build/nslua */
		return has_lua(dir, size, "/lualib");
	if (has_lua(dir, size, "/share/lua/" LUA_VERSION_MAJOR "." LUA_VERSION_MINOR))
		return true;
	return strcmp(cut(dir), "build") == 0 && has_lua(dir, size, "/lualib"); /* TREE/build/VARIANT/nslua */
}

void library_open(lua_State *L)
{
	char near[PATH_MAX];
	const char *dir = find_near(near, sizeof(near)) ? near : NETNS_LUADIR;
	const char *path;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	luaL_setfuncs(L, preloads, 0);
	lua_getglobal(L, LUA_LOADLIBNAME);
	lua_getfield(L, -1, "path");
	path = lua_tostring(L, -1);
	lua_pushfstring(L, ";%s;", path);
	lua_pushfstring(L, ";%s/?.lua;", dir);
	if (!strstr(lua_tostring(L, -2), lua_tostring(L, -1))) {
		lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", dir, dir, path);
		lua_setfield(L, -5, "path");
	}
	lua_pop(L, 5);
}
