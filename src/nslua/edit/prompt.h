/* SPDX-License-Identifier: MIT */
/* prompt.h - the user's prompt as libedit wants it */
#ifndef NSLUA_PROMPT_H
#define NSLUA_PROMPT_H

/* What stands around characters that take no room. */
enum { PROMPT_MARK = '\1' };

/*
 * Its last line, with its escape sequences between PROMPT_MARKs, to be freed; NULL without memory. *head is what comes before that line
 * (its length in bytes). \1 and \2, with which readline(3) wants such sequences marked, are understood and not needed.
 */
char *prompt_mark(const char *prompt, int *head);

#endif
