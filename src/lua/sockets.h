/* SPDX-License-Identifier: MIT */
/* sockets.h - ns:sockets: what `ss` shows */
#ifndef NETNS_SOCKETS_H
#define NETNS_SOCKETS_H

#include <lua.h>

/* The method into namespaces, and what the reference is compared with into the table on top of the stack. */
void sockets_open(lua_State *L);

#endif
