/* SPDX-License-Identifier: MIT */
/*
 * prompt.c - the user's prompt as libedit wants it
 *
 * libedit prints what stands between two marks together with the character that follows them: so there must be one, and there may be
 * no two such pairs in a row. What has no character behind it, as the sequence that ends a colour, goes before the last one.
 */
#include "prompt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* How many bytes at `p` print nothing: an escape sequence, or what is marked. */
static size_t silent(const char *p)
{
	size_t n;

	if (*p == '\1') {
		n = 1 + strcspn(p + 1, "\1\2");
		return n + (p[n] != '\0');
	}
	if (*p != '\033' && *p != '\2')
		return 0;
	if (p[0] == '\033' && p[1] == '[') { /* ECMA-48: parameters, then one letter */
		n = 2 + strspn(p + 2, "0123456789;:?<=> !\"#$%&'()*+,-./");
		return n + (p[n] != '\0');
	}
	return p[0] == '\033' && p[1] ? 2 : 1;
}

struct writer {
	char *text, *to; /* finished */
	char *last;      /* the last character in it that prints, with the sequences before it */
	char *pending;   /* sequences that wait for one */
	size_t n;        /* of pending */
};

static void put_sequences(struct writer *w)
{
	if (w->n == 0)
		return;
	*w->to++ = PROMPT_MARK;
	memcpy(w->to, w->pending, w->n);
	w->to += w->n;
	*w->to++ = PROMPT_MARK;
	w->n = 0;
}

/* Take back the last character, and put it with all sequences. */
static void put_before_last(struct writer *w)
{
	char *glyph = w->last;
	size_t own = 0, size;

	if (*glyph == PROMPT_MARK) {
		own = strcspn(glyph + 1, "\1");
		glyph += own + 2;
	}
	size = (size_t)(w->to - glyph);
	memmove(w->last + 1 + own + w->n + 1, glyph, size);
	memcpy(w->last + 1 + own, w->pending, w->n);
	*w->last = PROMPT_MARK;
	w->last[1 + own + w->n] = PROMPT_MARK;
	w->to = w->last + own + w->n + 2 + size;
	w->n = 0;
}

char *prompt_mark(const char *prompt, int *head)
{
	const char *line = strrchr(prompt, '\n');
	struct writer w;
	size_t len, n;

	line = line ? line + 1 : prompt;
	*head = (int)(line - prompt);
	len = strlen(line);
	w = (struct writer){ .text = malloc(3 * len + 3), .pending = malloc(len + 1) };
	w.to = w.last = w.text;
	if (!w.text || !w.pending) {
		free(w.text);
		free(w.pending);
		return NULL;
	}
	for (const char *p = line; *p; p += n) {
		n = silent(p);
		if (n > 0) {
			for (size_t i = 0; i < n; i++)
				if (p[i] != '\1' && p[i] != '\2')
					w.pending[w.n++] = p[i];
			continue;
		}
		n = 1;
		while (is_continuation(p[n]))
			n++;
		w.last = w.to;
		put_sequences(&w);
		memcpy(w.to, p, n);
		w.to += n;
	}
	if (w.n > 0 && w.to > w.text)
		put_before_last(&w);
	*w.to = '\0';
	free(w.pending);
	return w.text;
}
