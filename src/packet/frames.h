/* SPDX-License-Identifier: MIT */
/* frames.h - what crosses the interfaces of a namespace */
#ifndef NETNS_PACKET_FRAMES_H
#define NETNS_PACKET_FRAMES_H

#include <lua.h>

/* core.frames into the table on top of the stack. */
void frames_open(lua_State *L);

#endif
