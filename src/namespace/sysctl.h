/* SPDX-License-Identifier: MIT */
/* sysctl.h - the settings of a namespace below net/ */
#ifndef NETNS_SYSCTL_H
#define NETNS_SYSCTL_H

#include <lua.h>

/* core.sysctl into the table on top of the stack. */
void sysctl_open(lua_State *L);

#endif
