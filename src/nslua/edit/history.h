/* SPDX-License-Identifier: MIT */
/* history.h - the file that keeps statements from one session to the next */
#ifndef NSLUA_HISTORY_H
#define NSLUA_HISTORY_H

/* How many statements are kept. */
enum { HISTORY_MAX = 1000 };

/* Where the file is or would be: a path to be freed, or NULL where there shall be none. */
char *history_path(void);

/* Hand every statement to `each`, the oldest first. No file is nothing to hand. */
void history_load(const char *path, void (*each)(void *arg, const char *statement), void *arg);

/* Failure is silent: a history is not worth a word. */
void history_append(const char *path, const char *statement);

#endif
