/* SPDX-License-Identifier: MIT */
/*
 * neigh.c - neighbours: which link-layer address has an address (ip-neighbour(8), arp(7), include/uapi/linux/neighbour.h)
 *
 * An entry that is added is permanent unless it says otherwise, as with `ip neigh`. Proxy entries are a table of their own: the filter
 * `{ proxy = true }` lists them.
 */
#include "rtnl.h"
#include "tables.h"

#include "../lua/args.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct codec_name states[] = {
	{ "none", NUD_NONE }, { "incomplete", NUD_INCOMPLETE }, { "reachable", NUD_REACHABLE }, { "stale", NUD_STALE },
	{ "delay", NUD_DELAY }, { "probe", NUD_PROBE }, { "failed", NUD_FAILED }, { "noarp", NUD_NOARP }, { "permanent", NUD_PERMANENT },
	{ NULL, 0 },
};

#define FLAG(name, bit) \
	{ .key = name, .type = CODEC_BIT, .mask = bit, .flags = CODEC_QUIET, CODEC_HDR(ndmsg, ndm_flags) }

static const struct codec_row rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(ndmsg, ndm_ifindex) },
	{ .key = "dst", .attr = NDA_DST, .type = CODEC_ADDR },
	{ .key = "lladdr", .attr = NDA_LLADDR, .type = CODEC_LLADDR },
	{ .key = "state", .type = CODEC_U16, .names = states, CODEC_HDR(ndmsg, ndm_state) },
	{ .key = "family", .type = CODEC_U8, .names = codec_families, CODEC_HDR(ndmsg, ndm_family) },
	FLAG("proxy", NTF_PROXY),
	FLAG("router", NTF_ROUTER),
	FLAG("extern_learn", NTF_EXT_LEARNED),
	{ .key = "proto", .attr = NDA_PROTOCOL, .type = CODEC_U8, .names = route_protocols },
	{ .type = CODEC_END },
};

static struct ndmsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

/* The kernel would refuse that, and keep the entry all the same. Links without such addresses need none. */
static bool lacks_lladdr(struct rtnl *r, int spec)
{
	const char *dev = rtnl_field(r, spec, "dev");
	const struct nlmsghdr *h;

	if (rtnl_has(r, spec, "lladdr") || header(r)->ndm_flags & NTF_PROXY || !dev)
		return false;
	if (!(header(r)->ndm_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY)))
		return false;
	h = rtnl_ifindex(r, dev) ? rtnl_answer(r, sizeof(struct ifinfomsg)) : NULL;
	return h && codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_ADDRESS).size > 0;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct codec *c = &r->codec;

	rtnl_need(r, spec, "dst");
	rtnl_need(r, spec, "dev");
	if (header(r)->ndm_family && header(r)->ndm_family != c->family)
		args_misuse(r->L, &(struct args_at){ .op = c->op, .key = "family", .index = c->index }, "is not that of the address");
	header(r)->ndm_family = (uint8_t)c->family;
	if (verb != RTNL_DELETE && !rtnl_has(r, spec, "state"))
		header(r)->ndm_state = NUD_PERMANENT;
	if ((verb == RTNL_ADD || verb == RTNL_REPLACE) && !r->lenient && lacks_lladdr(r, spec))
		rtnl_need(r, spec, "lladdr");
}

/* Is it made by the kernel, for what needs no question: lo, groups, links without addresses? */
static bool is_kernels(struct rtnl *r, int spec)
{
	static const char *const lladdrs[] = { "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff" };
	const char *dst = rtnl_field(r, spec, "dst"), *lladdr = rtnl_field(r, spec, "lladdr");
	bool group = dst && (strchr(dst, ':') ? strncasecmp(dst, "ff", 2) == 0 : atoi(dst) >= 224);

	for (size_t i = 0; lladdr && i < sizeof(lladdrs) / sizeof(*lladdrs); i++)
		if (strcmp(lladdr, lladdrs[i]) == 0)
			return true;
	return group || !lladdr;
}

/* Those of the kernel, and those on their way, are not for replacing. Proxies have no state. */
static bool passed_over(struct rtnl *r, int spec)
{
	static const char *const passing[] = { "failed", "incomplete", "none" };
	const char *state = rtnl_field(r, spec, "state");

	lua_pushliteral(r->L, "proxy");
	lua_rawget(r->L, spec);
	if (lua_toboolean(r->L, -1))
		state = NULL;
	lua_pop(r->L, 1);
	for (size_t i = 0; state && i < sizeof(passing) / sizeof(*passing); i++)
		if (strcmp(state, passing[i]) == 0)
			return true;
	return state && strcmp(state, "noarp") == 0 && is_kernels(r, spec);
}

static bool stays(struct rtnl *r, int spec)
{
	const char *state = rtnl_field(r, spec, "state");

	return state && strcmp(state, "noarp") == 0;
}

static bool whole(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "dev");
}

/* The kernel can keep to one link; and to the proxies' table it must be told to go. */
static void ask(struct rtnl *r, int filter)
{
	lua_State *L = r->L;
	uint32_t index;

	if (!filter)
		return;
	lua_pushliteral(L, "proxy");
	if (lua_rawget(L, filter) == LUA_TBOOLEAN && lua_toboolean(L, -1))
		header(r)->ndm_flags = NTF_PROXY;
	lua_pop(L, 1);
	lua_pushliteral(L, "dev");
	if (lua_rawget(L, filter) != LUA_TNIL) {
		index = codec_ifindex(&r->codec, lua_gettop(L), "dev");
		if (header(r)->ndm_flags & NTF_PROXY) /* strict checking allows no filter there */
			index = 0;
		if (index)
			codec_put(&r->codec, NDA_IFINDEX, &index, sizeof(index));
	}
	lua_pop(L, 1);
}

static const int both[] = { AF_INET, AF_INET6, -1 };

const struct rtnl_object rtnl_neigh = {
	.name = "neigh",
	.key = "dst",
	.rows = rows,
	.header = sizeof(struct ndmsg),
	.get = RTM_GETNEIGH,
	.new = RTM_NEWNEIGH,
	.del = RTM_DELNEIGH,
	.flags = {
		[RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL,
		[RTNL_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE,
		[RTNL_SET] = NLM_F_REPLACE,
	},
	.batch = true,
	.families = both,
	.end = end,
	.passed_over = passed_over,
	.ask = ask,
	.whole = whole,
	.stays = stays,
};
