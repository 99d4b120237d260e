/* SPDX-License-Identifier: MIT */
/* scan.h - where in a Lua text the cursor is */
#ifndef NSLUA_SCAN_H
#define NSLUA_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Names with '.' or ':' between them */
struct chain {
	size_t from, to;
};

enum { SCAN_CHAINS = 16 };

struct scan {
	enum {
		SCAN_NOTHING, /* a comment, a number, a field of what cannot be followed */
		SCAN_NAME,    /* a variable or keyword */
		SCAN_FIELD,   /* chain.word */
		SCAN_METHOD,  /* chain:word */
		SCAN_KEY,     /* chain["word */
		SCAN_STRING,
	} kind;
	size_t word; /* where what is being typed begins */
	char quote;  /* in strings */
	bool whole;  /* the word is all that the string has */
	struct chain chains[SCAN_CHAINS]; /* what was named before, the last one last; the owner of field, method and key is the last */
	size_t count;
};

/* Lua's keywords, and NULL */
extern const char *const scan_keywords[];

/* Read `text` up to the cursor, which is at its end. */
void scan(const char *text, size_t n, struct scan *found);

/* The next name of a chain: its start, with its length in *len; NULL behind the last. *at begins as chain->from. */
const char *scan_name(const char *text, const struct chain *chain, size_t *at, size_t *len);

#endif
