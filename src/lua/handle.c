/* SPDX-License-Identifier: MIT */
/* handle.c - userdata that own something */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int handle_new(lua_State *L, const char *type, const luaL_Reg *meta)
{
	if (luaL_getmetatable(L, type) != LUA_TNIL)
		return 0; /* re-run of luaopen_: what exists keeps serving the old handles */
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushstring(L, type);
	lua_setfield(L, -2, "__name");
	luaL_setfuncs(L, meta, 0);
	return 1;
}

void handle_register(lua_State *L, const char *type)
{
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, type);
}

void handle_type(lua_State *L, const char *type, const luaL_Reg *meta)
{
	if (handle_new(L, type, meta))
		handle_register(L, type);
}

void handle_closefd(int *fd)
{
	int owned = *fd;

	*fd = -1;
	if (owned >= 0)
		close(owned);
}

int handle_safefd(int fd)
{
	int moved, saved;

	if (fd < 0 || fd > 2)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	saved = errno;
	close(fd);
	return moved >= 0 ? moved : -saved;
}

void handle_rcvbuf(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}
