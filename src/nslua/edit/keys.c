/* SPDX-License-Identifier: MIT */
/* keys.c - what libedit's keys shall do that they do not do by themselves, as readline(3) has it */
#include "editor.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { PASTE_MAX = 1 << 20 };

/* The candidates are asked for outside of the locale, as all else that Lua does. */
static void ask(struct edit *e, const char *line, size_t cursor)
{
	locale_t own = uselocale(LC_GLOBAL_LOCALE);

	e->found = (struct candidates){ 0 };
	e->offer(e->arg, line, cursor, &e->found);
	uselocale(own);
}

/* Tab: what the candidates have in common, else their list. At the beginning of a line it indents. */
static unsigned char complete_word(EditLine *el, int key)
{
	struct edit *e = edit_of(el);
	const LineInfo *line = el_line(el);
	const struct candidates *found = &e->found;
	size_t cursor = (size_t)(line->cursor - line->buffer), common;
	const char *closing;
	char *text;

	(void)key;
	if (strspn(line->buffer, " \t") >= cursor)
		return el_insertstr(el, "\t") < 0 ? CC_ERROR : CC_REFRESH;
	ask(e, line->buffer, cursor);
	common = candidates_common(found);
	closing = found->count == 1 ? found->closing : "";
	if (found->count == 0 || common < found->typed)
		return CC_ERROR;
	if (common == found->typed && !*closing)
		return found->count == 1 ? CC_ERROR : input_later(e, LIST);
	if (asprintf(&text, "%.*s%s", (int)(common - found->typed), found->names[0] + found->typed, closing) < 0)
		return CC_ERROR;
	el_insertstr(el, text);
	free(text);
	return CC_REFRESH;
}

/* Ctrl-W: back to the blank before */
static unsigned char delete_word(EditLine *el, int key)
{
	static const wchar_t blanks[] = L" \t\n";
	const LineInfoW *line = el_wline(el);
	const wchar_t *from = line->cursor;

	(void)key;
	while (from > line->buffer && wcschr(blanks, from[-1]))
		from--;
	while (from > line->buffer && !wcschr(blanks, from[-1]))
		from--;
	if (from == line->cursor)
		return CC_ERROR;
	el_deletestr(el, (int)(line->cursor - from));
	return CC_REFRESH;
}

/* The text up to the mark that ends it, to be freed. Ctrl-C, or memory, may end it before. */
static wchar_t *read_pasted(EditLine *el, size_t *n)
{
	static const wchar_t mark[] = L"\033[201~";
	const size_t tail = COUNT(mark) - 1;
	wchar_t *text = NULL, c;
	size_t size = 0;

	for (*n = 0; el_wgetc(el, &c) == 1 && edit_of(el)->deed == NOTHING;) {
		if (*n == size) {
			wchar_t *more = size < PASTE_MAX ? realloc(text, (size + 4096) * sizeof(*text)) : NULL;

			if (!more)
				break;
			text = more;
			size += 4096;
		}
		text[(*n)++] = c == L'\r' ? L'\n' : c;
		if (*n >= tail && wmemcmp(text + *n - tail, mark, tail) == 0) {
			*n -= tail;
			break;
		}
	}
	return text;
}

/* What the terminal marks as pasted is text, whatever it looks like: a tab completes nothing, a newline ends nothing. */
static unsigned char paste(EditLine *el, int key)
{
	struct edit *e = edit_of(el);
	wchar_t *text;
	size_t n;

	(void)key;
	e->pasting = true;
	text = read_pasted(el, &n);
	e->pasting = false;
	while (n > 0 && text[n - 1] == L'\n')
		n--;
	if (n > 0) {
		text[n] = L'\0';
		el_winsertstr(el, text);
	}
	free(text);
	return CC_REFRESH;
}

struct key {
	const char *key, *function;
};

static const struct key keys[] = {
	{ "^R", "em-inc-search-prev" }, { "^U", "vi-kill-line-prev" }, { "^W", "nslua-delete-word" },
	{ "\\e[1~", "ed-move-to-beg" }, { "\\e[7~", "ed-move-to-beg" }, { "\\e[H", "ed-move-to-beg" }, { "\\eOH", "ed-move-to-beg" },
	{ "\\e[4~", "ed-move-to-end" }, { "\\e[8~", "ed-move-to-end" }, { "\\e[F", "ed-move-to-end" }, { "\\eOF", "ed-move-to-end" },
	{ "\\e[3~", "ed-delete-next-char" }, { "\\e[1;5C", "em-next-word" }, { "\\e[1;5D", "ed-prev-word" },
};

/* ed-command crashes when no command is given (3.1-20221030). */
static const struct key own_keys[] = {
	{ "\\t", "nslua-complete" }, { "\\e[200~", "nslua-paste" }, { "\\ex", "ed-unassigned" }, { "\\eX", "ed-unassigned" },
};

static void bind(EditLine *el, const struct key *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		el_set(el, EL_BIND, list[i].key, list[i].function, NULL);
}

void keys_bind(EditLine *el)
{
	/* Wide, as libedit keeps them: of others it makes copies that it never frees. */
	el_wset(el, EL_ADDFN, L"nslua-complete", L"Complete a name", complete_word);
	el_wset(el, EL_ADDFN, L"nslua-delete-word", L"Delete back to a blank", delete_word);
	el_wset(el, EL_ADDFN, L"nslua-paste", L"Take what is pasted as text", paste);
	bind(el, keys, COUNT(keys));
}

void keys_bind_own(EditLine *el)
{
	bind(el, own_keys, COUNT(own_keys));
	el_set(el, EL_BIND, "-a", ":", "ed-unassigned", NULL); /* vi's */
	input_bind(el);
}
