/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - Ctrl-C ends the Lua code that is running, in whichever coroutine that is
 *
 * A signal handler may not raise; it may set a hook, which raises as soon as Lua code goes on. A hook belongs to one coroutine, though,
 * and lua.c sets it on the main thread, so that a loop inside a coroutine does not notice. Here coroutine.resume, wrap and close note
 * which coroutine they run, and the hook is set there, and on the main thread for the case that the coroutine ends without noticing.
 * src/lua/wait.c knows the hook by its mask and count, takes it for an answer and raises out of a blocking wait.
 *
 * The three functions do what Lua's own do, to the letter of their messages; only the pointer is new.
 */
#include "interrupt.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum { STOP_MASK = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT };

/* What the signal handler reads: a program has one of each. */
static lua_State *main_state;
static lua_State *volatile running;

/* What SIGINT does while nothing runs */
static struct sigaction disarmed;

/* Runs as the hook: take it away and raise. */
static void stop(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	lua_sethook(L, NULL, 0, 0);
	if (lua_gethook(main_state) == stop)
		lua_sethook(main_state, NULL, 0, 0);
	luaL_error(L, "interrupted!");
}

static void on_sigint(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(signo, &dfl, NULL); /* the next one kills */
	lua_sethook(running, stop, STOP_MASK, 1);
	lua_sethook(main_state, stop, STOP_MASK, 1);
}

void interrupt_arm(void)
{
	struct sigaction action = { .sa_handler = on_sigint }; /* no SA_RESTART: blocking calls shall notice */

	sigaction(SIGINT, NULL, &disarmed);
	if (disarmed.sa_handler != SIG_IGN)
		sigaction(SIGINT, &action, NULL);
}

void interrupt_disarm(void)
{
	sigaction(SIGINT, &disarmed, NULL);
}

/* A new coroutine inherits hooks, so one from an earlier, answered Ctrl-C could sit there. */
static lua_State *enter(lua_State *co)
{
	lua_State *outer = running;

	if (lua_gethook(co) == stop)
		lua_sethook(co, NULL, 0, 0);
	running = co;
	return outer;
}

/* Back in `outer`; a Ctrl-C that `co` had no time to notice is for its resumer. */
static void leave(lua_State *co, lua_State *outer)
{
	running = outer;
	if (lua_gethook(co) != stop)
		return;
	lua_sethook(co, NULL, 0, 0);
	lua_sethook(outer, stop, STOP_MASK, 1);
}

static int close_thread(lua_State *L, lua_State *co)
{
	lua_State *outer = enter(co);
	int status;

#if LUA_VERSION_RELEASE_NUM >= 50406
	status = lua_closethread(co, L);
#else
	(void)L;
	status = lua_resetthread(co);
#endif
	leave(co, outer);
	return status;
}

static lua_State *check_coroutine(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	luaL_argexpected(L, co, 1, "thread");
	return co;
}

/* Resume `co` with the topmost values; returns the number of results on L, or -1 with an error object there. */
static int resume(lua_State *L, lua_State *co, int nargs)
{
	lua_State *outer;
	int status, nresults;

	if (!lua_checkstack(co, nargs)) {
		lua_pushliteral(L, "too many arguments to resume");
		return -1;
	}
	lua_xmove(L, co, nargs);
	outer = enter(co);
	status = lua_resume(co, L, nargs, &nresults);
	leave(co, outer);
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		return -1;
	}
	if (!lua_checkstack(L, nresults + 1)) {
		lua_pop(co, nresults);
		lua_pushliteral(L, "too many results to resume");
		return -1;
	}
	lua_xmove(co, L, nresults);
	return nresults;
}

/* coroutine.resume(co, ...) */
static int l_resume(lua_State *L)
{
	int n = resume(L, check_coroutine(L), lua_gettop(L) - 1);

	lua_pushboolean(L, n >= 0);
	lua_insert(L, n >= 0 ? -(n + 1) : -2);
	return n >= 0 ? n + 1 : 2;
}

/* What coroutine.wrap returns: errors come through, with the place of the call before a text. */
static int l_wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int n = resume(L, co, lua_gettop(L)), status;

	if (n >= 0)
		return n;
	status = lua_status(co);
	if (status != LUA_OK && status != LUA_YIELD) { /* it failed, rather than could not be resumed: its variables are to be closed */
		status = close_thread(L, co);
		lua_xmove(co, L, 1);
	}
	if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

/* coroutine.wrap(f) */
static int l_wrap(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, l_wrapped, 1);
	return 1;
}

/* coroutine.close(co) */
static int l_close(lua_State *L)
{
	lua_State *co = check_coroutine(L);
	lua_Debug ar;

	if (co == L)
		return luaL_error(L, "cannot close a running coroutine");
	if (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)) /* it resumed another one */
		return luaL_error(L, "cannot close a normal coroutine");
	if (close_thread(L, co) == LUA_OK) {
		lua_pushboolean(L, true);
		return 1;
	}
	lua_pushboolean(L, false);
	lua_xmove(co, L, 1);
	return 2;
}

void interrupt_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "resume", l_resume }, { "wrap", l_wrap }, { "close", l_close }, { NULL, NULL },
	};

	main_state = L;
	running = L;
	lua_getglobal(L, LUA_COLIBNAME);
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
