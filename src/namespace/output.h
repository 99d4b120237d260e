/* SPDX-License-Identifier: MIT */
/* output.h - what a process writes into a captured stream, and the methods that read it */
#ifndef NETNS_OUTPUT_H
#define NETNS_OUTPUT_H

#include "../netlink/buffer.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct output {
	int fd;             /* our end of the pipe, -1 when it has been read to its end */
	bool captured;
	bool terminal;      /* its end is an error of reading (EIO) */
	struct nlbuf data;  /* what came out of it; */
	size_t start;       /* from here on it was not taken yet */
};

/* Take in what the pipe holds now; an error of it raises. */
void output_fill(lua_State *L, struct output *o, const char *op);

/* What was not taken yet. */
const char *output_data(const struct output *o, size_t *size);

void output_close(struct output *o);

/* read, lines, more, peek, take */
extern const luaL_Reg output_methods[];

#endif
