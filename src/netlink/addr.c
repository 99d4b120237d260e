/* SPDX-License-Identifier: MIT */
/*
 * addr.c - addresses of links (rtnetlink(7), include/uapi/linux/if_addr.h)
 *
 * The kernel keeps an address in two attributes: IFA_LOCAL is ours, IFA_ADDRESS the peer's on a point-to-point link and else the same.
 * IPv6 leaves IFA_LOCAL out when they are the same. Users see `addr` (ours, with the prefix length) and `peer`.
 */
#include "rtnl.h"
#include "tables.h"

#include "../lua/args.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const uint32_t forever = UINT32_MAX;

static const struct codec_name scopes[] = {
	{ "global", RT_SCOPE_UNIVERSE }, { "site", RT_SCOPE_SITE }, { "link", RT_SCOPE_LINK }, { "host", RT_SCOPE_HOST },
	{ "nowhere", RT_SCOPE_NOWHERE }, { NULL, 0 },
};

static const struct codec_name protocols[] = {
	{ "kernel_lo", 1 }, { "kernel_ra", 2 }, { "kernel_ll", 3 }, { NULL, 0 },
};

static const struct codec_name flags[] = {
	{ "secondary", IFA_F_SECONDARY }, { "nodad", IFA_F_NODAD }, { "optimistic", IFA_F_OPTIMISTIC },
	{ "dadfailed", IFA_F_DADFAILED }, { "homeaddress", IFA_F_HOMEADDRESS }, { "deprecated", IFA_F_DEPRECATED },
	{ "tentative", IFA_F_TENTATIVE }, { "permanent", IFA_F_PERMANENT }, { "mngtmpaddr", IFA_F_MANAGETEMPADDR },
	{ "noprefixroute", IFA_F_NOPREFIXROUTE }, { "mcautojoin", IFA_F_MCAUTOJOIN },
	{ "stable_privacy", IFA_F_STABLE_PRIVACY }, { NULL, 0 },
};

/* `addr`, `peer`, `valid` and `preferred` are read and written by end() and listed(). */
static const struct codec_row rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(ifaddrmsg, ifa_index) },
	{ .key = "addr", .attr = IFA_LOCAL, .type = CODEC_CUSTOM, .as = CODEC_PREFIX },
	{ .key = "peer", .attr = IFA_ADDRESS, .type = CODEC_CUSTOM, .as = CODEC_PREFIX },
	{ .key = "family", .type = CODEC_U8, .names = codec_families, CODEC_HDR(ifaddrmsg, ifa_family) },
	{ .key = "broadcast", .attr = IFA_BROADCAST, .type = CODEC_ADDR },
	{ .key = "label", .attr = IFA_LABEL, .type = CODEC_STRING, .max = 15 },
	{ .key = "scope", .type = CODEC_U8, .names = scopes, CODEC_HDR(ifaddrmsg, ifa_scope) },
	{ .key = "flags", .attr = IFA_FLAGS, .type = CODEC_BITS, .names = flags },
	{ .key = "metric", .attr = IFA_RT_PRIORITY, .type = CODEC_U32 },
	{ .key = "proto", .attr = IFA_PROTO, .type = CODEC_U8, .names = protocols },
	{ .key = "valid", .attr = IFA_CACHEINFO, .type = CODEC_CUSTOM, .as = CODEC_TIME },
	{ .key = "preferred", .attr = IFA_CACHEINFO, .type = CODEC_CUSTOM, .as = CODEC_TIME },
	{ .type = CODEC_END },
};

static struct ifaddrmsg *header(struct rtnl *r)
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

/* A lifetime: "forever", or a time in whole seconds. */
static uint32_t lifetime(struct rtnl *r, int spec, const char *key, uint32_t otherwise)
{
	struct args_at at = { .op = r->codec.op, .key = key, .index = r->codec.index };
	int idx = push(r, spec, key);
	double seconds;

	if (!idx)
		return otherwise;
	if (args_is(r->L, idx, "forever")) {
		lua_pop(r->L, 1);
		return forever;
	}
	seconds = args_duration(r->L, idx, &at);
	if (seconds >= forever)
		args_misuse(r->L, &at, "longer than %u s; say \"forever\"", forever - 1);
	lua_pop(r->L, 1);
	return (uint32_t)seconds;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct codec *c = &r->codec;
	uint8_t local[16], remote[16];
	int length = 0, other = 0, idx = push(r, spec, "addr");
	size_t size;

	if (!idx)
		args_misuse(r->L, &(struct args_at){ .op = c->op, .key = "addr", .index = c->index }, "is missing");
	rtnl_need(r, spec, "dev");
	size = codec_address(c, idx, "addr", local, &length);
	lua_pop(r->L, 1);
	memcpy(remote, local, size);
	idx = push(r, spec, "peer");
	if (idx) {
		codec_address(c, idx, "peer", remote, &other);
		if (strchr(lua_tostring(r->L, idx), '/'))
			length = other;
		lua_pop(r->L, 1);
	}
	if (header(r)->ifa_family && header(r)->ifa_family != c->family)
		args_misuse(r->L, &(struct args_at){ .op = c->op, .key = "family", .index = c->index }, "is not that of the address");
	header(r)->ifa_family = (uint8_t)c->family;
	header(r)->ifa_prefixlen = (uint8_t)length;
	if (!rtnl_has(r, spec, "scope") && c->family == AF_INET && local[0] == 127)
		header(r)->ifa_scope = RT_SCOPE_HOST;
	codec_put(c, IFA_LOCAL, local, size);
	codec_put(c, IFA_ADDRESS, remote, size);
	if (rtnl_has(r, spec, "valid") || rtnl_has(r, spec, "preferred")) {
		uint32_t valid = lifetime(r, spec, "valid", forever);
		struct ifa_cacheinfo life = { .ifa_valid = valid, .ifa_prefered = lifetime(r, spec, "preferred", valid) };

		if (verb != RTNL_DELETE)
			codec_put(c, IFA_CACHEINFO, &life, sizeof(life));
	}
}

/* Deleting needs the link: an address alone is looked up first. */
static bool whole(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "dev");
}

static void ask(struct rtnl *r, int filter)
{
	int idx = filter ? push(r, filter, "dev") : 0;

	if (!idx)
		return;
	header(r)->ifa_index = codec_ifindex(&r->codec, idx, "dev");
	lua_pop(r->L, 1);
}

static void set_lifetime(lua_State *L, const char *key, uint32_t seconds)
{
	if (seconds == forever)
		lua_pushliteral(L, "forever");
	else
		lua_pushinteger(L, seconds);
	lua_setfield(L, -2, key);
}

static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);
	struct codec_span all = codec_attrs(h, sizeof(*info)), life = codec_inner(all, IFA_CACHEINFO);
	struct codec_span local = codec_inner(all, IFA_LOCAL), address = codec_inner(all, IFA_ADDRESS), own = local.data ? local : address;
	lua_State *L = r->L;

	if (own.size == 4 || own.size == 16) {
		codec_push_prefix(&r->codec, own.data, own.size, info->ifa_prefixlen);
		lua_setfield(L, -2, "addr");
	}
	if (local.data && address.data && address.size == local.size && memcmp(local.data, address.data, local.size) != 0) {
		codec_push_address(&r->codec, address.data, address.size);
		lua_setfield(L, -2, "peer");
	}
	if (life.size >= sizeof(struct ifa_cacheinfo)) {
		struct ifa_cacheinfo times;

		memcpy(&times, life.data, sizeof(times));
		set_lifetime(L, "valid", times.ifa_valid);
		set_lifetime(L, "preferred", times.ifa_prefered);
	}
}

const struct rtnl_object rtnl_addr = {
	.name = "addr",
	.key = "addr",
	.rows = rows,
	.header = sizeof(struct ifaddrmsg),
	.get = RTM_GETADDR,
	.new = RTM_NEWADDR,
	.del = RTM_DELADDR,
	.flags = {
		[RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL,
		[RTNL_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE,
		[RTNL_SET] = NLM_F_REPLACE,
	},
	.batch = true,
	.end = end,
	.whole = whole,
	.ask = ask,
	.listed = listed,
};
