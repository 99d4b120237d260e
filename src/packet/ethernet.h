/* SPDX-License-Identifier: MIT */
/* ethernet.h - whole frames, sent and seen on the interfaces of a namespace */
#ifndef NETNS_PACKET_ETHERNET_H
#define NETNS_PACKET_ETHERNET_H

#include <lua.h>

/* core.ethernet into the table on top of the stack. */
void ethernet_open(lua_State *L);

#endif
