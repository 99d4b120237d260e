/* SPDX-License-Identifier: MIT */
/* menu.h - candidates shown in columns */
#ifndef NSLUA_MENU_H
#define NSLUA_MENU_H

#include "candidates.h"

#include <stdio.h>

/* Print them to `out`, a terminal of that size; what does not fit on it is only counted. */
void menu_print(FILE *out, const struct candidates *c, size_t rows, size_t columns);

#endif
