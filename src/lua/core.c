/* SPDX-License-Identifier: MIT */
/* core.c - netns.core, the C half: every area puts its functions into one table. The facade (lualib/netns/init.lua) makes it public. */
#include "../namespace/ahead.h"
#include "../namespace/freed.h"
#include "../namespace/hosts.h"
#include "../namespace/inside.h"
#include "../namespace/move.h"
#include "../namespace/names.h"
#include "../namespace/ns.h"
#include "../namespace/process.h"
#include "../namespace/rootless.h"
#include "../namespace/spawn.h"
#include "../namespace/sysctl.h"
#include "../netlink/buffer.h"
#include "../packet/capture.h"
#include "../packet/ethernet.h"
#include "../packet/frames.h"
#include "../packet/neighbours.h"
#include "../packet/probe.h"
#include "../packet/trace.h"
#include "collection.h"
#include "error.h"
#include "monitor.h"
#include "sockets.h"
#include "wait.h"

#include <lauxlib.h>
#include <lua.h>
#include <sys/resource.h>
#include <unistd.h>

#define VERSION "scm"

__attribute__((visibility("default"))) LUAMOD_API int luaopen_netns_core(lua_State *L);

/* core.isatty(fd): is it a terminal? */
static int l_isatty(lua_State *L)
{
	lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
	return 1;
}

/* core.need_descriptors(n): let this process have so many open at once, if its hard limit allows that many */
static int l_need_descriptors(lua_State *L)
{
	rlim_t n = (rlim_t)luaL_checkinteger(L, 1);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < n) {
		files.rlim_cur = n < files.rlim_max ? n : files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files); /* where it is refused, whoever opens too many is told */
	}
	return 0;
}

int luaopen_netns_core(lua_State *L)
{
	luaL_checkversion(L);
	lua_newtable(L);
	lua_pushliteral(L, VERSION);
	lua_setfield(L, -2, "version");
	lua_pushcfunction(L, l_isatty);
	lua_setfield(L, -2, "isatty");
	lua_pushcfunction(L, l_need_descriptors);
	lua_setfield(L, -2, "need_descriptors");
	error_open(L);
	nlbuf_open(L);
	wait_open(L);
	ns_open(L);
	inside_open(L);
	ahead_open(L);
	names_open(L);
	hosts_open(L);
	freed_open(L);
	sysctl_open(L);
	rootless_open(L);
	move_open(L);
	collection_open(L);
	monitor_open(L);
	sockets_open(L);
	process_open(L);
	spawn_open(L);
	probe_open(L);
	frames_open(L);
	neighbours_open(L);
	capture_open(L);
	ethernet_open(L);
	trace_open(L);
	return 1;
}
