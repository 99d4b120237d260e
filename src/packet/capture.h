/* SPDX-License-Identifier: MIT */
/* capture.h - ns:capture: what crosses the links of a namespace, into a file */
#ifndef NETNS_PACKET_CAPTURE_H
#define NETNS_PACKET_CAPTURE_H

#include <lua.h>

/* The method into namespaces, and what the reference is compared with into the table on top of the stack. */
void capture_open(lua_State *L);

#endif
