/* SPDX-License-Identifier: MIT */
/* probe.h - core.probe: many probes at once, and what was observed of each */
#ifndef NETNS_PACKET_PROBE_H
#define NETNS_PACKET_PROBE_H

#include <lua.h>

/* core.probe into the table on top of the stack, and its metatable. */
void probe_open(lua_State *L);

#endif
