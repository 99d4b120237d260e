/* SPDX-License-Identifier: MIT */
/* collection.h - ns.link, ns.addr, ns.route ...: the verbs of rtnetlink as methods */
#ifndef NETNS_COLLECTION_H
#define NETNS_COLLECTION_H

#include <lua.h>

/*
 * For every object: its maker in the table `fields` of the table on top of the stack (so that ns.link works), and its methods in the
 * table `collections` there, so that Lua can add to them. Also `schema`.
 */
void collection_open(lua_State *L);

/* What struct rtnl's open_in is: ns_file() for the struct ns that it is given. */
int collection_open_in(const void *ns, const char *path, int flags);

#endif
