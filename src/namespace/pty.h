/* SPDX-License-Identifier: MIT */
/* pty.h - a pseudo terminal as a program's stdin, stdout and stderr */
#ifndef NETNS_PTY_H
#define NETNS_PTY_H

#include <lua.h>
#include <stdbool.h>

struct pty_spec {
	bool wanted, echo;
	unsigned short rows, cols;
};

/* Read the value on top of the stack, and leave it there; misuse raises. */
void pty_read(lua_State *L, const char *op, struct pty_spec *out);

/* Make one: *ours does not block, *theirs is the terminal itself. Both are close-on-exec. 0 or -errno, then with neither. */
int pty_open(const struct pty_spec *spec, int *ours, int *theirs);

/* Tell the programs on it that it has another size; 0 or -errno. */
int pty_resize(int ours, unsigned short rows, unsigned short cols);

#endif
