/* SPDX-License-Identifier: MIT */
/* line.c - lines that the user types: edited where build and terminal can, else as the terminal gives them */
#include "line.h"

#include "../namespace/terminal.h"

#ifdef WITH_EDITLINE
#include "edit/complete.h"
#include "edit/edit.h"
#endif

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES_TYPE "nslua.lines"

struct edit;

struct lines {
	lua_State *L;
	struct edit *edit;  /* NULL: there is none */
	const char *before; /* while a line is read */
	int top;            /* of L's stack, while a line is read */
};

#ifdef WITH_EDITLINE

/*
 * What could stand at the cursor; called from inside libedit, which no error may leave. The pushes before lua_pcall allocate nothing, and
 * what the names lie in stays on the stack until the line is read.
 */
static void offer(void *arg, const char *line, size_t cursor, struct candidates *found)
{
	struct lines *lines = arg;
	struct complete_request request = { .before = lines->before, .line = line, .cursor = cursor, .found = found };
	lua_State *L = lines->L;

	lua_settop(L, lines->top);
	lua_pushcfunction(L, complete);
	lua_pushlightuserdata(L, &request);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK)
		found->count = 0;
}

static enum line read_edited(lua_State *L, struct lines *lines, const char *prompt)
{
	const char *text;
	size_t len;
	enum line got;

	luaL_checkstack(L, LUA_MINSTACK, "line");
	lines->top = lua_gettop(L);
	got = edit_read(lines->edit, prompt, &text, &len);
	lua_settop(L, lines->top);
	if (got == LINE_TEXT)
		lua_pushlstring(L, text, len);
	return got;
}

static void open_editor(struct lines *lines)
{
	lines->edit = edit_open(offer, lines);
}

void line_remember(struct lines *lines, const char *statement)
{
	if (lines->edit)
		edit_remember(lines->edit, statement);
}

void line_close(struct lines *lines)
{
	if (lines->edit)
		edit_close(lines->edit);
	lines->edit = NULL;
}

#else

static enum line read_edited(lua_State *L, struct lines *lines, const char *prompt)
{
	(void)L, (void)lines, (void)prompt;
	return LINE_END;
}

static void open_editor(struct lines *lines)
{
	(void)lines;
}

void line_remember(struct lines *lines, const char *statement)
{
	(void)lines, (void)statement;
}

void line_close(struct lines *lines)
{
	(void)lines;
}

#endif

/* On Ctrl-C the terminal throws away what was typed, and SIGINT, whose handler is there without SA_RESTART, ends the read. */
static enum line read_plain(lua_State *L, const char *prompt)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int error;

	fputs(prompt, stdout);
	fflush(stdout);
	errno = 0;
	n = getline(&text, &size, stdin);
	error = errno;
	if (n < 0) {
		free(text);
		if (!ferror(stdin) || error != EINTR)
			return LINE_END;
		clearerr(stdin);
		putchar('\n');
		return LINE_INTERRUPTED;
	}
	if (n > 0 && text[n - 1] == '\n')
		n--;
	/* A push may raise for lack of memory, and there is nothing left to do then. */
	lua_pushlstring(L, text, (size_t)n);
	free(text);
	return LINE_TEXT;
}

enum line line_read(lua_State *L, struct lines *lines, const char *prompt, const char *before)
{
	lines->before = before;
	terminal_await();
	return lines->edit ? read_edited(L, lines, prompt) : read_plain(L, prompt);
}

static int mm_gc(lua_State *L)
{
	line_close(luaL_checkudata(L, 1, LINES_TYPE));
	return 0;
}

struct lines *line_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };
	struct lines *lines = lua_newuserdatauv(L, sizeof(*lines), 0);

	*lines = (struct lines){ .L = L };
	if (luaL_newmetatable(L, LINES_TYPE))
		luaL_setfuncs(L, meta, 0);
	lua_setmetatable(L, -2);
	open_editor(lines);
	return lines;
}
