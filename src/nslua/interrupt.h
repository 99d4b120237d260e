/* SPDX-License-Identifier: MIT */
/* interrupt.h - Ctrl-C ends the Lua code that is running, in whichever coroutine that is */
#ifndef NSLUA_INTERRUPT_H
#define NSLUA_INTERRUPT_H

#include <lua.h>

/* Once, after the standard library is open: L is the main thread. */
void interrupt_open(lua_State *L);

/* From here on SIGINT raises "interrupted!" in the running coroutine, once; a second one kills. Not if SIGINT is ignored. */
void interrupt_arm(void);
void interrupt_disarm(void);

#endif
