/* SPDX-License-Identifier: MIT */
/*
 * filter.c - traffic filters: which packets a qdisc treats how (tc(8), include/uapi/linux/pkt_cls.h)
 *
 * A filter stands at a qdisc or class, its `parent`: that of the root unless it says otherwise; "ingress" and "egress" are the two sides of
 * clsact, and the first is ingress' own. Of those of one place it is told apart by `prio`, `protocol` and `handle`.
 */
#include "filter.h"
#include "buffer.h"
#include "units.h"

#include "../lua/args.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

enum { INGRESS = 0xfffffff2U, EGRESS = 0xfffffff3U, NOWHERE = 0xfffe0000U };

static const struct codec_name protocols[] = {
	{ "all", ETH_P_ALL }, { "ip", ETH_P_IP }, { "ipv6", ETH_P_IPV6 }, { "arp", ETH_P_ARP }, { "802.1Q", ETH_P_8021Q },
	{ "802.1ad", ETH_P_8021AD }, { NULL, 0 },
};

static const struct codec_row rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(tcmsg, tcm_ifindex) },
	{ .key = "kind", .attr = TCA_KIND, .type = CODEC_STRING, .max = 15 },
	{ .key = "parent", .type = CODEC_CUSTOM, .as = CODEC_HANDLE },
	{ .key = "prio", .type = CODEC_U32, .mask = 0xffff0000, .max = 65535, CODEC_HDR(tcmsg, tcm_info) },
	{ .key = "protocol", .type = CODEC_CUSTOM, .as = CODEC_U16, .names = protocols },
	{ .key = "handle", .type = CODEC_U32, CODEC_HDR(tcmsg, tcm_handle) },
	{ .key = "chain", .attr = TCA_CHAIN, .type = CODEC_U32, .flags = CODEC_QUIET },
	{ .key = "data", .attr = TCA_OPTIONS, .type = CODEC_UNION, .choices = filter_choices, .by = "kind" },
	{ .type = CODEC_END },
};

static struct tcmsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

int filter_push(struct rtnl *r, int data, const char *key)
{
	if (!data)
		return 0;
	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, data) != LUA_TNIL)
		return lua_gettop(r->L);
	lua_pop(r->L, 1);
	return 0;
}

struct args_at filter_at(const struct rtnl *r, const char *path)
{
	return (struct args_at){ .op = r->codec.op, .key = path, .index = r->codec.index };
}

static uint32_t parent_in(struct rtnl *r, int spec)
{
	struct args_at where = filter_at(r, "parent");
	int idx = filter_push(r, spec, "parent");
	uint32_t parent = idx ? units_handle(r->L, idx, &where) : 0;

	if (idx)
		lua_pop(r->L, 1);
	return parent == TC_H_INGRESS || parent == 0xffff0000 ? INGRESS : parent == TC_H_ROOT ? 0 : parent;
}

static const struct filter_kind *kind_of(const char *name)
{
	const struct filter_kind *kind = filter_kinds;

	while (name && kind->name && strcmp(kind->name, name) != 0)
		kind++;
	return name && kind->name ? kind : NULL;
}

static bool is_u32(struct rtnl *r, int spec)
{
	const char *kind = rtnl_field(r, spec, "kind");

	return kind && strcmp(kind, "u32") == 0;
}

/* The kernel lets a change of what a u32 filter looks for pass without making it. */
static void refuse_change(struct rtnl *r, int data)
{
	static const char *const fixed[] = { "src_ip", "dst_ip", "ip_proto", "src_port", "dst_port", "match" };

	for (size_t i = 0; data && i < sizeof(fixed) / sizeof(*fixed); i++) {
		char path[32] = "data.";
		struct args_at where = filter_at(r, strncat(path, fixed[i], sizeof(path) - 6));

		if (rtnl_has(r, data, fixed[i]))
			args_misuse(r->L, &where, "it cannot be changed once the filter is made");
	}
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const struct filter_kind *kind = kind_of(rtnl_field(r, spec, "kind"));
	struct args_at where = filter_at(r, "protocol");
	lua_State *L = r->L;
	int top = lua_gettop(L), idx, data;
	uint16_t protocol;
	size_t size;

	rtnl_need(r, spec, "dev");
	if (verb != RTNL_DELETE)
		rtnl_need(r, spec, "kind");
	if (verb == RTNL_SET)
		rtnl_need(r, spec, "prio");
	idx = filter_push(r, spec, "data");
	data = lua_istable(L, -1) ? idx : 0;
	idx = filter_push(r, spec, "protocol");
	if (idx && lua_type(L, idx) == LUA_TSTRING) {
		lua_Integer number;

		args_string(L, idx, &where, NULL);
		number = codec_number(L, codec_find(rows, "protocol"), idx);

		if (number < 0)
			args_misuse(L, &where, "none of all, ip, ipv6, arp, 802.1Q, 802.1ad, nor a number");
		protocol = (uint16_t)number;
	} else {
		protocol = idx ? (uint16_t)args_integer(L, idx, &where, 0, UINT16_MAX) : filter_protocol(r, data);
	}
	header(r)->tcm_info |= htons(protocol);
	header(r)->tcm_parent = parent_in(r, spec);
	if (verb == RTNL_SET && is_u32(r, spec))
		refuse_change(r, data);
	if (verb == RTNL_REPLACE && is_u32(r, spec))
		header(r)->tcm_handle = 0; /* which one it gets depends on those that are there */
	size = r->codec.out->size;
	if (kind && (data || verb != RTNL_DELETE)) {
		size_t nest = codec_nest(&r->codec, TCA_OPTIONS);

		r->codec.inside = "data";
		kind->put(r, data, protocol);
		r->codec.inside = NULL;
		codec_nest_end(&r->codec, nest);
	}
	if (verb == RTNL_DELETE)
		r->codec.out->size = size; /* it was checked, which is all */
	lua_settop(L, top);
}

/* Is just this one there? Its own handle and prio, where the spec does not say them, are the kernel's. */
static bool passed_over(struct rtnl *r, int spec)
{
	static const char *const keys[] = { "dev", "kind", "parent", "prio", "protocol", "chain", "data", "handle" };
	lua_Integer index = r->codec.index;
	lua_State *L = r->L;
	int top = lua_gettop(L);
	bool there;

	lua_createtable(L, 0, sizeof(keys) / sizeof(*keys));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) - is_u32(r, spec); i++) {
		lua_pushstring(L, keys[i]);
		lua_rawget(L, spec);
		lua_setfield(L, top + 1, keys[i]);
	}
	rtnl_get(r, top + 1);
	r->codec.index = index;
	there = !lua_isnil(L, -1);
	lua_settop(L, top);
	return there;
}

/* ---- listing: those of the root, of ingress and of egress are three questions ---- */

static const int places[] = { 0, 1, 2, -1 };

/* ingress would answer for both sides. */
static bool has_egress(struct rtnl *r, int filter)
{
	lua_State *L = r->L;
	int top = lua_gettop(L);
	struct rtnl qdiscs;
	bool has;

	rtnl_init(&qdiscs, L, &rtnl_qdisc, r->sock, r->codec.op, r->netns);
	lua_createtable(L, 0, 2);
	lua_pushliteral(L, "dev");
	lua_rawget(L, filter);
	lua_setfield(L, -2, "dev");
	lua_pushliteral(L, "clsact");
	lua_setfield(L, -2, "kind");
	rtnl_get(&qdiscs, lua_gettop(L));
	has = !lua_isnil(L, -1);
	lua_settop(L, top);
	return has;
}

/* What is wrong with the data of a filter is said as in a spec. */
static void check_data(struct rtnl *r, int filter)
{
	const struct filter_kind *kind = kind_of(rtnl_field(r, filter, "kind"));
	const struct codec outer = r->codec;
	int top = lua_gettop(r->L), data = filter_push(r, filter, "data");

	if (kind && data) {
		r->codec.out = nlbuf_push(r->L);
		codec_begin(&r->codec, r->object->get, 0, sizeof(struct tcmsg));
		r->codec.inside = "data";
		kind->put(r, data, filter_protocol(r, data));
	}
	r->codec = outer;
	lua_settop(r->L, top);
}

static void ask(struct rtnl *r, int filter)
{
	struct args_at where = filter_at(r, "dev");
	uint32_t index, parent = 0;
	int idx;

	if (filter)
		check_data(r, filter);
	idx = filter ? filter_push(r, filter, "dev") : 0;
	if (!idx)
		args_misuse(r->L, &where, "is missing: filters are listed of one link");
	index = codec_ifindex(&r->codec, idx, "dev");
	lua_pop(r->L, 1);
	if (rtnl_has(r, filter, "parent"))
		parent = r->family == 0 ? parent_in(r, filter) : NOWHERE;
	else if (r->family)
		parent = r->family == 1 ? INGRESS : has_egress(r, filter) ? EGRESS : NOWHERE;
	*header(r) = (struct tcmsg){ .tcm_ifindex = (int)index, .tcm_parent = parent };
}

/* u32 also tells of the tables that it keeps its filters in. */
static bool wanted(struct rtnl *r, const struct nlmsghdr *h, int filter)
{
	struct codec_span all = codec_attrs(h, sizeof(struct tcmsg)), kind = codec_inner(all, TCA_KIND);
	struct codec_span options = codec_inner(all, TCA_OPTIONS);
	bool u32 = kind.data && strnlen(kind.data, kind.size) == 3 && memcmp(kind.data, "u32", 3) == 0;

	(void)r;
	(void)filter;
	return ((const struct tcmsg *)mnl_nlmsg_get_payload(h))->tcm_handle != 0 && (!u32 || codec_inner(options, TCA_U32_SEL).data);
}

static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	uint16_t protocol = ntohs((uint16_t)tc->tcm_info);
	struct codec_span options = codec_inner(codec_attrs(h, sizeof(*tc)), TCA_OPTIONS);
	const struct filter_kind *kind = kind_of(rtnl_field(r, lua_gettop(r->L), "kind"));
	const struct codec_name *name = protocols;

	units_push_handle(r->L, tc->tcm_parent == INGRESS ? TC_H_INGRESS : tc->tcm_parent);
	lua_setfield(r->L, -2, "parent");
	while (name->name && name->value != protocol)
		name++;
	if (name->name)
		lua_pushstring(r->L, name->name);
	else
		lua_pushinteger(r->L, protocol);
	lua_setfield(r->L, -2, "protocol");
	if (kind && options.data) {
		lua_newtable(r->L);
		kind->push(r, options, protocol);
		lua_setfield(r->L, -2, "data");
	}
}

static bool whole(struct rtnl *r, int spec)
{
	static const char *const keys[] = { "dev", "kind", "parent", "prio", "protocol", "handle" };
	bool all = true;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		all = all && rtnl_has(r, spec, keys[i]);
	return all;
}

const struct rtnl_object rtnl_filter = {
	.name = "filter",
	.key = "handle",
	.rows = rows,
	.header = sizeof(struct tcmsg),
	.get = RTM_GETTFILTER,
	.new = RTM_NEWTFILTER,
	.del = RTM_DELTFILTER,
	.flags = { [RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL, [RTNL_REPLACE] = NLM_F_CREATE },
	.families = places,
	.end = end,
	.passed_over = passed_over,
	.ask = ask,
	.wanted = wanted,
	.listed = listed,
	.whole = whole,
};
