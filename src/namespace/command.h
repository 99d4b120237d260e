/* SPDX-License-Identifier: MIT */
/* command.h - reads what ns:spawn and ns:exec are given */
#ifndef NETNS_COMMAND_H
#define NETNS_COMMAND_H

#include "child.h"
#include "container.h"
#include "pty.h"
#include "supervisor.h"

#include <lua.h>
#include <stddef.h>
#include <stdio.h>

/* What becomes of 0, 1 or 2. */
enum stream_kind {
	STREAM_NULL,    /* /dev/null */
	STREAM_INHERIT, /* ours */
	STREAM_PIPE,    /* a pipe to or from us */
	STREAM_CONTENT, /* stdin: a string */
	STREAM_FILE,    /* a Lua file */
	STREAM_STDOUT,  /* stderr: where stdout goes */
};

struct stream_spec {
	enum stream_kind kind;
	FILE *file;
	const char *content;
	size_t size;
};

/* A checked spec. Its strings belong to the spec and to the tables at `argv` and `env` of the Lua stack. */
struct command {
	const char *op;
	const char *name;   /* argv[1] */
	int argv, env;      /* stack indices of arrays of strings; env 0: our own environment */
	int filter;         /* and of what holds confine.filter */
	lua_Integer argc, envc;
	size_t size;        /* bytes that command_store() needs */
	const char *cwd;    /* NULL: ours */
	const char *search; /* PATH */
	double timeout;     /* -1: none */
	bool check, has_check;
	struct stream_spec streams[3];
	struct pty_spec pty; /* wanted: instead of the streams */
	struct child_confinement confine;
	struct container_spec container;
};

/* Read the spec at `idx`; misuse raises. Pushes three values, which `out` refers to. `capture` is what stdout and stderr default to. */
void command_read(lua_State *L, int idx, const char *op, enum stream_kind capture, struct command *out);

/* Push what a spec may have, beside argv: args_push_schema(). */
void command_push_schema(lua_State *L);

/* Write argv, environment, paths and cwd behind the job. `cwd` is the directory to use. */
void command_store(lua_State *L, const struct command *c, const char *cwd, struct supervisor *s);

#endif
