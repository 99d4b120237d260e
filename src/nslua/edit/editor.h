/* SPDX-License-Identifier: MIT */
/* editor.h - what the parts of the line editor share: edit.c opens and reads, input.c feeds libedit, keys.c has functions for keys */
#ifndef NSLUA_EDITOR_H
#define NSLUA_EDITOR_H

#include "candidates.h"
#include "edit.h"

#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

/* What is to be done between two characters */
enum deed { NOTHING, INTERRUPT, STOP, END, RESIZE, RESUME, LIST };

enum { EDIT_SIGNALS = 8 };

struct edit {
	EditLine *el;
	History *history;
	char *history_path;
	FILE *out, *mute;
	int fd;
	locale_t locale;

	edit_offer *offer;
	void *arg;

	/* of the line that is being read */
	char *prompt;
	struct termios modes; /* of the terminal, when no line is read */
	sigset_t mask;        /* likewise */
	struct sigaction before[EDIT_SIGNALS];
	enum deed deed;
	size_t event;         /* the signal that asks for it */
	int asked;            /* how often, for going to the bottom */
	wchar_t held;         /* read, and to be returned next; 0: none */
	enum { PLAIN, QUOTED, ESCAPED, IN_SEQUENCE } within; /* what the character before has begun */
	bool at_bottom, pasting, interrupted;
	int back;             /* how many characters the cursor was before the end, above the bottom */
	struct candidates found;
};

struct edit *edit_of(EditLine *el);

/* Is LC_CTYPE the editor's? For libedit yes, for Lua no. */
locale_t edit_enter_locale(const struct edit *e);
void edit_leave_locale(locale_t before);

/* In the background this stops us, before we take the foreground's modes for ours. */
void input_await_terminal(int fd);

/* Bind the key that it needs. */
void input_bind(EditLine *el);

/* Begin and end the reading of a line: the terminal's modes, the signals. */
void input_begin(struct edit *e);
void input_end(struct edit *e);

/* For libedit: one character */
int input_char(EditLine *el, wchar_t *to);

/* Do it, when libedit has gone to the last row; returns what a key's function returns. */
unsigned char input_later(struct edit *e, enum deed deed);

/* Give the keys their functions: those that the user may change, then those that we rely on. */
void keys_bind(EditLine *el);
void keys_bind_own(EditLine *el);

#endif
