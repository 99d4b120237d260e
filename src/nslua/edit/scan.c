/* SPDX-License-Identifier: MIT */
/*
 * scan.c - where in a Lua text the cursor is
 *
 * One pass over the tokens of llex.c, as far as they matter here: strings and comments must be told from code, and names with '.' and ':'
 * between them make a chain. What follows a bracket or a literal cannot be followed without running it.
 */
#include "scan.h"

#include <ctype.h>
#include <string.h>

/* What the last token left behind */
enum state {
	BEGIN,  /* a value may begin here */
	CHAIN,  /* a chain ended here, and may go on */
	VALUE,  /* some other value */
	DOT,    /* chain. */
	COLON,  /* chain: */
	OPAQUE, /* value. or value: */
	INDEX,  /* chain[ */
};

struct reader {
	const char *text;
	size_t n, at;
	enum state state;
	struct scan *found;
};

const char *const scan_keywords[] = {
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat",
	"return", "then", "true", "until", "while", NULL,
};

static bool is_keyword(const char *word, size_t n)
{
	for (const char *const *k = scan_keywords; *k; k++)
		if (strlen(*k) == n && memcmp(*k, word, n) == 0)
			return true;
	return false;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) ? (unsigned char)c < 0x80 : c == '_';
}

static char peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->n ? r->text[r->at + ahead] : '\0';
}

/* "[[", "[=[" ...: how many characters it has, or 0 */
static size_t long_bracket(const struct reader *r)
{
	size_t n = 1;

	if (peek(r, 0) != '[')
		return 0;
	while (peek(r, n) == '=')
		n++;
	return peek(r, n) == '[' ? n + 1 : 0;
}

/* Behind the closing bracket of `size` characters; false when the cursor comes first. */
static bool skip_long(struct reader *r, size_t size)
{
	for (r->at += size; r->at < r->n; r->at++) {
		size_t n = 1;

		if (r->text[r->at] != ']')
			continue;
		while (n < size - 1 && peek(r, n) == '=')
			n++;
		if (n == size - 1 && peek(r, n) == ']') {
			r->at += size;
			return true;
		}
	}
	return false;
}

/* Behind the closing quote; else the cursor is in the string. */
static bool skip_string(struct reader *r)
{
	struct scan *found = r->found;
	size_t start = r->at + 1;

	found->quote = r->text[r->at];
	for (r->at = start; r->at < r->n; r->at++) {
		if (r->text[r->at] == '\\') {
			r->at++;
		} else if (r->text[r->at] == found->quote || r->text[r->at] == '\n') {
			r->at++;
			return true;
		}
	}
	found->kind = r->state == INDEX ? SCAN_KEY : SCAN_STRING;
	found->word = r->n;
	while (found->word > start && (found->kind == SCAN_KEY || !strchr(" \t,", r->text[found->word - 1])))
		found->word--;
	found->whole = found->word == start;
	return false;
}

/* False when the cursor is in the comment. */
static bool skip_comment(struct reader *r)
{
	size_t size;

	r->at += 2;
	r->state = r->state == BEGIN ? BEGIN : VALUE; /* a chain that goes on behind a comment is not followed */
	size = long_bracket(r);
	if (size)
		return skip_long(r, size);
	while (r->at < r->n && r->text[r->at] != '\n')
		r->at++;
	return r->at < r->n;
}

/* The cursor is at the end of `word`, or nothing is typed yet. */
static void end_at(const struct reader *r, size_t word)
{
	struct scan *found = r->found;

	found->word = word;
	if (r->state == DOT)
		found->kind = SCAN_FIELD;
	else if (r->state == COLON)
		found->kind = SCAN_METHOD;
	else if (r->state != OPAQUE)
		found->kind = SCAN_NAME;
}

/* False when the cursor is at the end of the name. */
static bool read_name(struct reader *r)
{
	struct scan *found = r->found;
	size_t start = r->at;

	while (r->at < r->n && is_name(r->text[r->at]))
		r->at++;
	if (r->at == r->n) {
		end_at(r, start);
		return false;
	}
	if (r->state == OPAQUE) {
		r->state = VALUE;
	} else if (r->state == DOT || r->state == COLON) {
		found->chains[found->count - 1].to = r->at;
		r->state = CHAIN;
	} else if (is_keyword(r->text + start, r->at - start)) {
		r->state = BEGIN;
	} else {
		if (found->count == SCAN_CHAINS)
			memmove(found->chains, found->chains + 1, --found->count * sizeof(*found->chains));
		found->chains[found->count++] = (struct chain){ start, r->at };
		r->state = CHAIN;
	}
	return true;
}

/* False when the cursor is at the end of the number. */
static bool skip_number(struct reader *r)
{
	while (is_name(peek(r, 0)) || (peek(r, 0) == '.' && peek(r, 1) != '.'))
		r->at++;
	r->state = VALUE;
	return r->at < r->n;
}

static void read_symbol(struct reader *r)
{
	char c = r->text[r->at++];

	if ((c == '.' || c == ':') && peek(r, 0) == c) { /* .. ... :: */
		while (peek(r, 0) == c)
			r->at++;
		r->state = BEGIN;
	} else if (c == '.') {
		r->state = r->state == CHAIN ? DOT : OPAQUE;
	} else if (c == ':') {
		r->state = r->state == CHAIN ? COLON : OPAQUE;
	} else if (c == '[') {
		r->state = r->state == CHAIN ? INDEX : BEGIN;
	} else {
		r->state = strchr(")]}", c) ? VALUE : BEGIN;
	}
}

/* Read one token; false when the cursor is in it. */
static bool read_token(struct reader *r)
{
	char c = r->text[r->at];
	size_t size = long_bracket(r);

	if (isspace((unsigned char)c)) {
		r->at++;
		return true;
	}
	if (is_name(c) && !isdigit((unsigned char)c))
		return read_name(r);
	if (isdigit((unsigned char)c))
		return skip_number(r);
	if (c == '-' && peek(r, 1) == '-')
		return skip_comment(r);
	if (c == '"' || c == '\'' || size) {
		if (size ? !skip_long(r, size) : !skip_string(r))
			return false;
		r->state = VALUE;
		return true;
	}
	read_symbol(r);
	return true;
}

void scan(const char *text, size_t n, struct scan *found)
{
	struct reader r = { .text = text, .n = n, .found = found };

	*found = (struct scan){ .kind = SCAN_NOTHING };
	while (r.at < n)
		if (!read_token(&r))
			return;
	end_at(&r, n);
}

const char *scan_name(const char *text, const struct chain *chain, size_t *at, size_t *len)
{
	size_t start;

	while (*at < chain->to && !is_name(text[*at]))
		++*at;
	start = *at;
	while (*at < chain->to && is_name(text[*at]))
		++*at;
	*len = *at - start;
	return *len ? text + start : NULL;
}
