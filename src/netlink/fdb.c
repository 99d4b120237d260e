/* SPDX-License-Identifier: MIT */
/*
 * fdb.c - forwarding databases: behind which port or tunnel end a link-layer address is (bridge(8), include/uapi/linux/neighbour.h)
 *
 * An entry belongs to the link itself ("self": a vxlan's, or an address that a device filters for), or to the bridge that the link is a
 * port of: then it has `master`. An entry that is added is permanent unless it says otherwise.
 */
#include "rtnl.h"

#include "../lua/args.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* The words of `bridge fdb`: an entry that a bridge learnt is "dynamic", one that never ages "static", its own addresses "permanent". */
static const struct codec_name states[] = {
	{ "dynamic", NUD_REACHABLE }, { "static", NUD_NOARP }, { "permanent", NUD_PERMANENT }, { "stale", NUD_STALE }, { NULL, 0 },
};

static const struct codec_row rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(ndmsg, ndm_ifindex) },
	{ .key = "lladdr", .attr = NDA_LLADDR, .type = CODEC_LLADDR },
	{ .key = "dst", .attr = NDA_DST, .type = CODEC_ADDR },
	{ .key = "state", .type = CODEC_U16, .names = states, CODEC_HDR(ndmsg, ndm_state) },
	{ .key = "vlan", .attr = NDA_VLAN, .type = CODEC_U16, .max = 4094 },
	{ .key = "vni", .attr = NDA_VNI, .type = CODEC_U32 },
	{ .key = "src_vni", .attr = NDA_SRC_VNI, .type = CODEC_U32 },
	{ .key = "port", .attr = NDA_PORT, .type = CODEC_BE16 },
	{ .key = "via", .attr = NDA_IFINDEX, .type = CODEC_LINK },
	{ .key = "master", .attr = NDA_MASTER, .type = CODEC_LINK, .flags = CODEC_RO }, /* written by end() as a flag */
	{ .key = "sticky", .type = CODEC_BIT, .mask = NTF_STICKY, .flags = CODEC_QUIET, CODEC_HDR(ndmsg, ndm_flags) },
	{ .key = "extern_learn", .type = CODEC_BIT, .mask = NTF_EXT_LEARNED, .flags = CODEC_QUIET, CODEC_HDR(ndmsg, ndm_flags) },
	{ .type = CODEC_END },
};

static struct ndmsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

/* Behind a tunnel's end one address may be many: they are told apart by `dst`, and appended. */
static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	rtnl_need(r, spec, "lladdr");
	rtnl_need(r, spec, "dev");
	header(r)->ndm_family = AF_BRIDGE;
	header(r)->ndm_flags |= rtnl_has(r, spec, "master") ? NTF_MASTER : NTF_SELF;
	if (verb != RTNL_DELETE && !rtnl_has(r, spec, "state"))
		header(r)->ndm_state = NUD_PERMANENT;
}

/* A port's own address is permanent in its bridge: the kernel puts it there. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *state = rtnl_field(r, spec, "state");
	bool kernels = state && strcmp(state, "permanent") == 0;

	/* So are the multicast groups that a device listens to. */
	return kernels && !rtnl_has(r, spec, "dst");
}

static bool whole(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "dev");
}

static void ask(struct rtnl *r, int filter)
{
	header(r)->ndm_family = AF_BRIDGE;
	if (!filter)
		return;
	lua_pushliteral(r->L, "dev");
	if (lua_rawget(r->L, filter) != LUA_TNIL)
		header(r)->ndm_ifindex = (int)codec_ifindex(&r->codec, lua_gettop(r->L), "dev");
	lua_pop(r->L, 1);
}

const struct rtnl_object rtnl_fdb = {
	.name = "fdb",
	.key = "lladdr",
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
	.end = end,
	.passed_over = passed_over,
	.whole = whole,
	.ask = ask,
	.stays = passed_over,
};
