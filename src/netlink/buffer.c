/* SPDX-License-Identifier: MIT */
/* buffer.c - what the garbage collector owns, so that a Lua error frees it */
#include "buffer.h"

#include "../lua/handle.h"

#include <lauxlib.h>

#define BUFFER_TYPE "netns.buffer"
#define SOCKET_TYPE "netns.socket"

struct nlbuf *nlbuf_push(lua_State *L)
{
	struct nlbuf *buf = lua_newuserdatauv(L, sizeof(*buf), 0);

	*buf = (struct nlbuf){ 0 };
	luaL_setmetatable(L, BUFFER_TYPE);
	return buf;
}

void nlbuf_need(lua_State *L, struct nlbuf *buf, size_t size)
{
	if (nlbuf_reserve(buf, size) < 0)
		luaL_error(L, "not enough memory");
}

static int mm_gc(lua_State *L)
{
	nlbuf_free(luaL_checkudata(L, 1, BUFFER_TYPE));
	return 0;
}

struct nlsock *nlsock_push(lua_State *L)
{
	struct nlsock *s = lua_newuserdatauv(L, sizeof(*s), 0);

	s->fd = -1;
	luaL_setmetatable(L, SOCKET_TYPE);
	return s;
}

static int socket_gc(lua_State *L)
{
	nlsock_close(luaL_checkudata(L, 1, SOCKET_TYPE));
	return 0;
}

void nlbuf_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };
	static const luaL_Reg socket_meta[] = { { "__gc", socket_gc }, { NULL, NULL } };

	handle_type(L, BUFFER_TYPE, meta);
	handle_type(L, SOCKET_TYPE, socket_meta);
	lua_pop(L, 2);
}
