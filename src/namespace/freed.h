/* SPDX-License-Identifier: MIT */
/* freed.h - close namespaces and wait until the kernel has freed them */
#ifndef NETNS_FREED_H
#define NETNS_FREED_H

#include <lua.h>

/* netns.close_wait into the table on top of the stack. */
void freed_open(lua_State *L);

#endif
