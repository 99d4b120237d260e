/* SPDX-License-Identifier: MIT */
/*
 * qdisc.c - queueing disciplines and their classes (tc(8), include/uapi/linux/rtnetlink.h)
 *
 * Both are a struct tcmsg, a kind and the kind's options. A qdisc stands at a place of a link, its `parent`, which is "root" unless it
 * says otherwise; a class is found by its `classid`.
 */
#include "qdisc.h"
#include "units.h"

#include "../lua/args.h"

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct codec_row stats[] = {
	{ .key = "bytes", .type = CODEC_U64, CODEC_HDR(tc_stats, bytes) },
	{ .key = "packets", .type = CODEC_U32, CODEC_HDR(tc_stats, packets) },
	{ .key = "drops", .type = CODEC_U32, CODEC_HDR(tc_stats, drops) },
	{ .key = "overlimits", .type = CODEC_U32, CODEC_HDR(tc_stats, overlimits) },
	{ .key = "qlen", .type = CODEC_U32, CODEC_HDR(tc_stats, qlen) },
	{ .key = "backlog", .type = CODEC_U32, CODEC_HDR(tc_stats, backlog) },
	{ .type = CODEC_END },
};

static const struct codec_row qdisc_rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(tcmsg, tcm_ifindex) },
	{ .key = "kind", .attr = TCA_KIND, .type = CODEC_STRING, .max = 15 },
	{ .key = "parent", .type = CODEC_CUSTOM, .as = CODEC_HANDLE },
	{ .key = "handle", .type = CODEC_CUSTOM, .as = CODEC_HANDLE },
	{ .key = "data", .attr = TCA_OPTIONS, .type = CODEC_UNION, .choices = qdisc_choices, .by = "kind" },
	{ .key = "refcnt", .type = CODEC_S32, .flags = CODEC_RO, CODEC_HDR(tcmsg, tcm_info) },
	{ .key = "stats", .attr = TCA_STATS, .type = CODEC_MEMBER, .sub = stats, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

static const struct codec_row class_rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(tcmsg, tcm_ifindex) },
	{ .key = "kind", .attr = TCA_KIND, .type = CODEC_STRING, .max = 15 },
	{ .key = "parent", .type = CODEC_CUSTOM, .as = CODEC_HANDLE },
	{ .key = "classid", .type = CODEC_CUSTOM, .as = CODEC_HANDLE },
	{ .key = "data", .attr = TCA_OPTIONS, .type = CODEC_UNION, .choices = class_choices, .by = "kind" },
	{ .key = "stats", .attr = TCA_STATS, .type = CODEC_MEMBER, .sub = stats, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

static struct tcmsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

static bool is_class(const struct rtnl *r)
{
	return r->object == &rtnl_class;
}

static struct args_at at(const struct rtnl *r, const char *key)
{
	return (struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index };
}

static uint32_t handle_in(struct rtnl *r, int spec, const char *key, uint32_t otherwise)
{
	struct args_at where = at(r, key);
	uint32_t handle = otherwise;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		handle = units_handle(r->L, lua_gettop(r->L), &where);
	lua_pop(r->L, 1);
	return handle;
}

static const struct qdisc_kind *kind_of(const struct rtnl *r, const char *name)
{
	const struct qdisc_kind *kind = is_class(r) ? class_kinds : qdisc_kinds;

	while (name && kind->name && strcmp(kind->name, name) != 0)
		kind++;
	return name && kind->name ? kind : NULL;
}

static bool is_ingress(const char *kind)
{
	return kind && (strcmp(kind, "ingress") == 0 || strcmp(kind, "clsact") == 0);
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *name = rtnl_field(r, spec, "kind");
	const struct qdisc_kind *kind = kind_of(r, name);
	lua_State *L = r->L;
	int top = lua_gettop(L), data;
	size_t size;

	rtnl_need(r, spec, "dev");
	if (is_class(r)) {
		rtnl_need(r, spec, "classid");
		header(r)->tcm_handle = handle_in(r, spec, "classid", 0);
		header(r)->tcm_parent = handle_in(r, spec, "parent", 0);
		if (verb != RTNL_DELETE && !rtnl_has(r, spec, "parent"))
			header(r)->tcm_parent = header(r)->tcm_handle & 0xffff0000; /* the qdisc itself */
	} else {
		header(r)->tcm_parent = handle_in(r, spec, "parent", is_ingress(name) ? TC_H_INGRESS : TC_H_ROOT);
		header(r)->tcm_handle = handle_in(r, spec, "handle", is_ingress(name) ? 0xffff0000 : 0);
		if (verb == RTNL_DELETE && !is_ingress(name))
			header(r)->tcm_handle = 0; /* the place says which */
	}
	if (verb != RTNL_DELETE)
		rtnl_need(r, spec, "kind");
	lua_pushliteral(L, "data");
	data = lua_rawget(L, spec) == LUA_TTABLE ? lua_gettop(L) : 0;
	size = r->codec.out->size;
	if (kind && (data || verb != RTNL_DELETE))
		kind->put(r, data);
	if (verb == RTNL_DELETE)
		r->codec.out->size = size; /* it was checked, which is all */
	lua_settop(L, top);
}

/* What the kernel gives a link by itself; and what has no queue of its own. */
static bool is_kernels(struct rtnl *r, int spec)
{
	static const char *const own[] = { "noqueue", "mq", "noop" };
	const char *kind = rtnl_field(r, spec, "kind"), *handle = rtnl_field(r, spec, "handle");

	for (size_t i = 0; kind && i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(kind, own[i]) == 0)
			return true;
	return handle && strcmp(handle, "0:") == 0; /* the default one */
}

/* Is just this one there? Several kinds (htb, ingress) cannot be changed at all, not even to what they are. */
static bool is_there(struct rtnl *r, int spec)
{
	static const char *const keys[] = { "dev", "kind", "parent", "handle", "data" };
	lua_Integer index = r->codec.index;
	lua_State *L = r->L;
	int top = lua_gettop(L);
	bool there;

	lua_createtable(L, 0, sizeof(keys) / sizeof(*keys));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		lua_pushstring(L, keys[i]);
		lua_rawget(L, spec);
		lua_setfield(L, top + 1, keys[i]);
	}
	if (!rtnl_has(r, spec, "parent")) {
		units_push_handle(L, is_ingress(rtnl_field(r, spec, "kind")) ? TC_H_INGRESS : TC_H_ROOT);
		lua_setfield(L, top + 1, "parent");
	}
	rtnl_get(r, top + 1);
	r->codec.index = index;
	there = !lua_isnil(L, -1);
	lua_settop(L, top);
	return there;
}

static bool passed_over(struct rtnl *r, int spec)
{
	return is_kernels(r, spec) || is_there(r, spec);
}

/* Most kinds of qdisc have classes of their own making; these have what they are told. */
static bool class_passed_over(struct rtnl *r, int spec)
{
	static const char *const told[] = { "htb", "hfsc", "drr", "qfq" };
	const char *kind = rtnl_field(r, spec, "kind");

	for (size_t i = 0; kind && i < sizeof(told) / sizeof(*told); i++)
		if (strcmp(kind, told[i]) == 0)
			return false;
	return kind != NULL;
}

static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	struct codec_span options = codec_inner(codec_attrs(h, sizeof(*tc)), TCA_OPTIONS);
	const struct qdisc_kind *known = kind_of(r, rtnl_field(r, lua_gettop(r->L), "kind"));

	units_push_handle(r->L, tc->tcm_parent);
	lua_setfield(r->L, -2, "parent");
	units_push_handle(r->L, tc->tcm_handle);
	lua_setfield(r->L, -2, is_class(r) ? "classid" : "handle");
	if (known && options.data) {
		lua_newtable(r->L);
		known->push(r, options.data, options.size);
		lua_setfield(r->L, -2, "data");
	}
}

/* The kernel dumps qdiscs of all links, and classes of one only. */
static void ask(struct rtnl *r, int filter)
{
	struct args_at where = at(r, "dev");

	if (filter && rtnl_has(r, filter, "dev")) {
		lua_pushliteral(r->L, "dev");
		lua_rawget(r->L, filter);
		header(r)->tcm_ifindex = (int)codec_ifindex(&r->codec, lua_gettop(r->L), "dev");
		lua_pop(r->L, 1);
	} else if (is_class(r)) {
		args_misuse(r->L, &where, "is missing: classes are listed of one link");
	}
}

static bool wanted(struct rtnl *r, const struct nlmsghdr *h, int filter)
{
	(void)r;
	(void)filter;
	return ((const struct tcmsg *)mnl_nlmsg_get_payload(h))->tcm_ifindex != 0;
}

#define VERBS { [RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL, [RTNL_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE }

const struct rtnl_object rtnl_qdisc = {
	.name = "qdisc",
	.key = "dev",
	.rows = qdisc_rows,
	.header = sizeof(struct tcmsg),
	.get = RTM_GETQDISC,
	.new = RTM_NEWQDISC,
	.del = RTM_DELQDISC,
	.flags = VERBS,
	.end = end,
	.passed_over = passed_over,
	.ask = ask,
	.wanted = wanted,
	.listed = listed,
	.stays = is_kernels,
};

/* To the kernel a class without its parent stands on the qdisc itself. */
static bool class_must_wait(struct rtnl *r, int spec, int waiting)
{
	const char *parent = rtnl_field(r, spec, "parent");

	return parent && rtnl_has(r, waiting, parent);
}

const struct rtnl_object rtnl_class = {
	.name = "class",
	.key = "classid",
	.rows = class_rows,
	.header = sizeof(struct tcmsg),
	.get = RTM_GETTCLASS,
	.new = RTM_NEWTCLASS,
	.del = RTM_DELTCLASS,
	.flags = VERBS,
	.end = end,
	.passed_over = class_passed_over,
	.must_wait = class_must_wait,
	.ask = ask,
	.wanted = wanted,
	.listed = listed,
	.stays = class_passed_over,
};
