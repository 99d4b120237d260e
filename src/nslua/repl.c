/* SPDX-License-Identifier: MIT */
/* repl.c - read a statement, run it, print what it returns */
#include "repl.h"

#include "call.h"
#include "interrupt.h"
#include "line.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The stack between statements: what lines come from, and the text that there is. */
enum { LINES = 1, TEXT };

/* Between statements Ctrl-C does nothing but to end a read. */
static void ignore_signal(int signo)
{
	(void)signo;
}

/* prompt(variable) -> its value as a string | nil */
static int l_prompt(lua_State *L)
{
	if (lua_getglobal(L, lua_tostring(L, 1)) != LUA_TNIL)
		luaL_tolstring(L, -1, NULL);
	return 1;
}

/* Ask for a line with the user's prompt, or ours where he has none or it fails, and push it. */
static enum line ask(lua_State *L, struct lines *lines, const char *variable, const char *prompt, const char *before)
{
	int base = lua_gettop(L);
	enum line got;

	lua_pushcfunction(L, l_prompt);
	lua_pushstring(L, variable);
	if (call_quietly(L, 1, 1) == LUA_OK && lua_isstring(L, -1))
		prompt = lua_tostring(L, -1);
	got = line_read(L, lines, prompt, before);
	if (got == LINE_TEXT)
		lua_replace(L, base + 1);
	lua_settop(L, got == LINE_TEXT ? base + 1 : base);
	return got;
}

/* Does the compiler want more than it got? */
static bool is_incomplete(lua_State *L, int status)
{
	static const char mark[] = "<eof>";
	size_t len;
	const char *message = lua_tolstring(L, -1, &len);

	return status == LUA_ERRSYNTAX && len >= sizeof(mark) - 1 && strcmp(message + len - (sizeof(mark) - 1), mark) == 0;
}

/* Compile the text on top into a function, or a message, in its place. */
static int compile(lua_State *L)
{
	size_t len;
	const char *text = lua_tolstring(L, -1, &len);
	int status = luaL_loadbuffer(L, text, len, "=stdin");

	lua_remove(L, -2);
	return status;
}

/*
 * Compile the text at TEXT, as an expression if it is one ("=" says so), else as a statement: push a function, or a message. `more` says
 * that further lines may yet make it whole.
 */
static int compile_text(lua_State *L, bool *more)
{
	bool marked = *lua_tostring(L, TEXT) == '=';
	int status;

	lua_pushstring(L, "return ");
	if (marked)
		lua_pushstring(L, lua_tostring(L, TEXT) + 1);
	else
		lua_pushvalue(L, TEXT);
	lua_concat(L, 2);
	status = compile(L);
	*more = is_incomplete(L, status);
	if (status == LUA_OK || marked)
		return status;
	lua_pushvalue(L, TEXT);
	status = compile(L);
	if (status != LUA_OK && *more && !is_incomplete(L, status)) {
		lua_pop(L, 1); /* what the expression lacks is nearer to what was meant */
		return LUA_ERRSYNTAX;
	}
	*more = is_incomplete(L, status);
	lua_remove(L, -2);
	return status;
}

/* Read a statement to TEXT, and push its function or what is wrong with it. */
static enum line read_statement(lua_State *L, struct lines *lines, int *status)
{
	enum line got = ask(L, lines, "_PROMPT", "> ", "");
	bool more;

	if (got != LINE_TEXT)
		return got;
	while ((*status = compile_text(L, &more)) != LUA_OK && more) {
		got = ask(L, lines, "_PROMPT2", ">> ", lua_tostring(L, TEXT));
		if (got == LINE_END) /* let the user see what is missing */
			break;
		if (got == LINE_INTERRUPTED)
			return got;
		lua_pushliteral(L, "\n");
		lua_replace(L, -3); /* the message */
		lua_concat(L, 3);
	}
	line_remember(lines, lua_tostring(L, TEXT));
	return LINE_TEXT;
}

/* What is above TEXT, through the user's print. */
static void print_results(lua_State *L)
{
	int n = lua_gettop(L) - TEXT;

	if (n == 0)
		return;
	luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
	lua_getglobal(L, "print");
	lua_insert(L, TEXT + 1);
	if (call_quietly(L, n, 0) != LUA_OK) {
		const char *message = lua_tostring(L, -1);

		call_message(NULL, lua_pushfstring(L, "error calling 'print' (%s)", message ? message : luaL_typename(L, -1)));
	}
}

void repl_run(lua_State *L)
{
	struct sigaction idle = { .sa_handler = ignore_signal }, before; /* without SA_RESTART */
	struct lines *lines;
	enum line got;

	lua_settop(L, 0);
	lines = line_open(L);
	sigaction(SIGINT, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(SIGINT, &idle, NULL);
	do {
		int status;

		lua_settop(L, LINES);
		got = read_statement(L, lines, &status);
		if (got != LINE_TEXT)
			continue;
		if (status == LUA_OK)
			status = call_protected(L, 0, LUA_MULTRET);
		if (status == LUA_OK)
			print_results(L);
		else
			call_report(L, NULL, status);
	} while (got != LINE_END);
	sigaction(SIGINT, &before, NULL);
	line_close(lines);
	lua_settop(L, 0);
	putchar('\n');
	fflush(stdout);
}
