/* SPDX-License-Identifier: MIT */
/* move.h - netns.sandbox(): a program that asks for it goes on in a sandbox */
#ifndef NETNS_MOVE_H
#define NETNS_MOVE_H

#include <lua.h>

/* The registry's field that holds, in a sandbox, the pid by which it is entered; nslua sets it. */
#define MOVE_SANDBOX "netns.sandbox"

/* netns.sandbox into the table on top of the stack. */
void move_open(lua_State *L);

#endif
