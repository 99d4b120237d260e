/* SPDX-License-Identifier: MIT */
/* seccomp.h - system calls that a program may not make: reads the `seccomp` of a spec */
#ifndef NETNS_SECCOMP_H
#define NETNS_SECCOMP_H

#include "child.h"

#include <lua.h>

/* Replace the value on top of the stack by what holds the filter; misuse raises, and so does a build without libseccomp. */
void seccomp_read(lua_State *L, const char *op, struct child_confinement *out);

#endif
