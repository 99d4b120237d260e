/* SPDX-License-Identifier: MIT */
/* nftrace.h - what nftables did with packets that are traced */
#ifndef NETNS_NETLINK_NFTRACE_H
#define NETNS_NETLINK_NFTRACE_H

#include <lua.h>

/* Push the trace messages of `size` bytes at `data` (what one recv gave) onto the array on top of the stack; returns its new length. */
lua_Integer nftrace_decode(lua_State *L, const void *data, size_t size, lua_Integer length);

#endif
