/* SPDX-License-Identifier: MIT */
/*
 * hosts.c - an /etc/hosts of their own for the processes of some namespaces
 *
 * `ip netns exec` lays /etc/netns/NAME over /etc; an anonymous namespace has no name, and a thousand of them may want the same text. So it
 * is kept once, and mounts.c lays it over /etc/hosts in the mount namespace that their processes get.
 */
#include "hosts.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "ns.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define OP "netns hosts"

enum { MAX_TEXT = 64 << 20 };

void hosts_drop(struct hosts *hosts)
{
	if (hosts && --hosts->users == 0)
		free(hosts);
}

/* core.hosts(array of namespaces, text): their next processes see it as /etc/hosts */
static int l_hosts(lua_State *L)
{
	struct hosts *hosts;
	const char *text;
	lua_Integer n;
	size_t size;

	args_table(L, 1, &(struct args_at){ .op = OP, .key = "list" });
	text = args_string(L, 2, &(struct args_at){ .op = OP, .key = "text" }, &size);
	lua_settop(L, 2);
	if (size > MAX_TEXT)
		return error_misuse(L, OP, "text", "%zu bytes; at most %d", size, MAX_TEXT);
	n = (lua_Integer)lua_rawlen(L, 1);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, 1, i);
		ns_check(L, 3, OP, "list");
		lua_settop(L, 2);
	}
	hosts = malloc(sizeof(*hosts) + size);
	if (!hosts)
		return error_errno(L, ENOMEM, OP, NULL);
	hosts->users = 1;
	hosts->size = size;
	memcpy(hosts->text, text, size);
	for (lua_Integer i = 1; i <= n; i++) { /* raw, and open: nothing raises from here on */
		struct ns *ns;

		lua_rawgeti(L, 1, i);
		ns = luaL_testudata(L, 3, NS_TYPE);
		if (ns) {
			hosts->users++;
			hosts_drop(ns->hosts);
			ns->hosts = hosts;
			handle_closefd(&ns->mounts); /* made anew for the next process */
		}
		lua_settop(L, 2);
	}
	hosts_drop(hosts);
	return 0;
}

void hosts_open(lua_State *L)
{
	lua_pushcfunction(L, l_hosts);
	lua_setfield(L, -2, "hosts");
}
