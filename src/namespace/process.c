/* SPDX-License-Identifier: MIT */
/*
 * process.c - the handle of a program that runs in a namespace
 *
 * What a program writes into a captured stream is taken in whenever we wait for it, for whatever reason, so that it never stands still
 * because its pipe is full. It has ended when its own process has, even if daemons that it left behind hold its pipes: what they write
 * later is not part of the result.
 */
#include "process.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/sigpipe.h"
#include "../lua/wait.h"
#include "pty.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- without a lua_State ---- */

/* write() without the SIGPIPE that would end us if the reader is gone; bytes or -errno. */
static ssize_t write_quietly(int fd, const char *data, size_t size)
{
	struct sigpipe held;
	ssize_t n;

	sigpipe_hold(&held);
	n = write(fd, data, size);
	if (n < 0)
		n = -errno;
	sigpipe_release(&held, n == -EPIPE);
	return n;
}

void process_close_theirs(struct process *p)
{
	for (int i = 0; i < 3; i++)
		handle_closefd(&p->theirs[i]);
}

/* ---- with one ---- */

struct process *process_check(lua_State *L, int idx, const char *op)
{
	struct process *p = luaL_testudata(L, idx, PROCESS_TYPE);

	if (!p)
		error_misuse(L, op, "self", PROCESS_TYPE " expected, got %s", luaL_typename(L, idx));
	if (!p->open)
		error_raise(L, &(struct error){ .op = op, .attr = "self", .errnum = EBADF, .message = "the process is closed", .misuse = true });
	if (p->supervisor && p->supervisor->owner != getpid())
		error_raise(L, &(struct error){ .op = op, .attr = "self", .errnum = ECHILD, .misuse = true,
			.message = "it belongs to the process that this one was forked from" });
	return p;
}

bool process_step(lua_State *L, struct process *p, int events, double deadline, const char *op)
{
	bool reports = events & FOR_REPORT && !p->ended;
	struct pollfd fds[5] = {
		{ .fd = p->out[0].fd, .events = POLLIN },
		{ .fd = p->out[1].fd, .events = POLLIN },
		{ .fd = reports ? p->status : -1, .events = POLLIN },
		{ .fd = reports && p->supervisor ? p->supervisor->pidfd : -1, .events = POLLIN },
		{ .fd = events & FOR_INPUT ? p->in : -1, .events = POLLOUT },
	};

	if (wait_poll(L, fds, 5, deadline) == 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (fds[i].revents)
			output_fill(L, &p->out[i], op);
	return true;
}

/* As long as we have its end of the pipe ourselves, this alone tells of a supervisor's death. */
static bool is_orphaned(const struct process *p)
{
	return p->supervisor && poll(&(struct pollfd){ .fd = p->supervisor->pidfd, .events = POLLIN }, 1, 0) > 0;
}

/* Read the next report into p->last; false if there is none yet. */
bool process_report(lua_State *L, struct process *p, const char *op)
{
	struct child_report report;
	ssize_t n = read(p->status, &report, sizeof(report));

	if (n < 0 && errno == EAGAIN && is_orphaned(p)) {
		n = read(p->status, &report, sizeof(report)); /* its last one, perhaps */
		if (n < 0 && errno == EAGAIN)
			n = 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n != sizeof(report))
		error_raise(L, &(struct error){ .op = op, .errnum = ECHILD, .message = "the process that watched over it was killed" });
	p->last = report;
	return true;
}

struct process *process_push(lua_State *L)
{
	struct process *p = lua_newuserdatauv(L, sizeof(*p), 1);

	*p = (struct process){
		.pidfd = -1,
		.status = -1,
		.epoll = -1,
		.in = -1,
		.out = { { .fd = -1 }, { .fd = -1 } },
		.theirs = { -1, -1, -1 },
	};
	luaL_setmetatable(L, PROCESS_TYPE);
	return p;
}

/* Wait for the end; false at the deadline. */
bool process_end(lua_State *L, struct process *p, double deadline, const char *op)
{
	while (!p->ended) {
		bool in_time = process_step(L, p, FOR_REPORT, deadline, op);

		if (process_report(L, p, op))
			p->ended = true;
		else if (!in_time)
			return false;
	}
	for (int i = 0; i < 2; i++)
		output_fill(L, &p->out[i], op);
	return true;
}

void process_close(lua_State *L, struct process *p)
{
	struct supervisor *s = p->supervisor;

	p->supervisor = NULL;
	p->open = false;
	if (s && s->owner == getpid())
		supervisor_ask(s);
	/* What was for the program goes while its supervisor is on its way out. */
	process_close_theirs(p);
	handle_closefd(&p->epoll);
	handle_closefd(&p->in);
	handle_closefd(&p->pidfd);
	handle_closefd(&p->status);
	for (int i = 0; i < 2; i++)
		output_close(&p->out[i]);
	if (s && !supervisor_end(s, PROCESS_PATIENCE))
		supervisor_keep(L, s);
}

static void set_output(lua_State *L, const struct output *o, const char *key)
{
	size_t size;
	const char *data = output_data(o, &size);

	if (!o->captured)
		return;
	lua_pushlstring(L, data, size);
	lua_setfield(L, -2, key);
}

void process_result(lua_State *L, const struct process *p)
{
	lua_createtable(L, 0, 5);
	lua_pushinteger(L, p->last.value);
	lua_setfield(L, -2, p->last.killed ? "signal" : "code");
	set_output(L, &p->out[0], "stdout");
	set_output(L, &p->out[1], "stderr");
	lua_pushnumber(L, (double)p->last.when / 1e9 - p->started);
	lua_setfield(L, -2, "elapsed");
	if (p->last.late) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "timed_out");
	}
}

/* ---- methods ---- */

/* p:wait([timeout]) -> result | nil, "timeout" */
static int m_wait(lua_State *L)
{
	struct process *p = process_check(L, 1, "process wait");
	double timeout = args_timeout(L, 2, "process wait");

	if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE)
		return 1;
	if (!process_end(L, p, wait_deadline(timeout), "process wait")) {
		lua_pushnil(L);
		lua_pushliteral(L, "timeout");
		return 2;
	}
	process_result(L, p);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, 1, 1);
	return 1;
}

static int check_signal(lua_State *L, int idx)
{
	struct args_at at = { .op = "process kill", .key = "signal" };
	const char *name;

	if (lua_isnoneornil(L, idx))
		return SIGTERM;
	if (lua_type(L, idx) == LUA_TNUMBER)
		return (int)args_integer(L, idx, &at, 0, SIGRTMAX);
	name = args_string(L, idx, &at, NULL);
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < SIGRTMIN; i++)
		if (sigabbrev_np(i) && strcmp(sigabbrev_np(i), name) == 0)
			return i;
	return args_misuse(L, &at, "'%s' is no signal; \"TERM\", \"HUP\", 15", name);
}

/* p:kill([signal]) -> true | false, it has ended. To the process alone, SIGTERM if not said otherwise; close() ends all. */
static int m_kill(lua_State *L)
{
	struct process *p = process_check(L, 1, "process kill");
	int signal = check_signal(L, 2);

	bool there = syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, 0) == 0;

	if (!there && errno != ESRCH)
		return error_errno(L, errno, "process kill", NULL);
	lua_pushboolean(L, there);
	return 1;
}

static void write_all(lua_State *L, struct process *p, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write_quietly(p->in, data, size);

		if (n == -EAGAIN)
			process_step(L, p, FOR_INPUT, -1, "process write");
		else if (n < 0 && n != -EINTR)
			error_errno(L, (int)-n, "process write", NULL);
		else if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
}

/* p:write(s): all of it, into stdin = true or the terminal; what it writes meanwhile is taken in */
static int m_write(lua_State *L)
{
	struct process *p = process_check(L, 1, "process write");
	const char *data;
	size_t size;

	if (lua_type(L, 2) != LUA_TSTRING)
		return error_misuse(L, "process write", "s", "string expected, got %s", luaL_typename(L, 2));
	data = lua_tolstring(L, 2, &size);
	if (p->in < 0)
		return error_misuse(L, "process write", "stdin", "it was not started with stdin = true or a pty, or its stdin is closed");
	write_all(L, p, data, size);
	return 0;
}

/* p:close_stdin(): the program reads the end of its input; at a terminal that is typed, and not final */
static int m_close_stdin(lua_State *L)
{
	struct process *p = process_check(L, 1, "process close_stdin");

	if (p->in >= 0 && p->out[0].terminal)
		write_all(L, p, PROCESS_EOF, 1);
	else
		handle_closefd(&p->in);
	return 0;
}

/* p:resize(rows, cols): its terminal has another size */
static int m_resize(lua_State *L)
{
	struct process *p = process_check(L, 1, "process resize");
	lua_Integer size[2];
	int code;

	for (int i = 0; i < 2; i++)
		size[i] = args_integer(L, 2 + i, &(struct args_at){ .op = "process resize", .key = i ? "cols" : "rows" }, 1, 65535);
	if (!p->out[0].terminal)
		return error_misuse(L, "process resize", "pty", "it was not started with a pty");
	code = p->in < 0 ? 0 : pty_resize(p->in, (unsigned short)size[0], (unsigned short)size[1]);
	return code < 0 ? error_errno(L, -code, "process resize", NULL) : 0;
}

/* p:pollfd(), p:events(): ready when there is output to read, or it has ended; the protocol of cqueues */
static int m_pollfd(lua_State *L)
{
	struct process *p = process_check(L, 1, "process pollfd");

	if (!p->out[0].captured && !p->out[1].captured) {
		lua_pushinteger(L, p->status);
		return 1;
	}
	if (p->epoll < 0) {
		int fds[] = { p->status, p->out[0].fd, p->out[1].fd };

		p->epoll = handle_safefd(epoll_create1(EPOLL_CLOEXEC));
		for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
			if (fds[i] >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){ .events = EPOLLIN }) < 0)
				return error_errno(L, errno, "process pollfd", NULL);
	}
	lua_pushinteger(L, p->epoll);
	return 1;
}

static int m_events(lua_State *L)
{
	process_check(L, 1, "process events");
	lua_pushliteral(L, "r");
	return 1;
}

static int m_timeout(lua_State *L)
{
	process_check(L, 1, "process timeout");
	lua_pushnil(L);
	return 1;
}

/* p:close(): SIGKILL to the process and all that descends from it */
static int m_close(lua_State *L)
{
	process_close(L, args_self(L, PROCESS_TYPE, "process close"));
	return 0;
}

static int mm_tostring(lua_State *L)
{
	const struct process *p = luaL_checkudata(L, 1, PROCESS_TYPE);

	if (p->open && !p->ended)
		lua_pushfstring(L, PROCESS_TYPE " (pid %d)", p->pid);
	else
		lua_pushfstring(L, PROCESS_TYPE " (%s)", p->open ? "ended" : "closed");
	return 1;
}

/* p.KEY: a method (upvalue 1), or `pid` */
static int mm_index(lua_State *L)
{
	const struct process *p = luaL_checkudata(L, 1, PROCESS_TYPE);

	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "pid") != 0)
		return 1;
	lua_pushinteger(L, p->pid);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "wait", m_wait },
	{ "kill", m_kill },
	{ "write", m_write },
	{ "close_stdin", m_close_stdin },
	{ "resize", m_resize },
	{ "pollfd", m_pollfd },
	{ "events", m_events },
	{ "timeout", m_timeout },
	{ "close", m_close },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", mm_tostring },
	{ "__gc", m_close },
	{ "__close", m_close },
	{ NULL, NULL },
};

void process_open(lua_State *L)
{
	supervisor_open(L);
	if (handle_new(L, PROCESS_TYPE, meta)) {
		lua_newtable(L);
		luaL_setfuncs(L, methods, 0);
		luaL_setfuncs(L, output_methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, HANDLE_METHODS);
		lua_createtable(L, 0, 1);
		lua_pushboolean(L, true);
		lua_setfield(L, -2, "pid");
		lua_setfield(L, -3, HANDLE_FIELDS);
		lua_pushcclosure(L, mm_index, 1);
		lua_setfield(L, -2, "__index");
		handle_register(L, PROCESS_TYPE);
	}
	lua_getfield(L, -1, "__index");
	lua_getupvalue(L, -1, 1);
	lua_setfield(L, -4, "process");
	lua_pop(L, 2);
}
