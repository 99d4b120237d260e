/* SPDX-License-Identifier: MIT */
/*
 * edit.c - lines edited on the terminal, with history and completion, by libedit (editline(3), editrc(5))
 *
 * Characters are as the user's locale has them; where that has none but ASCII they are UTF-8, as those of terminals are. Only libedit
 * sees that: Lua's functions keep the C locale.
 */
#include "edit.h"

#include "editor.h"
#include "history.h"
#include "prompt.h"

#include <fcntl.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct edit *edit_of(EditLine *el)
{
	void *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	return e;
}

/*
 * Opening and closing
 */

static locale_t open_locale(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

	if (locale && strcmp(nl_langinfo_l(CODESET, locale), "ANSI_X3.4-1968") != 0)
		return locale;
	if (locale)
		freelocale(locale);
	return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* libedit complains there about terminals that it does not know; we see that by what they lack. */
static ssize_t swallow(void *cookie, const char *text, size_t size)
{
	(void)cookie, (void)text;
	return (ssize_t)size;
}

/* A stream of our own, for Lua may close its. */
static FILE *copy_of(int fd)
{
	FILE *file;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return NULL;
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

static char *prompt_of(EditLine *el)
{
	char *prompt = edit_of(el)->prompt;
	static char none[] = "";

	return prompt ? prompt : none;
}

static void load_entry(void *arg, const char *statement)
{
	HistEvent event;

	history(arg, &event, H_ENTER, statement);
}

/* Returns false where there is nothing to edit on, or the user wants nothing edited. */
static bool set_up(struct edit *e)
{
	char *clear = NULL;
	HistEvent event;
	int wanted = 1;

	e->el = el_init_fd("nslua", stdin, e->out, e->mute, e->fd, fileno(e->out), -1);
	if (!e->el || el_get(e->el, EL_GETTC, "ce", &clear) != 0 || !clear || !*clear)
		return false;
	e->history = history_init();
	if (!e->history)
		return false;
	history(e->history, &event, H_SETSIZE, HISTORY_MAX);
	history(e->history, &event, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_PROMPT_ESC, prompt_of, PROMPT_MARK);
	el_set(e->el, EL_GETCFN, input_char);
	el_set(e->el, EL_EDITOR, "emacs");
	keys_bind(e->el);
	el_source(e->el, NULL);
	keys_bind_own(e->el);
	if (el_get(e->el, EL_EDITMODE, &wanted) != 0 || !wanted)
		return false;
	e->history_path = history_path();
	if (e->history_path)
		history_load(e->history_path, load_entry, e->history);
	return true;
}

struct edit *edit_open(edit_offer *offer, void *arg)
{
	static const cookie_io_functions_t mute = { .write = swallow };
	struct termios modes;
	locale_t before;
	struct edit *e;
	bool works;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return NULL;
	input_await_terminal(STDIN_FILENO);
	tcgetattr(STDIN_FILENO, &modes);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	*e = (struct edit){ .fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), .locale = open_locale(), .offer = offer, .arg = arg };
	e->out = copy_of(STDOUT_FILENO);
	e->mute = fopencookie(NULL, "w", mute);
	before = edit_enter_locale(e);
	works = e->fd >= 0 && e->out && e->mute && set_up(e);
	edit_leave_locale(before);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	if (works)
		return e;
	edit_close(e);
	return NULL;
}

/* el_end() would throw away what is typed already; with the descriptor closed it cannot. */
void edit_close(struct edit *e)
{
	if (e->fd >= 0)
		close(e->fd);
	if (e->el)
		el_end(e->el);
	if (e->history)
		history_end(e->history);
	if (e->out)
		fclose(e->out);
	if (e->mute)
		fclose(e->mute);
	if (e->locale)
		freelocale(e->locale);
	free(e->history_path);
	free(e->prompt);
	free(e);
}

/*
 * Reading
 */

locale_t edit_enter_locale(const struct edit *e)
{
	return e->locale ? uselocale(e->locale) : (locale_t)0;
}

void edit_leave_locale(locale_t before)
{
	if (before)
		uselocale(before);
}

enum line edit_read(struct edit *e, const char *prompt, const char **text, size_t *len)
{
	locale_t before = edit_enter_locale(e);
	int head = 0, n = 0;

	free(e->prompt);
	e->prompt = prompt_mark(prompt, &head);
	fflush(stdout);
	fwrite(prompt, 1, (size_t)head, e->out);
	input_begin(e);
	*text = el_gets(e->el, &n);
	input_end(e);
	edit_leave_locale(before);
	if (e->interrupted)
		return LINE_INTERRUPTED;
	if (!*text || n <= 0)
		return LINE_END;
	*len = strlen(*text);
	if (*len > 0 && (*text)[*len - 1] == '\n')
		--*len;
	return LINE_TEXT;
}

void edit_remember(struct edit *e, const char *statement)
{
	locale_t before = edit_enter_locale(e);
	HistEvent event;
	bool is_new; /* not the same as the one before */

	statement += strspn(statement, " \t\n");
	is_new = *statement && history(e->history, &event, H_ENTER, statement) > 0;
	edit_leave_locale(before);
	if (is_new && e->history_path)
		history_append(e->history_path, statement);
}
