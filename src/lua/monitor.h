/* SPDX-License-Identifier: MIT */
/* monitor.h - ns:monitor: a handle on what changes in a namespace */
#ifndef NETNS_MONITOR_H
#define NETNS_MONITOR_H

#include <lua.h>

/* The method into namespaces, and what the reference is compared with into the table on top of the stack. */
void monitor_open(lua_State *L);

#endif
