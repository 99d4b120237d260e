/* SPDX-License-Identifier: MIT */
/* buffer.h - what the garbage collector owns of netlink: an nlbuf, a socket */
#ifndef NETNS_NETLINK_BUFFER_H
#define NETNS_NETLINK_BUFFER_H

#include "socket.h"

#include <lua.h>

/* Push a userdata that holds an empty buffer; freed when collected. */
struct nlbuf *nlbuf_push(lua_State *L);

/* Room for `size` bytes more, or a Lua memory error. */
void nlbuf_need(lua_State *L, struct nlbuf *buf, size_t size);

/* Push a userdata that holds a socket, which is not open; closed when collected. */
struct nlsock *nlsock_push(lua_State *L);

void nlbuf_open(lua_State *L);

#endif
