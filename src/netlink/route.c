/* SPDX-License-Identifier: MIT */
/*
 * route.c - IPv4 and IPv6 routes (rtnetlink(7), include/uapi/linux/rtnetlink.h)
 *
 * Defaults are those of `ip route`: table main, protocol boot, scope by type and by whether there is a gateway. The family is that of
 * `dst`; "default" takes it from `via`, else from `family`, else it is inet. An IPv4 route through an IPv6 gateway is RTA_VIA.
 */
#include "rtnl.h"
#include "tables.h"

#include "../lua/args.h"

#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct codec_name types[] = {
	{ "unicast", RTN_UNICAST }, { "local", RTN_LOCAL }, { "broadcast", RTN_BROADCAST }, { "anycast", RTN_ANYCAST },
	{ "multicast", RTN_MULTICAST }, { "blackhole", RTN_BLACKHOLE }, { "unreachable", RTN_UNREACHABLE },
	{ "prohibit", RTN_PROHIBIT }, { "throw", RTN_THROW }, { "nat", RTN_NAT }, { NULL, 0 },
};

static const struct codec_name scopes[] = {
	{ "global", RT_SCOPE_UNIVERSE }, { "site", RT_SCOPE_SITE }, { "link", RT_SCOPE_LINK }, { "host", RT_SCOPE_HOST },
	{ "nowhere", RT_SCOPE_NOWHERE }, { NULL, 0 },
};

static const struct codec_name flags[] = {
	{ "dead", RTNH_F_DEAD }, { "pervasive", RTNH_F_PERVASIVE }, { "offload", RTNH_F_OFFLOAD },
	{ "linkdown", RTNH_F_LINKDOWN }, { "unresolved", RTNH_F_UNRESOLVED }, { NULL, 0 },
};

static const struct codec_name preferences[] = { { "medium", 0 }, { "high", 1 }, { "low", 3 }, { NULL, 0 } };

#define METRIC(name, attribute) { .key = name, .attr = RTAX_##attribute, .type = CODEC_U32 }

static const struct codec_row metrics[] = {
	METRIC("mtu", MTU), METRIC("advmss", ADVMSS), METRIC("window", WINDOW), METRIC("hoplimit", HOPLIMIT),
	METRIC("initcwnd", INITCWND), METRIC("initrwnd", INITRWND), METRIC("cwnd", CWND), METRIC("reordering", REORDERING),
	METRIC("quickack", QUICKACK),
	{ .type = CODEC_END },
};

/* The fields of one of several nexthops: put_nexthop() writes them, set_nexthops() reads them. */
static const struct codec_row nexthop_rows[] = {
	{ .key = "via", .type = CODEC_ADDR },
	{ .key = "dev", .type = CODEC_LINK },
	{ .key = "weight", .type = CODEC_U16, .min = 1, .max = 256 },
	{ .key = "onlink", .type = CODEC_BOOL },
	{ .type = CODEC_END },
};

/* `via` and `nexthops` are written by end(); `via` is read by its second row, or from RTA_VIA by listed(). */
static const struct codec_row rows[] = {
	{ .key = "type", .type = CODEC_U8, .names = types, CODEC_HDR(rtmsg, rtm_type) },
	{ .key = "dst", .attr = RTA_DST, .type = CODEC_PREFIX, .flags = CODEC_HOST | CODEC_NETWORK, .off = offsetof(struct rtmsg, rtm_dst_len) },
	{ .key = "via", .type = CODEC_CUSTOM, .as = CODEC_ADDR },
	{ .key = "via", .attr = RTA_GATEWAY, .type = CODEC_ADDR, .flags = CODEC_RO },
	{ .key = "dev", .attr = RTA_OIF, .type = CODEC_LINK },
	{ .key = "src", .attr = RTA_PREFSRC, .type = CODEC_ADDR },
	{ .key = "from", .attr = RTA_SRC, .type = CODEC_PREFIX, .flags = CODEC_HOST, .off = offsetof(struct rtmsg, rtm_src_len) },
	{ .key = "metric", .attr = RTA_PRIORITY, .type = CODEC_U32 },
	{ .key = "table", .attr = RTA_TABLE, .type = CODEC_U32, .names = route_tables },
	{ .key = "proto", .type = CODEC_U8, .names = route_protocols, CODEC_HDR(rtmsg, rtm_protocol) },
	{ .key = "scope", .type = CODEC_U8, .names = scopes, CODEC_HDR(rtmsg, rtm_scope) },
	{ .key = "tos", .type = CODEC_U8, .flags = CODEC_QUIET, CODEC_HDR(rtmsg, rtm_tos) },
	{ .key = "family", .type = CODEC_U8, .names = codec_families, CODEC_HDR(rtmsg, rtm_family) },
	{ .key = "onlink", .type = CODEC_BIT, .mask = RTNH_F_ONLINK, .flags = CODEC_QUIET, CODEC_HDR(rtmsg, rtm_flags) },
	{ .key = "flags", .type = CODEC_BITS, .names = flags, .flags = CODEC_RO, CODEC_HDR(rtmsg, rtm_flags) },
	{ .key = "pref", .attr = RTA_PREF, .type = CODEC_U8, .names = preferences },
	{ .attr = RTA_METRICS, .type = CODEC_INLINE, .sub = metrics },
	{ .key = "nexthops", .type = CODEC_CUSTOM, .as = CODEC_NEST, .sub = nexthop_rows },
	{ .type = CODEC_END },
};

static struct rtmsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

static struct args_at at(const struct rtnl *r, const char *key)
{
	return (struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index };
}

/* Push table[key]; its stack index, or 0 (nothing pushed) when it is not there. */
static int push(struct rtnl *r, int table, const char *key)
{
	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, table) != LUA_TNIL)
		return lua_gettop(r->L);
	lua_pop(r->L, 1);
	return 0;
}

static void begin(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct rtmsg *rtm = header(r);

	if (!rtnl_has(r, spec, "dst")) {
		struct args_at where = at(r, "dst");

		args_misuse(r->L, &where, "is missing (a prefix, or \"default\")");
	}
	if (verb == RTNL_DELETE) {
		rtm->rtm_scope = RT_SCOPE_NOWHERE; /* any */
	} else {
		rtm->rtm_protocol = RTPROT_BOOT;
		rtm->rtm_type = RTN_UNICAST;
		rtm->rtm_scope = RT_SCOPE_NOWHERE; /* until end() knows better */
	}
}

/* A gateway: RTA_GATEWAY in the route's own family, else RTA_VIA. */
static void put_via(struct rtnl *r, int idx)
{
	struct codec *c = &r->codec;
	int family = c->family;
	uint8_t via[sizeof(struct rtvia) + 16], address[16];
	__kernel_sa_family_t other;
	size_t size;

	c->family = AF_UNSPEC;
	size = codec_address(c, idx, "via", address, NULL);
	if (family == AF_UNSPEC || family == c->family) {
		codec_put(c, RTA_GATEWAY, address, size);
		return;
	}
	other = (__kernel_sa_family_t)c->family;
	memcpy(via + offsetof(struct rtvia, rtvia_family), &other, sizeof(other));
	memcpy(via + sizeof(struct rtvia), address, size);
	c->family = family;
	codec_put(c, RTA_VIA, via, sizeof(struct rtvia) + size);
}

/* One of several, which was checked: a struct rtnexthop, with its gateway behind it. */
static void put_nexthop(struct rtnl *r, int table)
{
	struct codec *c = &r->codec;
	struct rtnexthop hop = { .rtnh_hops = 0 };
	struct args_at where = at(r, "nexthops");
	size_t from = c->out->size;
	lua_State *L = r->L;
	int idx;

	idx = push(r, table, "dev");
	if (idx)
		hop.rtnh_ifindex = (int)codec_ifindex(c, idx, "nexthops");
	idx = push(r, table, "weight");
	if (idx)
		hop.rtnh_hops = (unsigned char)(args_integer(L, idx, &where, 1, 256) - 1);
	idx = push(r, table, "onlink");
	if (idx && args_boolean(L, idx, &where))
		hop.rtnh_flags |= RTNH_F_ONLINK;
	idx = push(r, table, "via");
	/* The struct stands where an attribute would: written as raw bytes by way of an attribute's header of the same size. */
	codec_put(c, 0, (char *)&hop + NLA_HDRLEN, sizeof(hop) - NLA_HDRLEN);
	if (idx)
		put_via(r, idx);
	hop.rtnh_len = (unsigned short)(c->out->size - from);
	memcpy(c->out->data + from, &hop, sizeof(hop));
}

static void put_nexthops(struct rtnl *r, int idx)
{
	int top = lua_gettop(r->L);
	size_t nest;

	luaL_checkstack(r->L, 10, "nexthops");
	codec_check(&r->codec, 0, idx, codec_find(rows, "nexthops"));
	nest = codec_nest(&r->codec, RTA_MULTIPATH);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(r->L, idx); i <= n; i++) {
		lua_rawgeti(r->L, idx, i);
		put_nexthop(r, top + 1);
		lua_settop(r->L, top);
	}
	codec_nest_end(&r->codec, nest);
}

/* As `ip route` chooses it. */
static uint8_t usual_scope(const struct rtmsg *rtm, bool gateway)
{
	switch (rtm->rtm_type) {
	case RTN_LOCAL:
	case RTN_NAT:
		return RT_SCOPE_HOST;
	case RTN_BROADCAST:
	case RTN_MULTICAST:
	case RTN_ANYCAST:
		return RT_SCOPE_LINK;
	case RTN_UNICAST:
		return gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	default:
		return RT_SCOPE_UNIVERSE;
	}
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct codec *c = &r->codec;
	int via = push(r, spec, "via"), nexthops;
	struct rtmsg *rtm;

	/* A default route that says its family is of that, whatever the gateway's. */
	if (c->family == AF_UNSPEC)
		c->family = header(r)->rtm_family;
	if (via) {
		put_via(r, via);
		lua_pop(r->L, 1);
	}
	nexthops = push(r, spec, "nexthops");
	if (nexthops) {
		put_nexthops(r, nexthops);
		lua_pop(r->L, 1);
	}
	rtm = header(r); /* the buffer may have moved */
	if (rtm->rtm_family && c->family != AF_UNSPEC && rtm->rtm_family != c->family) {
		struct args_at where = at(r, "family");

		args_misuse(r->L, &where, "is not that of the addresses");
	}
	rtm->rtm_family = (uint8_t)(c->family != AF_UNSPEC ? c->family : rtm->rtm_family ? rtm->rtm_family : AF_INET);
	if (!rtnl_has(r, spec, "table"))
		rtm->rtm_table = RT_TABLE_MAIN;
	if (verb != RTNL_DELETE && rtm->rtm_scope == RT_SCOPE_NOWHERE && !rtnl_has(r, spec, "scope"))
		rtm->rtm_scope = rtm->rtm_family == AF_INET6 ? RT_SCOPE_UNIVERSE : usual_scope(rtm, via || nexthops);
}

/* The kernel makes its own routes when addresses come and links go up. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *proto = rtnl_field(r, spec, "proto");

	return proto && strcmp(proto, "kernel") == 0;
}

/* ---- listing ---- */

/* The table that the filter asks for; 0 for all of them. */
static uint32_t table_of(struct rtnl *r, int filter)
{
	uint32_t table = RT_TABLE_MAIN;
	int idx = filter ? push(r, filter, "table") : 0;

	if (!idx)
		return table;
	if (lua_type(r->L, idx) == LUA_TNUMBER)
		table = (uint32_t)lua_tointeger(r->L, idx);
	for (const struct codec_name *name = route_tables; name->name && lua_type(r->L, idx) == LUA_TSTRING; name++)
		if (strcmp(name->name, lua_tostring(r->L, idx)) == 0)
			table = name->value;
	if (args_is(r->L, idx, "all"))
		table = 0;
	lua_pop(r->L, 1);
	return table;
}

/* The number of filter[key], whose names its row knows; 0 for none. */
static uint8_t number_in(struct rtnl *r, int filter, const char *key)
{
	int idx = filter ? push(r, filter, key) : 0;
	lua_Integer n = idx ? codec_number(r->L, codec_find(rows, key), idx) : 0;

	if (idx)
		lua_pop(r->L, 1);
	return n > 0 && n <= UINT8_MAX ? (uint8_t)n : 0;
}

/* The kernel can keep to one table, link, protocol and type. */
static void ask(struct rtnl *r, int filter)
{
	struct codec *c = &r->codec;
	uint32_t table = table_of(r, filter), index;
	int idx = filter ? push(r, filter, "dev") : 0;

	if (idx) {
		index = codec_ifindex(c, idx, "dev");
		codec_put(c, RTA_OIF, &index, sizeof(index));
		lua_pop(r->L, 1);
	}
	if (table)
		codec_put(c, RTA_TABLE, &table, sizeof(table));
	header(r)->rtm_protocol = number_in(r, filter, "proto");
	header(r)->rtm_type = number_in(r, filter, "type");
}

/* Not the kernel's cached answers, and not another family's (a kernel without IPv6 answers with all that it has). */
static bool wanted(struct rtnl *r, const struct nlmsghdr *h, int filter)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct codec_span attr = codec_inner(codec_attrs(h, sizeof(*rtm)), RTA_TABLE);
	uint32_t table = attr.size >= 4 ? (uint32_t)codec_load(attr.data, 4) : rtm->rtm_table, asked = table_of(r, filter);

	return !(rtm->rtm_flags & RTM_F_CLONED) && rtm->rtm_family == r->family && (asked == 0 || asked == table);
}

/* The gateway that some attributes tell, in the route's own family or the other. */
static void set_via(struct rtnl *r, struct codec_span attrs)
{
	struct codec_span gateway = codec_inner(attrs, RTA_GATEWAY), via = codec_inner(attrs, RTA_VIA);

	if (via.size > sizeof(struct rtvia))
		gateway = (struct codec_span){ via.data + sizeof(struct rtvia), via.size - sizeof(struct rtvia) };
	if (!gateway.data)
		return;
	codec_push_address(&r->codec, gateway.data, gateway.size);
	lua_setfield(r->L, -2, "via");
}

static void set_nexthops(struct rtnl *r, struct codec_span left)
{
	lua_State *L = r->L;
	lua_Integer n = 0;

	lua_newtable(L);
	while (left.size >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const struct rtnexthop *)left.data;
		size_t step = RTNH_ALIGN((size_t)hop->rtnh_len);

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left.size)
			break;
		lua_newtable(L);
		r->codec.push_ifname(&r->codec, (uint32_t)hop->rtnh_ifindex);
		lua_setfield(L, -2, "dev");
		lua_pushinteger(L, hop->rtnh_hops + 1);
		lua_setfield(L, -2, "weight");
		if (hop->rtnh_flags & RTNH_F_ONLINK) {
			lua_pushboolean(L, 1);
			lua_setfield(L, -2, "onlink");
		}
		set_via(r, (struct codec_span){ left.data + sizeof(*hop), hop->rtnh_len - sizeof(*hop) });
		lua_rawseti(L, -2, ++n);
		if (step >= left.size)
			break;
		left.data += step;
		left.size -= step;
	}
	lua_setfield(L, -2, "nexthops");
}

static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct codec_span all = codec_attrs(h, sizeof(*rtm)), multipath = codec_inner(all, RTA_MULTIPATH);

	if (rtm->rtm_dst_len == 0) {
		lua_pushliteral(r->L, "default");
		lua_setfield(r->L, -2, "dst");
	}
	set_via(r, all);
	if (multipath.data)
		set_nexthops(r, multipath);
}

static const int both[] = { AF_INET, AF_INET6, -1 };

const struct rtnl_object rtnl_route = {
	.name = "route",
	.key = "dst",
	.rows = rows,
	.header = sizeof(struct rtmsg),
	.get = RTM_GETROUTE,
	.new = RTM_NEWROUTE,
	.del = RTM_DELROUTE,
	.flags = {
		[RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL,
		[RTNL_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE,
		[RTNL_SET] = NLM_F_REPLACE,
	},
	.batch = true,
	.families = both,
	.begin = begin,
	.end = end,
	.passed_over = passed_over,
	.ask = ask,
	.wanted = wanted,
	.listed = listed,
};

/* The route that a packet to spec.dst would take (`ip route get`): the kernel answers with a cached route, which lists like any other. */
void rtnl_route_lookup(struct rtnl *r, int idx)
{
	struct codec *c = &r->codec;
	uint8_t address[16];
	const struct nlmsghdr *h;
	size_t size;

	c->out->size = 0;
	codec_begin(c, RTM_GETROUTE, 0, sizeof(struct rtmsg));
	size = codec_address(c, idx, "addr", address, NULL);
	codec_put(c, RTA_DST, address, size);
	header(r)->rtm_family = (uint8_t)c->family;
	header(r)->rtm_dst_len = (uint8_t)(size * 8);
	if (c->family == AF_INET)
		header(r)->rtm_flags = RTM_F_LOOKUP_TABLE; /* IPv6 tells the table unasked, and refuses the flag */
	codec_finish(c);
	rtnl_send(r, c->start, lua_tostring(r->L, idx), true);
	h = rtnl_answer(r, sizeof(struct rtmsg));
	lua_newtable(r->L);
	if (h) {
		/* push_ifname asks with r->answer: decode from a buffer of our own */
		lua_pushlstring(r->L, r->answer->data, h->nlmsg_len);
		h = (const struct nlmsghdr *)lua_tostring(r->L, -1);
		lua_pushvalue(r->L, -2);
		codec_decode(c, h, sizeof(struct rtmsg), rows);
		listed(r, h);
		lua_pop(r->L, 2);
	}
}
