/* SPDX-License-Identifier: MIT */
/*
 * probe.c - core.probe: many probes at once, and what was observed of each
 *
 * The Lua face of engine.c: reads the list, opens sockets in the namespaces, waits where Ctrl-C can end it, and gives the observations as
 * plain tables. What they mean is for lualib/netns/proof/verdict.lua to say. Every descriptor belongs to a userdata, since waiting may raise.
 */
#include "probe.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "../namespace/ns.h"
#include "engine.h"
#include "place.h"
#include "silence.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/random.h>

#define RUN_TYPE "netns.probe.run"
#define OP "probe"

enum { MAX_PROBES = 65536 };

static const double default_settle = 1.25; /* longer than Linux holds back an ICMP error (1 s) when its burst is used up */

struct ask {
	int from, to, names; /* names: the asker's own, for its sentences */
	const char *family, *proto, *addr;
	lua_Integer port, scope, size;
	bool listen;
	double timeout;
};

static const struct args_row ask_rows[] = {
	{ "from", ARGS_ANY, offsetof(struct ask, from), .required = true },
	{ "to", ARGS_ANY, offsetof(struct ask, to) },
	{ "names", ARGS_ANY, offsetof(struct ask, names) },
	{ "family", ARGS_STRING, offsetof(struct ask, family), .required = true },
	{ "proto", ARGS_STRING, offsetof(struct ask, proto), .required = true },
	{ "addr", ARGS_STRING, offsetof(struct ask, addr), .required = true },
	{ "port", ARGS_INTEGER, offsetof(struct ask, port), 1, 65535 },
	{ "scope", ARGS_INTEGER, offsetof(struct ask, scope), 1, INT32_MAX },
	{ "size", ARGS_INTEGER, offsetof(struct ask, size), 64, PACKET_LONGEST },
	{ "listen", ARGS_BOOL, offsetof(struct ask, listen) },
	{ "timeout", ARGS_TIME, offsetof(struct ask, timeout) },
	{ NULL },
};

struct options {
	double settle;
};

static const struct args_row option_rows[] = {
	{ "settle", ARGS_TIME, offsetof(struct options, settle) },
	{ NULL },
};

/* ---- reading the list ---- */

static struct post *find_post(struct engine *e, struct ns *ns, int family)
{
	struct post *post;

	for (post = e->posts; post < e->posts + e->n_posts; post++)
		if (post->place == ns && post->family == family)
			return post;
	for (post = e->posts; post < e->posts + e->n_posts; post++) { /* another handle of the same? */
		const struct ns *place = post->place;

		if (place->inode == ns->inode && place->dev == ns->dev && post->family == family)
			return post;
	}
	e->n_posts++;
	*post = (struct post){ .place = ns, .family = family, .raw_icmp = -1, .raw_tcp = -1, .raw_udp = -1, .dgram = -1,
		.limits = { -1, -1 } };
	return post;
}

static bool same_address(const union address *a, const union address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0; /* both were zeroed before they were filled */
}

/* The post's hop to `target`, without its port; `*spare` is the next unused one. */
static struct hop *find_hop(struct post *post, const union address *target, struct hop **spare)
{
	union address host = *target;
	struct hop *hop;

	host.in.sin_port = 0;
	for (hop = post->hops; hop; hop = hop->next)
		if (same_address(&hop->target, &host))
			return hop;
	hop = (*spare)++;
	*hop = (struct hop){ .next = post->hops, .target = host };
	post->hops = hop;
	return hop;
}

static struct listener *find_listener(struct engine *e, const struct probe *p, bool own)
{
	struct listener *l = e->listeners;

	for (; l < e->listeners + e->n_listeners; l++)
		if (l->place == p->to->place && l->proto == p->proto && same_address(&l->at, &p->target)) {
			l->own |= own;
			return l;
		}
	e->n_listeners++;
	*l = (struct listener){ .place = p->to->place, .proto = p->proto, .at = p->target, .own = own, .fd = -1 };
	return l;
}

static int proto_of(const char *name)
{
	static const struct {
		const char *name;
		int proto;
	} protos[] = { { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP } };

	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (strcmp(protos[i].name, name) == 0)
			return protos[i].proto;
	return -1;
}

/* Read the spec on top of the stack into probe `i`. */
static void read_probe(lua_State *L, struct engine *e, size_t i, struct hop **spare)
{
	struct args_at at = { .op = OP, .key = "spec", .index = (lua_Integer)i + 1 };
	struct ask ask = { .timeout = -1 };
	struct probe *p = &e->probes[i];
	int spec = lua_gettop(L), family;

	args_read_at(L, spec, &at, ask_rows, &ask, false);
	family = strcmp(ask.family, "inet") == 0 ? AF_INET : strcmp(ask.family, "inet6") == 0 ? AF_INET6 : -1;
	at.key = "family";
	if (family < 0)
		args_misuse(L, &at, "'inet' or 'inet6' expected");
	p->proto = proto_of(ask.proto);
	at.key = "proto";
	if (p->proto < 0)
		args_misuse(L, &at, "'icmp', 'tcp' or 'udp' expected");
	at.key = "port";
	if ((p->proto == IPPROTO_ICMP) != (ask.port == 0))
		args_misuse(L, &at, ask.port ? "icmp has no ports" : "is missing");
	at.key = "size";
	if (p->proto == IPPROTO_TCP && ask.size)
		args_misuse(L, &at, "a SYN has the size that it has: icmp or udp");
	at.key = "addr";
	p->target.any.sa_family = (sa_family_t)family;
	p->target.in.sin_port = htons((uint16_t)ask.port);
	if (inet_pton(family, ask.addr, family == AF_INET ? (void *)&p->target.in.sin_addr : (void *)&p->target.in6.sin6_addr) != 1)
		args_misuse(L, &at, "no address of family %s", ask.family);
	if (family == AF_INET6)
		p->target.in6.sin6_scope_id = (uint32_t)ask.scope;
	lua_getfield(L, spec, "from");
	p->from = find_post(e, ns_check(L, -1, OP, "from"), family);
	if (ask.to) {
		lua_getfield(L, spec, "to");
		p->to = find_post(e, ns_check(L, -1, OP, "to"), family);
	}
	p->size = (size_t)ask.size;
	p->timeout = ask.timeout;
	p->hop = find_hop(p->from, &p->target, spare);
	p->end = p->to ? find_hop(p->to, &p->target, spare) : NULL;
	/* A silent UDP port is only understood if one knows whether somebody has it. */
	if (p->to && ((p->proto == IPPROTO_TCP && ask.listen) || p->proto == IPPROTO_UDP))
		p->listener = find_listener(e, p, ask.listen);
	lua_settop(L, spec);
}

/* Push a run that holds room for `n` probes and nothing open. */
static struct engine *push_run(lua_State *L, size_t n)
{
	size_t each = sizeof(struct probe) + 2 * sizeof(struct post) + sizeof(struct listener) + 2 * sizeof(struct hop);
	struct engine *e = lua_newuserdatauv(L, sizeof(*e) + sizeof(struct visit), 1);
	char *block;

	*e = (struct engine){ .epoll = -1, .settle = default_settle };
	place_callbacks(e, (struct visit *)(e + 1));
	luaL_setmetatable(L, RUN_TYPE);
	block = lua_newuserdatauv(L, n * each + 1, 0);
	memset(block, 0, n * sizeof(struct probe)); /* the others are written when they are taken, and seldom all are */
	lua_setiuservalue(L, -2, 1);
	e->probes = (struct probe *)block;
	e->posts = (struct post *)(e->probes + n);
	e->listeners = (struct listener *)(e->posts + 2 * n);
	for (size_t i = 0; i < n; i++)
		e->probes[i].fd[0] = e->probes[i].fd[1] = -1;
	e->n_probes = n;
	return e;
}

/* ---- telling what was seen ---- */

static const char *icmp_name(int family, int type, int code)
{
	static const struct {
		int family, type, code; /* code -1: any */
		const char *name;
	} names[] = {
		{ AF_INET, 3, 0, "net-unreachable" }, { AF_INET, 3, 1, "host-unreachable" }, { AF_INET, 3, 2, "prot-unreachable" },
		{ AF_INET, 3, 3, "port-unreachable" }, { AF_INET, 3, 4, "frag-needed" }, { AF_INET, 3, 9, "net-prohibited" },
		{ AF_INET, 3, 10, "host-prohibited" }, { AF_INET, 3, 13, "admin-prohibited" }, { AF_INET, 3, -1, "destination-unreachable" },
		{ AF_INET, 11, 0, "ttl-exceeded" }, { AF_INET, 11, -1, "time-exceeded" }, { AF_INET, 12, -1, "parameter-problem" },
		{ AF_INET6, 1, 0, "no-route" }, { AF_INET6, 1, 1, "admin-prohibited" }, { AF_INET6, 1, 2, "beyond-scope" },
		{ AF_INET6, 1, 3, "addr-unreachable" }, { AF_INET6, 1, 4, "port-unreachable" }, { AF_INET6, 1, 5, "policy-fail" },
		{ AF_INET6, 1, 6, "reject-route" }, { AF_INET6, 1, -1, "destination-unreachable" }, { AF_INET6, 2, -1, "packet-too-big" },
		{ AF_INET6, 3, 0, "ttl-exceeded" }, { AF_INET6, 3, -1, "time-exceeded" }, { AF_INET6, 4, -1, "parameter-problem" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].family == family && names[i].type == type && (names[i].code < 0 || names[i].code == code))
			return names[i].name;
	return "icmp-error";
}

static void set_string(lua_State *L, const char *key, const char *value)
{
	if (!value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void set_boolean(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, key);
}

static void set_address(lua_State *L, const char *key, const union address *a)
{
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes = a->any.sa_family == AF_INET ? (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;

	set_string(L, key, inet_ntop(a->any.sa_family, bytes, text, sizeof(text)));
}

static void push_answer(lua_State *L, const struct probe *p)
{
	static const char *const replies[] = {
		[REPLY_ECHO] = "echo", [REPLY_SYN_ACK] = "syn-ack", [REPLY_RESET] = "reset", [REPLY_DATA] = "data",
	};

	if (p->icmp) {
		lua_createtable(L, 0, 4);
		set_integer(L, "type", p->icmp_type);
		set_integer(L, "code", p->icmp_code);
		set_string(L, "name", icmp_name(p->target.any.sa_family, p->icmp_type, p->icmp_code));
		set_address(L, "from", &p->icmp_from);
		set_boolean(L, "own", p->icmp_own);
		lua_setfield(L, -2, "icmp");
	}
	if (p->reply) {
		lua_createtable(L, 0, 3);
		set_string(L, "kind", replies[p->reply]);
		set_address(L, "from", &p->reply_from);
		set_boolean(L, "exact", p->reply_exact);
		lua_setfield(L, -2, "reply");
	}
	if (p->reply || p->icmp)
		set_number(L, "rtt", p->answered_at - p->last);
}

static void push_times(lua_State *L, const struct engine *e, const struct probe *p)
{
	lua_createtable(L, 0, 4);
	if (p->sent)
		set_number(L, "sent", p->first - e->start);
	if (p->delivered)
		set_number(L, "delivered", p->delivered_at - e->start);
	if (p->reply || p->icmp)
		set_number(L, "answered", p->answered_at - e->start);
	set_number(L, "ended", p->ended_at - e->start);
	lua_setfield(L, -2, "times");
}

/* The sender's first step, as its kernel sees it at the end. */
static void push_path(lua_State *L, const struct hop *hop)
{
	static const char *const types[] = {
		[RTN_UNICAST] = "unicast", [RTN_LOCAL] = "local", [RTN_BROADCAST] = "broadcast", [RTN_ANYCAST] = "anycast",
		[RTN_MULTICAST] = "multicast", [RTN_BLACKHOLE] = "blackhole", [RTN_UNREACHABLE] = "unreachable", [RTN_PROHIBIT] = "prohibit",
	};
	const struct path *path = &hop->path;

	if (hop->asked == 0)
		return;
	lua_createtable(L, 0, 6);
	if (path->errnum)
		set_string(L, "errno", error_code(path->errnum));
	if (path->type > 0 && path->type < (int)(sizeof(types) / sizeof(*types)))
		set_string(L, "type", types[path->type]);
	if (path->dev[0]) {
		set_string(L, "dev", path->dev);
		set_boolean(L, "up", path->up);
		set_boolean(L, "carrier", path->carrier);
		set_address(L, "via", &path->via);
	}
	set_string(L, "neighbour", path->neighbour || !path->resolved ? path_neighbour_name(path->neighbour) : "none");
	lua_setfield(L, -2, "path");
}

/* Did the observer lose anything? The kernel counts what its receive buffer had no room for. */
static bool overflowed(const struct probe *p)
{
	int fd = p->proto == IPPROTO_ICMP ? p->to->raw_icmp : p->proto == IPPROTO_TCP ? p->to->raw_tcp : p->to->raw_udp;
	uint32_t info[16] = { 0 };
	socklen_t size = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0 || info[8] > 0; /* SK_MEMINFO_DROPS */
}

static void push_controls(lua_State *L, const struct probe *p)
{
	if (!p->to)
		return;
	lua_createtable(L, 0, 2);
	set_boolean(L, "observer", p->delivered || !overflowed(p));
	if (p->end->asked > 0)
		set_boolean(L, "address", p->end->path.errnum == 0 && p->end->path.type == RTN_LOCAL);
	lua_setfield(L, -2, "controls");
}

static void push_observation(lua_State *L, const struct engine *e, const struct probe *p)
{
	static const char *const cuts[] = { [CUT_LIMITED] = "limited", [CUT_NEIGHBOUR] = "neighbour" };

	lua_createtable(L, 0, p->reply && !p->listener ? 8 : 16);
	set_boolean(L, "sent", p->sent);
	if (p->errnum && !p->broken)
		set_string(L, "errno", error_code(p->errnum));
	if (p->broken) {
		lua_createtable(L, 0, 2);
		set_string(L, "step", p->broken);
		set_string(L, "errno", error_code(p->errnum));
		lua_setfield(L, -2, "broken");
	}
	if (p->late_errnum)
		set_string(L, "late_errno", error_code(p->late_errnum));
	if (p->to)
		set_boolean(L, "delivered", p->delivered);
	push_answer(L, p);
	push_times(L, e, p);
	push_path(L, p->hop);
	push_controls(L, p);
	if (p->listener && (p->listener->service || p->listener->fd >= 0))
		set_string(L, "listener", p->listener->service ? "service" : "own");
	if (p->listener && !p->listener->own && !p->listener->service && p->listener->errnum == 0)
		set_boolean(L, "closed", true);
	if (p->listener && p->listener->errnum && !p->listener->service)
		set_string(L, "listener_errno", error_code(p->listener->errnum));
	if (p->withheld)
		set_boolean(L, "withheld", true);
	set_string(L, "cut", cuts[p->cut]);
	set_integer(L, "resent", p->attempts > 0 ? p->attempts - 1 : 0);
	set_number(L, "watched", p->sent ? p->ended_at - p->first : 0);
}

/* core.probe(list [, { settle }]) -> array of observations */
static int l_probe(lua_State *L)
{
	struct options options = { .settle = default_settle };
	const char *step = NULL;
	struct hop *spare;
	struct engine *e;
	lua_Integer n;
	double next;
	int code;

	lua_settop(L, 2);
	args_table(L, 1, &(struct args_at){ .op = OP, .key = "list" });
	if (!lua_isnil(L, 2))
		args_read_at(L, 2, &(struct args_at){ .op = OP, .key = "options" }, option_rows, &options, false);
	n = (lua_Integer)lua_rawlen(L, 1);
	if (n > MAX_PROBES)
		return error_misuse(L, OP, "list", "%lld probes; at most %d at once", (long long)n, MAX_PROBES);
	luaL_checkstack(L, 10, OP);
	e = push_run(L, (size_t)n); /* 3 */
	e->settle = options.settle;
	spare = (struct hop *)(e->listeners + n);
	if (getrandom(&e->key, sizeof(e->key), 0) != sizeof(e->key))
		return error_errno(L, errno, OP, "getrandom");
	e->key.count = (uint32_t)n;
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, 1, i + 1);
		read_probe(L, e, (size_t)i, &spare);
		lua_pop(L, 1);
	}
	code = engine_open(e, &step);
	if (code < 0)
		return error_errno(L, -code, OP, step);
	e->open = (size_t)n;
	e->start = wait_clock();
	while (e->open > 0) {
		engine_collect(e);
		next = engine_step(e, wait_clock());
		if (e->open > 0)
			wait_poll(L, &(struct pollfd){ .fd = e->epoll, .events = POLLIN }, 1, next);
	}
	lua_createtable(L, (int)n, 0);
	for (lua_Integer i = 0; i < n; i++) {
		struct probe *p = &e->probes[i];

		if (!p->reply)
			silence_ask(e, p, wait_clock());
		push_observation(L, e, p);
		lua_rawseti(L, -2, i + 1);
	}
	engine_close(e);
	return 1;
}

/* core.probe_end(value, field [, index]) -> the open namespace that the value is or stands for; else an error that names the field */
static int l_probe_end(lua_State *L)
{
	struct args_at at = { .op = OP, .key = luaL_checkstring(L, 2), .index = lua_tointeger(L, 3) };

	lua_settop(L, 3);
	if (lua_isnil(L, 1))
		return args_misuse(L, &at, "is missing");
	if (!ns_test(L, 1, OP, at.key))
		return args_misuse(L, &at, "a namespace expected, got %s", luaL_typename(L, 1));
	lua_pushvalue(L, 1);
	if (!luaL_testudata(L, 1, NS_TYPE)) {
		luaL_getmetafield(L, 1, "__netns");
		lua_insert(L, -2);
		lua_call(L, 1, 1);
	}
	return 1;
}

static int m_close(lua_State *L)
{
	engine_close(luaL_checkudata(L, 1, RUN_TYPE));
	return 0;
}

void probe_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "probe", l_probe }, { "probe_end", l_probe_end }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	handle_type(L, RUN_TYPE, meta);
	lua_pop(L, 1);
	luaL_setfuncs(L, functions, 0);
}
