/* SPDX-License-Identifier: MIT */
/*
 * rule.c - rules that choose the routing table (ip-rule(8), include/uapi/linux/fib_rules.h)
 *
 * The kernel's rules have no key: several may have one priority, and none can be changed. So `set` finds a rule by its priority, adds the
 * new one and then removes the old one, and `replace` passes over what is there already.
 */
#include "rtnl.h"
#include "tables.h"
#include "units.h"

#include "../lua/args.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static const struct codec_name actions[] = {
	{ "lookup", FR_ACT_TO_TBL }, { "goto", FR_ACT_GOTO }, { "nop", FR_ACT_NOP }, { "blackhole", FR_ACT_BLACKHOLE },
	{ "unreachable", FR_ACT_UNREACHABLE }, { "prohibit", FR_ACT_PROHIBIT }, { NULL, 0 },
};

static const struct codec_name ip_protocols[] = {
	{ "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "gre", IPPROTO_GRE }, { "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH }, { "ipv6-icmp", IPPROTO_ICMPV6 }, { "sctp", IPPROTO_SCTP }, { NULL, 0 },
};

static const struct codec_row rows[] = {
	{ .key = "priority", .attr = FRA_PRIORITY, .type = CODEC_U32 },
	{ .key = "family", .type = CODEC_U8, .names = codec_families, CODEC_HDR(fib_rule_hdr, family) },
	{ .key = "from", .attr = FRA_SRC, .type = CODEC_PREFIX, .flags = CODEC_HOST, .off = offsetof(struct fib_rule_hdr, src_len) },
	{ .key = "to", .attr = FRA_DST, .type = CODEC_PREFIX, .flags = CODEC_HOST, .off = offsetof(struct fib_rule_hdr, dst_len) },
	{ .key = "tos", .type = CODEC_U8, .flags = CODEC_QUIET, CODEC_HDR(fib_rule_hdr, tos) },
	{ .key = "iif", .attr = FRA_IIFNAME, .type = CODEC_IFNAME },
	{ .key = "oif", .attr = FRA_OIFNAME, .type = CODEC_IFNAME },
	{ .key = "fwmark", .attr = FRA_FWMARK, .type = CODEC_U32 },
	{ .key = "fwmask", .attr = FRA_FWMASK, .type = CODEC_U32 },
	{ .key = "ipproto", .attr = FRA_IP_PROTO, .type = CODEC_U8, .names = ip_protocols },
	{ .key = "sport", .attr = FRA_SPORT_RANGE, .type = CODEC_CUSTOM, .as = CODEC_RANGE, .max = UINT16_MAX },
	{ .key = "dport", .attr = FRA_DPORT_RANGE, .type = CODEC_CUSTOM, .as = CODEC_RANGE, .max = UINT16_MAX },
	{ .key = "uidrange", .attr = FRA_UID_RANGE, .type = CODEC_CUSTOM, .as = CODEC_RANGE, .max = UINT32_MAX },
	{ .key = "table", .attr = FRA_TABLE, .type = CODEC_U32, .names = route_tables, .flags = CODEC_QUIET },
	{ .key = "action", .type = CODEC_U8, .names = actions, CODEC_HDR(fib_rule_hdr, action) },
	{ .key = "goto", .attr = FRA_GOTO, .type = CODEC_U32 },
	{ .key = "suppress_prefixlength", .attr = FRA_SUPPRESS_PREFIXLEN, .type = CODEC_CUSTOM, .as = CODEC_U32, .max = 128 },
	{ .key = "l3mdev", .attr = FRA_L3MDEV, .type = CODEC_BOOL, .flags = CODEC_QUIET },
	{ .key = "proto", .attr = FRA_PROTOCOL, .type = CODEC_U8, .names = route_protocols },
	{ .key = "invert", .type = CODEC_BIT, .mask = FIB_RULE_INVERT, .flags = CODEC_QUIET, CODEC_HDR(fib_rule_hdr, flags) },
	{ .type = CODEC_END },
};

static const struct {
	const char *key;
	uint16_t attr;
	lua_Integer max;
} ranges[] = {
	{ "sport", FRA_SPORT_RANGE, UINT16_MAX }, { "dport", FRA_DPORT_RANGE, UINT16_MAX }, { "uidrange", FRA_UID_RANGE, UINT32_MAX },
};

static struct fib_rule_hdr *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

/* Push spec[key]; its stack index, or 0 (nothing pushed) when it is not there. */
static int push(struct rtnl *r, int spec, const char *key)
{
	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		return lua_gettop(r->L);
	lua_pop(r->L, 1);
	return 0;
}

static void put_ranges(struct rtnl *r, int spec)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		int idx = push(r, spec, ranges[i].key);
		struct units_range range;

		if (!idx)
			continue;
		range = units_range(r->L, idx, &(struct args_at){ .op = r->codec.op, .key = ranges[i].key, .index = r->codec.index },
				    ranges[i].max);
		if (ranges[i].attr == FRA_UID_RANGE) {
			struct fib_rule_uid_range uids = { range.from, range.to };

			codec_put(&r->codec, FRA_UID_RANGE, &uids, sizeof(uids));
		} else {
			struct fib_rule_port_range ports = { (uint16_t)range.from, (uint16_t)range.to };

			codec_put(&r->codec, ranges[i].attr, &ports, sizeof(ports));
		}
		lua_pop(r->L, 1);
	}
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct codec *c = &r->codec;
	int idx = push(r, spec, "suppress_prefixlength");
	struct fib_rule_hdr *rule;

	if (idx) {
		uint32_t length = (uint32_t)args_integer(r->L, idx,
			&(struct args_at){ .op = c->op, .key = "suppress_prefixlength", .index = c->index }, 0, 128);

		codec_put(c, FRA_SUPPRESS_PREFIXLEN, &length, sizeof(length));
		lua_pop(r->L, 1);
	}
	put_ranges(r, spec);
	rule = header(r); /* the buffer may have moved */
	if (rule->family && c->family != AF_UNSPEC && rule->family != c->family)
		args_misuse(r->L, &(struct args_at){ .op = c->op, .key = "family", .index = c->index }, "is not that of the addresses");
	rule->family = (uint8_t)(c->family != AF_UNSPEC ? c->family : rule->family ? rule->family : AF_INET);
	if (verb == RTNL_DELETE)
		return;
	if (!rule->action)
		rule->action = rtnl_has(r, spec, "goto") ? FR_ACT_GOTO : FR_ACT_TO_TBL;
	if (rule->action == FR_ACT_TO_TBL && !rtnl_has(r, spec, "table") && !rtnl_has(r, spec, "l3mdev"))
		rule->table = RT_TABLE_MAIN;
	if (!rtnl_has(r, spec, "proto"))
		codec_put(c, FRA_PROTOCOL, &(uint8_t){ RTPROT_BOOT }, 1);
	if (verb == RTNL_SET && !rtnl_has(r, spec, "priority"))
		args_misuse(r->L, &(struct args_at){ .op = c->op, .key = "priority", .index = c->index }, "is missing: a rule is found by it");
}

/* What every namespace has: local, main and default, and IPv6's two. */
static bool is_kernels(struct rtnl *r, int spec)
{
	static const struct {
		lua_Integer priority;
		const char *table;
	} own[] = { { 0, "local" }, { 32766, "main" }, { 32767, "default" } };
	const char *table = rtnl_field(r, spec, "table");
	int idx = push(r, spec, "priority");
	lua_Integer priority = idx ? lua_tointeger(r->L, idx) : 0; /* the kernel does not tell a 0 */
	bool is = false;

	if (idx)
		lua_pop(r->L, 1);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		is = is || (table && strcmp(table, own[i].table) == 0 && priority == own[i].priority);
	return is && !rtnl_has(r, spec, "from") && !rtnl_has(r, spec, "to") && !rtnl_has(r, spec, "iif") && !rtnl_has(r, spec, "oif") &&
	       !rtnl_has(r, spec, "fwmark");
}

/* All bits count, which a spec need not say. */
static bool has_usual_mask(struct rtnl *r, int listed)
{
	int idx = push(r, listed, "fwmask");
	bool usual = !idx || lua_tointeger(r->L, idx) == UINT32_MAX;

	if (idx)
		lua_pop(r->L, 1);
	return usual;
}

/* Does the entry at `listed` choose by nothing that the spec does not name? */
static bool is_as_wide(struct rtnl *r, int spec, int listed)
{
	static const char *const choosers[] = { "from", "to", "tos", "iif", "oif", "fwmark", "ipproto", "sport", "dport", "uidrange",
		"suppress_prefixlength", "l3mdev", "invert" };
	bool wide = true;

	for (size_t i = 0; i < sizeof(choosers) / sizeof(*choosers); i++)
		wide = wide && (rtnl_has(r, spec, choosers[i]) || !rtnl_has(r, listed, choosers[i]));
	return wide && (rtnl_has(r, spec, "fwmask") || has_usual_mask(r, listed));
}

/* Is the very rule there? All that fit have what the spec says, but may have more. */
static bool passed_over(struct rtnl *r, int spec)
{
	lua_Integer index = r->codec.index;
	lua_State *L = r->L;
	int top = lua_gettop(L);
	bool found = false;

	if (is_kernels(r, spec))
		return true;
	rtnl_list(r, spec);
	for (lua_Integer n = (lua_Integer)lua_rawlen(L, -1); n > 0 && !found; n--) {
		lua_rawgeti(L, top + 1, n);
		found = is_as_wide(r, spec, top + 2);
		lua_pop(L, 1);
	}
	r->codec.index = index;
	lua_settop(L, top);
	return found;
}

/* `set`: the new rule is in the codec's buffer at its start. */
static bool otherwise(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	lua_State *L = r->L;
	int top = lua_gettop(L), old;
	size_t start;

	if (verb != RTNL_SET)
		return false;
	lua_createtable(L, 0, 2);
	lua_pushliteral(L, "priority");
	lua_rawget(L, spec);
	lua_setfield(L, -2, "priority");
	lua_pushstring(L, header(r)->family == AF_INET6 ? "inet6" : "inet");
	lua_setfield(L, -2, "family");
	rtnl_get(r, top + 1);
	old = lua_gettop(L);
	if (lua_isnil(L, old))
		rtnl_refuse(r, &(struct nlerror){ .errnum = ENOENT }, NULL, rtnl_field(r, spec, "priority"));
	r->codec.out->size = 0;
	start = rtnl_encode(r, spec, RTNL_ADD);
	rtnl_send(r, start, NULL, false);
	r->codec.out->size = 0;
	start = rtnl_encode(r, old, RTNL_DELETE);
	rtnl_send(r, start, NULL, false);
	lua_settop(L, top);
	return true;
}

static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	struct codec_span all = codec_attrs(h, sizeof(struct fib_rule_hdr)), attr = codec_inner(all, FRA_SUPPRESS_PREFIXLEN);
	lua_State *L = r->L;

	if (attr.size >= 4 && codec_load(attr.data, 4) != UINT32_MAX) {
		lua_pushinteger(L, (lua_Integer)codec_load(attr.data, 4));
		lua_setfield(L, -2, "suppress_prefixlength");
	}
	if (!codec_inner(all, FRA_PRIORITY).data) { /* the kernel does not tell a 0 */
		lua_pushinteger(L, 0);
		lua_setfield(L, -2, "priority");
	}
	if (codec_inner(all, FRA_FWMASK).data && !codec_inner(all, FRA_FWMARK).data) { /* nor this one */
		lua_pushinteger(L, 0);
		lua_setfield(L, -2, "fwmark");
	}
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct units_range range = { 0 };

		attr = codec_inner(all, ranges[i].attr);
		if (!attr.data)
			continue;
		if (ranges[i].attr == FRA_UID_RANGE && attr.size >= sizeof(struct fib_rule_uid_range)) {
			const struct fib_rule_uid_range *uids = (const void *)attr.data;

			range = (struct units_range){ uids->start, uids->end };
		} else if (attr.size >= sizeof(struct fib_rule_port_range)) {
			const struct fib_rule_port_range *ports = (const void *)attr.data;

			range = (struct units_range){ ports->start, ports->end };
		}
		if (range.from == range.to)
			lua_pushinteger(L, range.from);
		else
			lua_pushfstring(L, "%I-%I", (lua_Integer)range.from, (lua_Integer)range.to);
		lua_setfield(L, -2, ranges[i].key);
	}
}

static bool wanted(struct rtnl *r, const struct nlmsghdr *h, int filter)
{
	(void)filter;
	return ((const struct fib_rule_hdr *)mnl_nlmsg_get_payload(h))->family == r->family;
}

/* A rule to delete may be given by its priority alone: of either family. */
static bool whole(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "family") && rtnl_has(r, spec, "priority");
}

static bool stays(struct rtnl *r, int spec)
{
	return is_kernels(r, spec);
}

static const int both[] = { AF_INET, AF_INET6, -1 };

const struct rtnl_object rtnl_rule = {
	.name = "rule",
	.key = "priority",
	.rows = rows,
	.header = sizeof(struct fib_rule_hdr),
	.get = RTM_GETRULE,
	.new = RTM_NEWRULE,
	.del = RTM_DELRULE,
	.flags = { [RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL, [RTNL_REPLACE] = NLM_F_CREATE | NLM_F_EXCL },
	.batch = true,
	.families = both,
	.end = end,
	.otherwise = otherwise,
	.passed_over = passed_over,
	.wanted = wanted,
	.listed = listed,
	.whole = whole,
	.stays = stays,
};
