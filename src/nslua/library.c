/* SPDX-License-Identifier: MIT */
/*
 * library.c - what require() finds in nslua
 *
 * The C halves are linked in and come through package.preload. The Lua part is where it was installed; nslua that runs out of its build
 * tree uses the tree's, and before any installed one, which may be of another version.
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

/* Is this TREE/build/nslua, or TREE/build/VARIANT/nslua? Then dir becomes TREE/lualib. */
static bool in_tree(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);

	if (n < 0)
		return false;
	dir[n] = '\0';
	cut(dir);
	if (strcmp(cut(dir), "build") != 0 && strcmp(cut(dir), "build") != 0)
		return false;
	return (size_t)snprintf(dir + strlen(dir), size - strlen(dir), "/lualib") < size - 1 && access(dir, X_OK) == 0;
}

void library_open(lua_State *L)
{
	char dir[PATH_MAX];

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	luaL_setfuncs(L, preloads, 0);
	lua_getglobal(L, LUA_LOADLIBNAME);
	lua_getfield(L, -1, "path");
	if (in_tree(dir, sizeof(dir)))
		lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", dir, dir, lua_tostring(L, -1));
	else if (!strstr(lua_tostring(L, -1), NETNS_LUADIR "/?.lua"))
		lua_pushfstring(L, "%s;" NETNS_LUADIR "/?.lua;" NETNS_LUADIR "/?/init.lua", lua_tostring(L, -1));
	else
		lua_pushvalue(L, -1);
	lua_setfield(L, -3, "path");
	lua_pop(L, 3);
}
