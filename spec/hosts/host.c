/* SPDX-License-Identifier: MIT */
/*
 * host.c - a host program that does to Lua states what programs with Lua inside do: several of them, threads, fork()
 *
 *	host SCRIPT [ARG...]      runs a Lua file, in which `host` is a table of:
 *
 *	state()                   another state: s:run(code, ...) runs code in it (arguments and results are strings), s:close()
 *	thread(code, ...)         the same in a thread of its own, at once: t:join() -> true | nil, error
 *	fork(f)                   runs f in a copy of this process, which then ends without closing anything: its pid
 *	wait(pid)                 -> exit code | nil, signal
 *	dumpable([boolean])       prctl(2) PR_GET_DUMPABLE, PR_SET_DUMPABLE
 *	ignore_children()         SIGCHLD is ignored, as some daemons have it
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define STATE_TYPE "host.state"
#define THREAD_TYPE "host.thread"

struct state {
	lua_State *L;
};

struct thread {
	pthread_t id;
	lua_State *L; /* with the chunk and its arguments on the stack; later, its error */
	bool running, failed;
};

static lua_State *open_state(void)
{
	lua_State *L = luaL_newstate();

	if (!L)
		abort();
	luaL_openlibs(L);
	if (getenv("NETNS_GC")) /* as spec/helper.lua has it in the sanitizers' run */
		lua_gc(L, LUA_GCINC, 100, 200, 6);
	return L;
}

/* Load the code at `idx` of L into S and give it the strings behind it. */
static void prepare(lua_State *L, int idx, lua_State *S)
{
	size_t size;
	const char *code = luaL_checklstring(L, idx, &size);

	if (luaL_loadbuffer(S, code, size, "=code") != LUA_OK) {
		lua_pushstring(L, lua_tostring(S, -1));
		lua_error(L);
	}
	for (int i = idx + 1; i <= lua_gettop(L); i++)
		lua_pushstring(S, luaL_checkstring(L, i));
}

static int l_state(lua_State *L)
{
	struct state *s = lua_newuserdatauv(L, sizeof(*s), 0);

	s->L = NULL;
	luaL_setmetatable(L, STATE_TYPE);
	s->L = open_state();
	return 1;
}

static int m_run(lua_State *L)
{
	struct state *s = luaL_checkudata(L, 1, STATE_TYPE);
	int n = lua_gettop(L) - 2, results;

	lua_settop(s->L, 0);
	prepare(L, 2, s->L);
	if (lua_pcall(s->L, n, LUA_MULTRET, 0) != LUA_OK) {
		lua_pushstring(L, luaL_tolstring(s->L, -1, NULL));
		return lua_error(L);
	}
	results = lua_gettop(s->L);
	for (int i = 1; i <= results; i++)
		lua_pushstring(L, luaL_tolstring(s->L, i, NULL));
	return results;
}

static int m_close(lua_State *L)
{
	struct state *s = luaL_checkudata(L, 1, STATE_TYPE);

	if (s->L)
		lua_close(s->L);
	s->L = NULL;
	return 0;
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	t->failed = lua_pcall(t->L, lua_gettop(t->L) - 1, 0, 0) != LUA_OK;
	if (t->failed)
		luaL_tolstring(t->L, -1, NULL);
	lua_gc(t->L, LUA_GCCOLLECT);
	return NULL;
}

static int l_thread(lua_State *L)
{
	int n = lua_gettop(L);
	struct thread *t = lua_newuserdatauv(L, sizeof(*t), 0);

	*t = (struct thread){ .L = open_state() };
	luaL_setmetatable(L, THREAD_TYPE);
	lua_insert(L, 1);
	lua_settop(L, n + 1);
	prepare(L, 2, t->L);
	if (pthread_create(&t->id, NULL, run_thread, t) != 0)
		return luaL_error(L, "cannot make a thread");
	t->running = true;
	lua_settop(L, 1);
	return 1;
}

static int m_join(lua_State *L)
{
	struct thread *t = luaL_checkudata(L, 1, THREAD_TYPE);
	bool failed;

	if (t->running)
		pthread_join(t->id, NULL);
	t->running = false;
	failed = t->failed;
	lua_pushstring(L, failed ? lua_tostring(t->L, -1) : NULL);
	if (t->L)
		lua_close(t->L);
	t->L = NULL;
	if (failed) {
		lua_pushnil(L);
		lua_insert(L, -2);
		return 2;
	}
	lua_pushboolean(L, 1);
	return 1;
}

static int l_fork(lua_State *L)
{
	pid_t pid;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int status = lua_pcall(L, 0, 0, 0);

		if (status != LUA_OK)
			fprintf(stderr, "in the forked process: %s\n", luaL_tolstring(L, -1, NULL));
		fflush(NULL);
		_exit(status == LUA_OK ? 0 : 1);
	}
	if (pid < 0)
		return luaL_error(L, "fork: %s", strerror(errno));
	lua_pushinteger(L, pid);
	return 1;
}

static int l_wait(lua_State *L)
{
	int status;

	if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
		return luaL_error(L, "waitpid: %s", strerror(errno));
	if (WIFEXITED(status)) {
		lua_pushinteger(L, WEXITSTATUS(status));
		return 1;
	}
	lua_pushnil(L);
	lua_pushinteger(L, WTERMSIG(status));
	return 2;
}

static int l_dumpable(lua_State *L)
{
	if (!lua_isnone(L, 1))
		prctl(PR_SET_DUMPABLE, lua_toboolean(L, 1));
	lua_pushinteger(L, prctl(PR_GET_DUMPABLE));
	return 1;
}

static int l_ignore_children(lua_State *L)
{
	(void)L;
	signal(SIGCHLD, SIG_IGN);
	return 0;
}

static void set_type(lua_State *L, const char *type, const luaL_Reg *methods)
{
	luaL_newmetatable(L, type);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

int main(int argc, char **argv)
{
	static const luaL_Reg functions[] = {
		{ "state", l_state }, { "thread", l_thread }, { "fork", l_fork }, { "wait", l_wait },
		{ "dumpable", l_dumpable }, { "ignore_children", l_ignore_children }, { NULL, NULL },
	};
	static const luaL_Reg state_methods[] = { { "run", m_run }, { "close", m_close }, { "__gc", m_close }, { NULL, NULL } };
	static const luaL_Reg thread_methods[] = { { "join", m_join }, { "__gc", m_join }, { NULL, NULL } };
	lua_State *L = open_state();
	int status;

	set_type(L, STATE_TYPE, state_methods);
	set_type(L, THREAD_TYPE, thread_methods);
	luaL_newlib(L, functions);
	lua_setglobal(L, "host");
	status = argc > 1 ? luaL_loadfile(L, strcmp(argv[1], "-") == 0 ? NULL : argv[1]) : LUA_ERRFILE;
	for (int i = 2; i < argc; i++)
		lua_pushstring(L, argv[i]);
	if (status == LUA_OK)
		status = lua_pcall(L, argc - 2, 0, 0);
	if (status != LUA_OK)
		fprintf(stderr, "host: %s\n", argc > 1 ? luaL_tolstring(L, -1, NULL) : "usage: host SCRIPT [ARG...]");
	lua_close(L);
	return status == LUA_OK ? 0 : 1;
}
