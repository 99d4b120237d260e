/* SPDX-License-Identifier: MIT */
/* confine.c - what a program may do less than we: reads limits, caps and no_new_privs of a spec */
#include "confine.h"

#include "../lua/args.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

/* As prlimit(1) and ulimit call them. */
static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

_Static_assert(sizeof(limits) / sizeof(*limits) == CHILD_LIMITS_MAX, "one row for each resource");

/* By number, which are the kernel's interface; capabilities(7). */
static const char *const caps[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
	"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore",
};

/* A whole number, or "unlimited". */
static uint64_t read_limit(lua_State *L, const struct args_at *at)
{
	if (args_is(L, -1, "unlimited"))
		return CHILD_UNLIMITED;
	if (lua_type(L, -1) != LUA_TNUMBER)
		args_misuse(L, at, "a number, \"unlimited\" or { soft, hard } expected, got %s", luaL_typename(L, -1));
	return (uint64_t)args_integer(L, -1, at, 0, LUA_MAXINTEGER);
}

/* limits = { nofile = 64, cpu = { 1, 2 }, core = "unlimited" } */
void confine_read_limits(lua_State *L, const char *op, struct child_confinement *out)
{
	char key[32], text[48];
	struct args_at at = { .op = op, .key = "limits" };

	args_table(L, -1, &at);
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		size_t i = 0, n = sizeof(limits) / sizeof(*limits);
		struct child_limit *limit = &out->limits[out->n_limits];
		const char *name;

		at.key = "limits";
		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &at, "names of limits expected as keys, got %s", luaL_typename(L, -2));
		name = args_string(L, -2, &at, NULL);
		while (i < n && strcmp(limits[i].name, name) != 0)
			i++;
		if (i == n)
			args_misuse(L, &at, "'%s' is no limit; they are called as by prlimit(1): nofile, as, cpu, nproc ...",
				    args_show(name, strlen(name), text, sizeof(text)));
		snprintf(key, sizeof(key), "limits.%s", name);
		at.key = key;
		limit->name = limits[i].name;
		limit->resource = limits[i].resource;
		if (lua_type(L, -1) == LUA_TTABLE) {
			if (args_array(L, -1, &at) != 2)
				args_misuse(L, &at, "{ soft, hard } expected");
			lua_rawgeti(L, -1, 1);
			limit->soft = read_limit(L, &at);
			lua_pop(L, 1);
			lua_rawgeti(L, -1, 2);
			limit->hard = read_limit(L, &at);
			lua_pop(L, 1);
			if (limit->soft > limit->hard)
				args_misuse(L, &at, "the soft limit is above the hard one");
		} else {
			limit->soft = limit->hard = read_limit(L, &at);
		}
		out->n_limits++;
	}
	out->any |= out->n_limits > 0;
}

/* caps = { "net_admin", "CAP_NET_RAW" }; an empty table is none at all */
void confine_read_caps(lua_State *L, const char *op, struct child_confinement *out)
{
	struct args_at at = { .op = op, .key = "caps" };
	lua_Integer n = args_array(L, -1, &at);
	char text[48];

	for (lua_Integer i = 1; i <= n; i++) {
		size_t cap = 0, count = sizeof(caps) / sizeof(*caps);
		const char *name;

		lua_rawgeti(L, -1, i);
		name = args_string(L, -1, &at, NULL);
		if (strncasecmp(name, "cap_", 4) == 0)
			name += 4;
		while (cap < count && strcasecmp(caps[cap], name) != 0)
			cap++;
		if (cap == count)
			args_misuse(L, &at, "'%s' is no capability; they are called as in capabilities(7): net_admin, net_raw ...",
				    args_show(name, strlen(name), text, sizeof(text)));
		out->caps |= (uint64_t)1 << cap;
		lua_pop(L, 1);
	}
	out->has_caps = out->any = true;
}
