/* SPDX-License-Identifier: MIT */
/* edit.h - lines edited on the terminal, with history and completion */
#ifndef NSLUA_EDIT_H
#define NSLUA_EDIT_H

#include "../line.h"
#include "candidates.h"

struct edit;

/* What could stand at the cursor of `line`; what it finds is used until it is called again or the line has been read. */
typedef void edit_offer(void *arg, const char *line, size_t cursor, struct candidates *found);

/* On stdin and stdout. NULL where there is no terminal, or none on which the cursor can be moved. */
struct edit *edit_open(edit_offer *offer, void *arg);

/* *text stays valid until the next call. */
enum line edit_read(struct edit *e, const char *prompt, const char **text, size_t *len);

/* Into the history. */
void edit_remember(struct edit *e, const char *statement);

void edit_close(struct edit *e);

#endif
