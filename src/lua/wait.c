/* SPDX-License-Identifier: MIT */
/*
 * wait.c - the one function under every blocking call
 *
 * Ctrl-C must end a wait, in lua5.4 as in nslua. Both answer SIGINT by setting a hook (all four masks, count 1) that raises
 * "interrupted!" as soon as Lua code runs again; while C waits, no Lua code runs. So wait_poll() blocks all signals, looks whether that
 * hook is set, and sleeps in ppoll() with the caller's mask: a signal can only arrive inside ppoll (EINTR) or before the look. When the
 * hook is there, it is taken away and its error raised here, on the state that is running.
 */
#include "wait.h"

#include "args.h"
#include "error.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STOP_MASK = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, MAX_LIST = 65536 };

double wait_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double wait_deadline(double timeout)
{
	return timeout < 0 ? -1 : wait_clock() + timeout;
}

static bool asked_to_stop(lua_State *L)
{
	return lua_gethookmask(L) == STOP_MASK && lua_gethookcount(L) == 1;
}

/* The state on which lua.c sets its hook. It lives as long as the registry does. */
static lua_State *main_state(lua_State *L)
{
	lua_State *M;

	lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
	M = lua_tothread(L, -1);
	lua_pop(L, 1);
	return M ? M : L;
}

static bool pending(lua_State *L, lua_State *M)
{
	return asked_to_stop(L) || asked_to_stop(M);
}

static int interrupt(lua_State *L)
{
	lua_State *M = main_state(L);

	if (asked_to_stop(L))
		lua_sethook(L, NULL, 0, 0);
	if (asked_to_stop(M))
		lua_sethook(M, NULL, 0, 0);
	return luaL_error(L, "interrupted!");
}

int wait_poll(lua_State *L, struct pollfd *fds, nfds_t n, double deadline)
{
	lua_State *M = main_state(L);
	sigset_t all, before;
	int ready, saved;
	bool stop;

	luaL_checkstack(L, 4, "wait");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (;;) {
		double left = deadline < 0 ? 0 : deadline - wait_clock();
		struct timespec t = { 0 };

		if (left > 0) {
			t.tv_sec = (time_t)left;
			t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
		}
		stop = pending(L, M);
		if (stop)
			break;
		ready = ppoll(fds, n, deadline < 0 ? NULL : &t, &before);
		saved = errno;
		if (ready > 0 || (ready < 0 && saved != EINTR))
			break;
		if (ready == 0 && deadline >= 0 && wait_clock() >= deadline)
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (stop)
		return interrupt(L);
	if (ready < 0)
		return error_errno(L, saved, "wait", NULL);
	return ready;
}

/* Read what element `i` of the list answers to `method`: its value is left on the stack. */
static void ask(lua_State *L, int object, const char *method, lua_Integer i)
{
	lua_pushvalue(L, object);
	if (lua_type(L, object) != LUA_TUSERDATA && lua_type(L, object) != LUA_TTABLE)
		error_raise(L, &(struct error){ .op = "wait", .attr = "list", .index = i, .errnum = EINVAL, .misuse = true,
			.message = "a pollable handle expected" });
	lua_getfield(L, -1, method);
	if (lua_isnil(L, -1)) {
		lua_remove(L, -2);
		return;
	}
	if (lua_isfunction(L, -1)) {
		lua_insert(L, -2);
		lua_call(L, 1, 1);
	} else {
		lua_remove(L, -2);
	}
}

/* The descriptor on top of the stack; -1 for nil and for a closed socket's -1. */
static int descriptor(lua_State *L, const struct args_at *at)
{
	return lua_isnil(L, -1) ? -1 : (int)args_integer(L, -1, at, -1, INT_MAX);
}

static short events(lua_State *L, const struct args_at *at)
{
	const char *s;

	if (lua_isnil(L, -1))
		return POLLIN;
	if (lua_type(L, -1) == LUA_TNUMBER)
		return (short)args_integer(L, -1, at, 1, SHRT_MAX);
	s = args_string(L, -1, at, NULL);
	if (!*s || s[strspn(s, "rwp")])
		args_misuse(L, at, "\"r\", \"w\", \"p\" or several of them expected");
	return (short)((strchr(s, 'r') ? POLLIN : 0) | (strchr(s, 'w') ? POLLOUT : 0) | (strchr(s, 'p') ? POLLPRI : 0));
}

/* When it is ready by itself; -1: never. */
static double due_at(lua_State *L, const struct args_at *at)
{
	if (lua_isnil(L, -1))
		return -1;
	if (lua_type(L, -1) != LUA_TNUMBER || lua_tonumber(L, -1) != lua_tonumber(L, -1))
		args_misuse(L, at, "a number of seconds expected, got %s", luaL_typename(L, -1));
	return wait_deadline(fmin(fmax(0, lua_tonumber(L, -1)), 1e9));
}

/* netns.wait(list [, timeout]) -> array of the handles that are ready | nil, "timeout" */
static int l_wait(lua_State *L)
{
	double timeout = args_timeout(L, 2, "wait"), deadline = wait_deadline(timeout), soonest = deadline;
	struct args_at at = { .op = "wait", .key = "list" };
	struct pollfd *fds;
	double *due;
	lua_Integer n, out = 0;

	n = args_array(L, 1, &at);
	lua_settop(L, 2);
	if (n > MAX_LIST)
		error_misuse(L, "wait", "list", "more than %d handles", MAX_LIST);
	if (n == 0 && deadline < 0)
		error_misuse(L, "wait", "list", "nothing to wait for, and no timeout");
	fds = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*fds), 0); /* 3 */
	due = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*due), 0); /* 4 */
	for (lua_Integer i = 1; i <= n; i++) {
		at.index = i;
		lua_rawgeti(L, 1, i); /* 5 */
		ask(L, 5, at.key = "pollfd", i);
		fds[i - 1].fd = descriptor(L, &at);
		ask(L, 5, at.key = "events", i);
		fds[i - 1].events = events(L, &at);
		fds[i - 1].revents = 0;
		ask(L, 5, at.key = "timeout", i);
		due[i - 1] = due_at(L, &at);
		if (fds[i - 1].fd < 0 && due[i - 1] < 0)
			error_raise(L, &(struct error){ .op = "wait", .attr = "list", .index = i, .errnum = EINVAL, .misuse = true,
				.message = "it has neither a descriptor nor a timeout (is it closed?)" });
		if (due[i - 1] >= 0 && (soonest < 0 || due[i - 1] < soonest))
			soonest = due[i - 1];
		lua_settop(L, 4);
	}
	wait_poll(L, fds, (nfds_t)n, soonest);
	lua_newtable(L);
	for (lua_Integer i = 1; i <= n; i++)
		if (fds[i - 1].revents || (due[i - 1] >= 0 && wait_clock() >= due[i - 1])) {
			lua_rawgeti(L, 1, i);
			lua_rawseti(L, -2, ++out);
		}
	if (out > 0)
		return 1;
	lua_pushnil(L);
	lua_pushliteral(L, "timeout");
	return 2;
}

/* netns.sleep(seconds) */
static int l_sleep(lua_State *L)
{
	wait_poll(L, NULL, 0, wait_deadline(args_time(L, 1, &(struct args_at){ .op = "sleep", .key = "seconds" })));
	return 0;
}

/* netns.clock() -> monotonic seconds */
static int l_clock(lua_State *L)
{
	lua_pushnumber(L, wait_clock());
	return 1;
}

/* core.deadline([timeout]) -> the instant of clock() that is `timeout` from now | nil, never; for waits made of several in Lua */
static int l_deadline(lua_State *L)
{
	double deadline = wait_deadline(args_timeout(L, 1, "wait"));

	if (deadline < 0)
		lua_pushnil(L);
	else
		lua_pushnumber(L, deadline);
	return 1;
}

void wait_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "wait", l_wait },
		{ "sleep", l_sleep },
		{ "clock", l_clock },
		{ "deadline", l_deadline },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
