/* SPDX-License-Identifier: MIT */
/* trace.h - what nftables does with traced packets of one namespace */
#ifndef NETNS_PACKET_TRACE_H
#define NETNS_PACKET_TRACE_H

#include <lua.h>

/* core.trace into the table on top of the stack. */
void trace_open(lua_State *L);

#endif
