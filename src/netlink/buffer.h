/* SPDX-License-Identifier: MIT */
/* buffer.h - an nlbuf that the garbage collector owns */
#ifndef NETNS_NETLINK_BUFFER_H
#define NETNS_NETLINK_BUFFER_H

#include "socket.h"

#include <lua.h>

/* Push a userdata that holds an empty buffer; freed when collected. */
struct nlbuf *nlbuf_push(lua_State *L);

/* Room for `size` bytes more, or a Lua memory error. */
void nlbuf_need(lua_State *L, struct nlbuf *buf, size_t size);

void nlbuf_open(lua_State *L);

#endif
