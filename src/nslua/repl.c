/* SPDX-License-Identifier: MIT */
/* repl.c - read a statement, run it, print what it returns */
#include "repl.h"

#include "call.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What read_line found */
enum line { LINE_TEXT, LINE_END, LINE_INTERRUPTED };

static void ignore_signal(int signo)
{
	(void)signo;
}

/*
 * Read one line, of any length, without its newline, and push it. Ctrl-C gives up the statement and not the session: the terminal has
 * thrown away what was typed, and the handler, without SA_RESTART, ends the read.
 */
static enum line read_line(lua_State *L, const char *prompt)
{
	struct sigaction wake = { .sa_handler = ignore_signal }, old;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int error;

	fputs(prompt, stdout);
	fflush(stdout);
	sigaction(SIGINT, &wake, &old);
	errno = 0;
	n = getline(&text, &size, stdin);
	error = errno;
	sigaction(SIGINT, &old, NULL);
	if (n < 0) {
		free(text);
		if (!ferror(stdin) || error != EINTR)
			return LINE_END;
		clearerr(stdin);
		return LINE_INTERRUPTED;
	}
	if (n > 0 && text[n - 1] == '\n')
		n--;
	/* A push may raise for lack of memory, and there is nothing left to do then. */
	lua_pushlstring(L, text, (size_t)n);
	free(text);
	return LINE_TEXT;
}

/* Ask for a line with the user's prompt, or ours. */
static enum line ask(lua_State *L, const char *variable, const char *prompt)
{
	enum line got;

	if (lua_getglobal(L, variable) != LUA_TNIL)
		prompt = luaL_tolstring(L, -1, NULL);
	else
		lua_pushnil(L);
	got = read_line(L, prompt);
	if (got == LINE_TEXT) { /* variable's value, prompt, line */
		lua_replace(L, -3);
		lua_pop(L, 1);
	} else {
		lua_pop(L, 2);
	}
	return got;
}

/* Does the compiler want more? Pops the message if so. */
static bool is_incomplete(lua_State *L, int status)
{
	static const char mark[] = "<eof>";
	size_t len;
	const char *message;

	if (status != LUA_ERRSYNTAX)
		return false;
	message = lua_tolstring(L, -1, &len);
	if (len < sizeof(mark) - 1 || strcmp(message + len - (sizeof(mark) - 1), mark) != 0)
		return false;
	lua_pop(L, 1);
	return true;
}

/* Compile the text at `idx` into a function on top, or leave the message there. */
static int compile(lua_State *L, int idx)
{
	size_t len;
	const char *text = lua_tolstring(L, idx, &len);

	return luaL_loadbuffer(L, text, len, "=stdin");
}

/* The line at 1 as an expression: true with its function on top. */
static bool compile_expression(lua_State *L)
{
	const char *line = lua_tostring(L, 1);

	lua_pushfstring(L, "return %s", *line == '=' ? line + 1 : line);
	if (compile(L, -1) != LUA_OK) {
		lua_pop(L, 2);
		return false;
	}
	lua_remove(L, -2);
	return true;
}

/* The line at 1, and as many more as it needs, as a statement. */
static enum line compile_statement(lua_State *L, int *status)
{
	while (is_incomplete(L, *status = compile(L, 1))) {
		enum line got = ask(L, "_PROMPT2", ">> ");

		if (got == LINE_END) { /* let the user see what is missing */
			*status = compile(L, 1);
			break;
		}
		if (got == LINE_INTERRUPTED)
			return got;
		lua_pushliteral(L, "\n");
		lua_insert(L, -2);
		lua_concat(L, 3);
	}
	return LINE_TEXT;
}

static void print_results(lua_State *L)
{
	int n = lua_gettop(L);

	if (n == 0)
		return;
	luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
	lua_getglobal(L, "print");
	lua_insert(L, 1);
	if (lua_pcall(L, n, 0, 0) != LUA_OK)
		call_message(NULL, lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1)));
}

void repl_run(lua_State *L)
{
	enum line got;

	for (;;) {
		int status = LUA_OK;

		lua_settop(L, 0);
		got = ask(L, "_PROMPT", "> ");
		if (got == LINE_END)
			break;
		if (got == LINE_TEXT && !compile_expression(L))
			got = compile_statement(L, &status);
		if (got == LINE_INTERRUPTED) {
			putchar('\n');
			continue;
		}
		lua_remove(L, 1); /* the line */
		if (status == LUA_OK)
			status = call_protected(L, 0, LUA_MULTRET);
		if (status == LUA_OK)
			print_results(L);
		else
			call_report(L, NULL, status);
	}
	lua_settop(L, 0);
	putchar('\n');
	fflush(stdout);
}
