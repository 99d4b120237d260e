/* SPDX-License-Identifier: MIT */
/* line.h - lines that the user types: edited where build and terminal can, else as the terminal gives them */
#ifndef NSLUA_LINE_H
#define NSLUA_LINE_H

#include <lua.h>
#include <stddef.h>

/* What line_read found */
enum line { LINE_TEXT, LINE_END, LINE_INTERRUPTED };

/* Push what the lines come from. It is closed when it is collected. */
struct lines *line_open(lua_State *L);

/*
 * Read one line, of any length, without its newline, and push it. Ctrl-C gives up what was typed. `before` is what the statement has so
 * far, for completion.
 */
enum line line_read(lua_State *L, struct lines *lines, const char *prompt, const char *before);

/* A whole statement was read: it can be had again, here and in later sessions. */
void line_remember(struct lines *lines, const char *statement);

void line_close(struct lines *lines);

#endif
