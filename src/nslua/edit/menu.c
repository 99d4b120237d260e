/* SPDX-License-Identifier: MIT */
/* menu.c - candidates shown in columns */
#include "menu.h"

#include <string.h>

enum { GAP = 2 };

/* How many columns a name takes: its characters, as UTF-8; names of double width are rare enough. */
static size_t width(const char *name)
{
	size_t n = 0;

	for (; *name; name++)
		n += ((unsigned char)*name & 0xc0) != 0x80;
	return n;
}

size_t candidates_common(const struct candidates *c)
{
	size_t n = c->count ? strlen(c->names[0]) : 0;

	for (size_t i = 1; i < c->count; i++)
		for (size_t k = 0; k < n; k++)
			if (c->names[0][k] != c->names[i][k])
				n = k;
	while (n > 0 && ((unsigned char)c->names[0][n] & 0xc0) == 0x80)
		n--; /* no half characters */
	return n;
}

void menu_print(FILE *out, const struct candidates *c, size_t rows, size_t columns)
{
	size_t widest = 0, across, down, shown;

	for (size_t i = 0; i < c->count; i++)
		if (width(c->names[i]) > widest)
			widest = width(c->names[i]);
	across = (columns + GAP - 1) / (widest + GAP);
	if (across == 0)
		across = 1;
	down = (c->count + across - 1) / across;
	if (rows > 2 && down > rows - 2)
		down = rows - 2; /* the line itself, and the count */
	shown = down * across < c->count ? down * across : c->count;
	for (size_t row = 0; row < down; row++) {
		for (size_t i = row; i < shown; i += down) {
			fputs(c->names[i], out);
			if (i + down < shown)
				fprintf(out, "%*s", (int)(widest - width(c->names[i]) + GAP), "");
		}
		fputs("\r\n", out);
	}
	if (shown < c->count)
		fprintf(out, "... and %zu more\r\n", c->count - shown);
}
