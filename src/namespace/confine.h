/* SPDX-License-Identifier: MIT */
/* confine.h - what a program may do less than we: reads limits, caps and no_new_privs of a spec */
#ifndef NETNS_CONFINE_H
#define NETNS_CONFINE_H

#include "child.h"

#include <lua.h>

/* Read the value on top of the stack, and leave it there; misuse raises. */
void confine_read_limits(lua_State *L, const char *op, struct child_confinement *out);
void confine_read_caps(lua_State *L, const char *op, struct child_confinement *out);

#endif
