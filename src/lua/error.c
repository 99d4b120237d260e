/* SPDX-License-Identifier: MIT */
/*
 * error.c - the one kind of error that netns raises
 *
 * Refusals raise and absence is nil, so a script that forgets to look at a result cannot pass for a proof. The object is a plain table
 * (readable with pairs, comparable by `code`), with a metatable that prints it as one sentence: what, on what, where and why.
 */
#include "error.h"

#include "args.h"
#include "handle.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN "netns.own"

/* Remedies for what users meet; the first row that fits wins. `op` is a prefix, "" fits all; so is `message`, NULL fits all. */
static const struct {
	const char *op;
	int errnum;
	const char *hint;
	const char *message;
} hints[] = {
	{ "netns new", ENOSPC, "the limit user.max_net_namespaces is reached; close namespaces, or wait until closed ones are freed" },
	{ "netns add", ENOSPC, "the limit user.max_net_namespaces is reached; close namespaces, or wait until closed ones are freed" },
	{ "netns close_wait", ENOSPC, "it needs two namespaces more for a moment, and the limit user.max_net_namespaces is reached" },
	{ "netns add", EEXIST, "the name is taken; netns.open(name) opens it, netns.delete(name) removes it" },
	{ "link add", EOPNOTSUPP, "this kernel does not have the link kind; netns.supports(\"link\", kind) tells in advance",
	  "Unknown device type" },
	{ "link", EACCES, "a tun device is made through /dev/net/tun, which must be readable and writable", "/dev/net/tun" },
	{ "link", ENOENT, "a tun device is made through /dev/net/tun: load the module tun, or make the node (mknod /dev/net/tun c 10 200)",
	  "/dev/net/tun" },
	{ "sysctl", EISDIR, "settings are below it: ns.sysctl:list(key) shows them" },
	{ "sysctl get", EIO, "it can be read once it has been set" },
	{ "sysctl set", ENOENT, "no such setting here: is the interface there, is the kernel module loaded? names with dots are written "
				"net/ipv4/conf/eth0.100/forwarding; settings of the whole machine are not shown in a namespace" },
	{ "sysctl set", EACCES, "it can only be read here: it belongs to the kernel or the whole machine, or to who has CAP_NET_ADMIN" },
	{ "sysctl set", EROFS, "/proc/sys is mounted read-only, as in containers; nslua's sandbox has one of its own" },
	{ "route", ENETUNREACH, "is the interface up, and is the gateway on one of its networks?" },
	{ "route", ENETDOWN, "the interface is down; set it up first" },
	{ "", EMFILE, "too many open descriptors: close handles, or raise `ulimit -n`" },
	{ "", EPERM, "run the script with nslua, whose sandbox needs no privilege, or as root" },
};

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text ? text : "", prefix, strlen(prefix)) == 0;
}

/* The remedy; what it pushes keeps the string alive. */
static const char *push_hint(lua_State *L, const struct error *e)
{
	lua_getfield(L, LUA_REGISTRYINDEX, ERROR_EPERM);
	if (e->hint || e->misuse)
		return e->hint;
	if (e->errnum == EPERM && lua_type(L, -1) == LUA_TSTRING)
		return lua_tostring(L, -1);
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (hints[i].errnum == e->errnum && begins(e->op, hints[i].op) &&
		    (!hints[i].message || begins(e->message, hints[i].message)))
			return hints[i].hint;
	return NULL;
}

const char *error_code(int errnum)
{
	const char *name = errnum > 0 ? strerrorname_np(errnum) : NULL;

	return name ? name : "E?";
}

int fault_set(struct fault *fault, int errnum, const char *format, ...)
{
	va_list ap;

	fault->errnum = errnum;
	va_start(ap, format);
	vsnprintf(fault->text, sizeof(fault->text), format, ap);
	va_end(ap);
	return -errnum;
}

static void set_string(lua_State *L, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

/* "script.lua:12", the nearest Lua code on the stack that is not our own: that begins like the registry's OWN, if it is there. */
static void set_where(lua_State *L)
{
	const char *own = NULL;
	lua_Debug ar;

	if (lua_getfield(L, LUA_REGISTRYINDEX, OWN) == LUA_TSTRING)
		own = lua_tostring(L, -1);
	lua_pop(L, 1); /* the registry keeps it */
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || (own && strncmp(ar.source, own, strlen(own)) == 0))
			continue;
		lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
		lua_setfield(L, -2, "where");
		return;
	}
}

void error_push(lua_State *L, const struct error *e)
{
	const char *hint;

	luaL_checkstack(L, 8, "netns.error");
	hint = push_hint(L, e);
	lua_createtable(L, 0, 11);
	set_string(L, "op", e->op);
	set_string(L, "subject", e->subject);
	set_string(L, "netns", e->netns);
	set_string(L, "attr", e->attr);
	set_string(L, "hint", hint);
	set_string(L, "code", e->code ? e->code : error_code(e->errnum));
	set_string(L, "message", e->message && *e->message ? e->message : e->errnum ? strerrordesc_np(e->errnum) : NULL);
	if (e->errnum) {
		lua_pushinteger(L, e->errnum);
		lua_setfield(L, -2, "errno");
	}
	if (e->index > 0) {
		lua_pushinteger(L, e->index);
		lua_setfield(L, -2, "index");
	}
	if (e->misuse) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "misuse");
	}
	set_where(L);
	luaL_setmetatable(L, ERROR_TYPE);
	lua_remove(L, -2); /* the hint */
}

int error_raise(lua_State *L, const struct error *e)
{
	error_push(L, e);
	lua_error(L);
	abort(); /* not reached; lua.h does not say so */
}

int error_errno(lua_State *L, int errnum, const char *op, const char *subject)
{
	error_raise(L, &(struct error){ .op = op, .subject = subject, .errnum = errnum });
}

int error_closed(lua_State *L, const char *op)
{
	error_raise(L, &(struct error){ .op = op, .attr = "self", .errnum = EBADF, .message = "it is closed", .misuse = true });
}

int error_misuse(lua_State *L, const char *op, const char *attr, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_raise(L, &(struct error){ .op = op, .attr = attr, .errnum = EINVAL, .message = text, .misuse = true });
}

static const char *field(lua_State *L, const char *key)
{
	lua_pushstring(L, key);
	lua_rawget(L, 1);
	return lua_tostring(L, -1); /* stays on the stack, and so valid */
}

/*
 * A refusal: "route add 10.0.0.0/8 in web: Network is unreachable (ENETUNREACH): Nexthop has invalid gateway".
 * A misuse:  "link add #2: field 'mtu': number expected, got string".
 */
static int mm_tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_checkstack(L, 16, NULL);
	const char *op = field(L, "op"), *subject = field(L, "subject"), *netns = field(L, "netns");
	const char *code = field(L, "code"), *message = field(L, "message"), *attr = field(L, "attr");
	lua_Integer errnum = (field(L, "errno"), lua_tointeger(L, -1));
	lua_Integer index = (field(L, "index"), lua_tointeger(L, -1));
	bool misuse = (field(L, "misuse"), lua_toboolean(L, -1));
	const char *plain = errnum ? strerrordesc_np((int)errnum) : NULL;
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, op ? op : "netns");
	if (subject) {
		luaL_addchar(&b, ' ');
		luaL_addstring(&b, subject);
	}
	if (index) {
		char number[24];

		snprintf(number, sizeof(number), " #%lld", (long long)index);
		luaL_addstring(&b, number);
	}
	if (netns) {
		luaL_addstring(&b, " in ");
		luaL_addstring(&b, netns);
	}
	luaL_addstring(&b, ": ");
	if (misuse) {
		if (attr) {
			luaL_addstring(&b, "field '");
			luaL_addstring(&b, attr);
			luaL_addstring(&b, "': ");
		}
		luaL_addstring(&b, message ? message : "wrong use");
	} else {
		const char *first = plain ? plain : message ? message : "failed";
		size_t line = strcspn(first, "\n");

		luaL_addlstring(&b, first, line);
		if (code) {
			luaL_addstring(&b, " (");
			luaL_addstring(&b, code);
			luaL_addchar(&b, ')');
		}
		luaL_addstring(&b, first + line);
		if (plain && message && strcmp(plain, message) != 0) {
			luaL_addstring(&b, ": ");
			luaL_addstring(&b, message);
		}
		if (attr) {
			luaL_addstring(&b, " [field '");
			luaL_addstring(&b, attr);
			luaL_addstring(&b, "']");
		}
	}
	luaL_pushresult(&b);
	return 1;
}

/* errno for a name like "ENOENT"; 0 for a code that is none. */
static int errno_of(const char *code)
{
	for (int n = 1; n < 134; n++) {
		const char *name = strerrorname_np(n);

		if (name && strcmp(name, code) == 0)
			return n;
	}
	return 0;
}

/* core.raise { op=, subject=, netns=, code= or errno=, message=, attr=, hint=, index=, misuse= }: what error_raise is for C */
static int l_raise(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_checkstack(L, 16, NULL);
	const char *code = field(L, "code");
	int errnum = (field(L, "errno"), (int)lua_tointeger(L, -1));
	struct error e = {
		.op = field(L, "op"),
		.subject = field(L, "subject"),
		.netns = field(L, "netns"),
		.message = field(L, "message"),
		.attr = field(L, "attr"),
		.hint = field(L, "hint"),
		.code = code,
		.errnum = code ? errno_of(code) : errnum ? errnum : EINVAL,
		.index = (field(L, "index"), lua_tointeger(L, -1)),
		.misuse = (field(L, "misuse"), lua_toboolean(L, -1)),
	};

	return error_raise(L, &e);
}

/* core.show(value) -> a string in quotes, short and printable; for others what they are */
static int l_show(lua_State *L)
{
	char text[48];
	size_t n;
	const char *s;

	if (lua_type(L, 1) != LUA_TSTRING) {
		lua_pushfstring(L, "a %s", luaL_typename(L, 1));
		return 1;
	}
	s = lua_tolstring(L, 1, &n);
	lua_pushfstring(L, "'%s'", args_show(s, n, text, sizeof(text)));
	return 1;
}

/* core.own(prefix): code whose source begins so is the library's; errors name the line that called it */
static int l_own(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, OWN);
	return 0;
}

void error_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__tostring", mm_tostring }, { NULL, NULL } };

	handle_type(L, ERROR_TYPE, meta);
	lua_pop(L, 1);
	lua_pushcfunction(L, l_raise);
	lua_setfield(L, -2, "raise");
	lua_pushcfunction(L, l_show);
	lua_setfield(L, -2, "show");
	lua_pushcfunction(L, l_own);
	lua_setfield(L, -2, "own");
}
