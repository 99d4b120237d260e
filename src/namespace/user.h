/* SPDX-License-Identifier: MIT */
/* user.h - who a program runs as: reads the `user` of a spec */
#ifndef NETNS_USER_H
#define NETNS_USER_H

#include "child.h"

#include <lua.h>

/* Read the value on top of the stack, and leave it there; misuse raises, and so do names that nobody has. */
void user_read(lua_State *L, const char *op, struct child_confinement *out);

#endif
