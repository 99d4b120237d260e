/* SPDX-License-Identifier: MIT */
/*
 * move.c - netns.sandbox(): a program that asks for it goes on in a sandbox
 *
 * A process cannot move into a PID namespace, and one that lets only its children do so would number them otherwise than they
 * do themselves. So the program goes on in a child, as with daemon(3), and the process it was stands for that child.
 */
#include "move.h"

#include "../lua/error.h"
#include "inside.h"
#include "obstacle.h"
#include "sandbox.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char op[] = "sandbox";

/* How many threads this process has; 0 if it cannot be told, with errno. */
static long count_threads(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) < 0 ? 0 : (long)st.st_nlink - 2;
}

static int cannot(lua_State *L, const char *attr, const char *message)
{
	return error_raise(L, &(struct error){ .op = op, .errnum = EINVAL, .attr = attr, .message = message });
}

/* Does not return. */
static int refuse(lua_State *L, const struct note *why)
{
	const struct obstacle *o = why->kind == NOTE_FAILED ? obstacle_find(why->what, why->value) : NULL;
	char text[512] = "its first process was killed";

	if (why->kind == NOTE_FAILED)
		snprintf(text, sizeof(text), "cannot %s%s%s", why->what, o ? ": " : "", o ? o->why : "");
	return error_raise(L, &(struct error){
		.op = op,
		.errnum = why->kind == NOTE_FAILED ? why->value : ECHILD,
		.message = text,
		.hint = o ? o->remedy : NULL,
	});
}

/* netns.sandbox() -> the pid that `nslua --enter` takes */
static int l_sandbox(lua_State *L)
{
	struct note why;
	long threads;

	lua_settop(L, 0);
	if (lua_getfield(L, LUA_REGISTRYINDEX, MOVE_SANDBOX) == LUA_TNUMBER)
		return 1;
	threads = count_threads();
	if (threads == 0)
		return error_errno(L, errno, op, "/proc/self/task");
	if (threads > 1)
		return cannot(L, "threads", "only a program with one thread can go on in a child");
	if (inside_is_away(L))
		return cannot(L, "call", "ns:call has to come back to where it was called");
	/* All that could raise comes first: only one of the two processes may go on with Lua. */
	lua_pushinteger(L, getpid());
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, MOVE_SANDBOX);
	if (sandbox_move(&why) == 0)
		return 1;
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, MOVE_SANDBOX);
	return refuse(L, &why);
}

void move_open(lua_State *L)
{
	lua_pushcfunction(L, l_sandbox);
	lua_setfield(L, -2, "sandbox");
}
