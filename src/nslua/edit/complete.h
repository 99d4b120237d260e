/* SPDX-License-Identifier: MIT */
/* complete.h - the names that could stand at the cursor, as the Lua state has them */
#ifndef NSLUA_COMPLETE_H
#define NSLUA_COMPLETE_H

#include "candidates.h"

#include <lua.h>

struct complete_request {
	const char *before; /* the statement's earlier lines */
	const char *line;
	size_t cursor;
	struct candidates *found;
};

/* complete(request) -> what the names in request->found lie in */
int complete(lua_State *L);

#endif
