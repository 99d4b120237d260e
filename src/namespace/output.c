/* SPDX-License-Identifier: MIT */
/*
 * output.c - what a process writes into a captured stream, and the methods that read it
 *
 * It is taken in whenever we wait for the process, so it may be much. Taking the first bytes only moves a mark; the rest is moved when more
 * than half of the buffer is behind it, so reading line by line costs no more than reading at once.
 */
#include "output.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "process.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_SIZE = 65536,   /* what a pipe holds, */
	READ_MOST = 1048576, /* and the most that a user may make one hold: nothing written before the end is beyond it */
};

/* ---- without a lua_State ---- */

static int fill(struct output *o)
{
	for (size_t got = 0; o->fd >= 0 && got < READ_MOST;) {
		ssize_t n;

		if (o->start > o->data.size / 2) {
			o->data.size -= o->start;
			memmove(o->data.data, o->data.data + o->start, o->data.size);
			o->start = 0;
		}
		if (nlbuf_reserve(&o->data, READ_SIZE) < 0)
			return -ENOMEM;
		n = read(o->fd, o->data.data + o->data.size, READ_SIZE);
		if (n < 0 && errno == EIO && o->terminal)
			n = 0;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			handle_closefd(&o->fd);
		o->data.size += (size_t)n;
		got += (size_t)n;
	}
	return 0;
}

const char *output_data(const struct output *o, size_t *size)
{
	*size = o->data.size - o->start;
	return o->data.data ? o->data.data + o->start : "";
}

void output_close(struct output *o)
{
	handle_closefd(&o->fd);
	nlbuf_free(&o->data);
	o->start = 0;
}

/* ---- with one ---- */

void output_fill(lua_State *L, struct output *o, const char *op)
{
	int code = fill(o);

	if (code < 0)
		error_errno(L, -code, op, NULL);
}

/* The stream that argument `idx` names; without it, the one that is captured, stdout if both are. */
static struct output *check_output(lua_State *L, struct process *p, int idx, const char *op)
{
	static const char *const names[] = { "stdout", "stderr" };
	int which = !p->out[0].captured && p->out[1].captured;

	if (!lua_isnoneornil(L, idx)) {
		const char *name = args_string(L, idx, &(struct args_at){ .op = op, .key = "stream" }, NULL);

		which = strcmp(name, names[1]) == 0;
		if (strcmp(name, names[which]) != 0)
			error_misuse(L, op, "stream", "\"stdout\" or \"stderr\" expected, got '%s'", name);
	}
	if (!p->out[which].captured)
		error_misuse(L, op, names[which], "it was not started with %s = \"capture\"", names[which]);
	return &p->out[which];
}

/* Push the first `n` bytes, of which `keep` are given and all are taken. */
static void push_taken(lua_State *L, struct output *o, size_t keep, size_t n)
{
	size_t size;

	lua_pushlstring(L, output_data(o, &size), keep);
	o->start += n;
}

/*
 * p:more([timeout [, stream]]) -> true: there is more to take than before | nil: it is at its end | nil, "timeout"
 * p:peek([stream]) -> what was read and not taken yet
 * p:take(n [, stream]) -> the first n bytes of that, which are gone then
 */
static int m_more(lua_State *L)
{
	struct process *p = process_check(L, 1, "process read");
	struct output *o = check_output(L, p, 3, "process read");
	double deadline = wait_deadline(args_timeout(L, 2, "process read"));
	size_t before, size;

	output_data(o, &before);
	output_fill(L, o, "process read");
	while (output_data(o, &size), size == before && o->fd >= 0)
		if (!process_step(L, p, 0, deadline, "process read")) {
			lua_pushnil(L);
			lua_pushliteral(L, "timeout");
			return 2;
		}
	if (size > before)
		lua_pushboolean(L, 1);
	else
		lua_pushnil(L);
	return 1;
}

static int m_peek(lua_State *L)
{
	struct output *o = check_output(L, process_check(L, 1, "process read"), 2, "process read");
	size_t size;
	const char *data = output_data(o, &size);

	lua_pushlstring(L, data, size);
	return 1;
}

static int m_take(lua_State *L)
{
	struct output *o = check_output(L, process_check(L, 1, "process read"), 3, "process read");
	lua_Integer n;
	size_t size;

	output_data(o, &size);
	n = args_integer(L, 2, &(struct args_at){ .op = "process read", .key = "n" }, 0, (lua_Integer)size);
	push_taken(L, o, (size_t)n, (size_t)n);
	return 1;
}

/* p:read([timeout [, stream]]) -> what is there, waiting for something if nothing is | nil at its end | nil, "timeout" */
static int m_read(lua_State *L)
{
	struct process *p = process_check(L, 1, "process read");
	struct output *o = check_output(L, p, 3, "process read");
	double deadline = wait_deadline(args_timeout(L, 2, "process read"));
	size_t size;

	output_fill(L, o, "process read");
	while (output_data(o, &size), size == 0) {
		if (o->fd < 0) {
			lua_pushnil(L);
			return 1;
		}
		if (!process_step(L, p, 0, deadline, "process read")) {
			lua_pushnil(L);
			lua_pushliteral(L, "timeout");
			return 2;
		}
	}
	push_taken(L, o, size, size);
	return 1;
}

/* The next line. Upvalues: 1 the process, 2 the stream. */
static int next_line(lua_State *L)
{
	struct process *p = process_check(L, lua_upvalueindex(1), "process lines");
	struct output *o = check_output(L, p, lua_upvalueindex(2), "process lines");
	size_t size, searched = 0;

	for (;;) {
		const char *data = output_data(o, &size), *end = memchr(data + searched, '\n', size - searched);

		if (end) {
			push_taken(L, o, (size_t)(end - data), (size_t)(end - data) + 1);
			return 1;
		}
		if (o->fd < 0)
			break;
		searched = size;
		process_step(L, p, 0, -1, "process lines");
	}
	if (size == 0)
		return 0;
	push_taken(L, o, size, size);
	return 1;
}

/* p:lines([stream]) -> an iterator over the lines that it writes, without their newline */
static int m_lines(lua_State *L)
{
	check_output(L, process_check(L, 1, "process lines"), 2, "process lines");
	lua_settop(L, 2);
	lua_pushcclosure(L, next_line, 2);
	return 1;
}

const luaL_Reg output_methods[] = {
	{ "read", m_read },
	{ "lines", m_lines },
	{ "more", m_more },
	{ "peek", m_peek },
	{ "take", m_take },
	{ NULL, NULL },
};
