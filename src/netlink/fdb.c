/* SPDX-License-Identifier: MIT */
/*
 * fdb.c - forwarding databases: behind which port or tunnel end a link-layer address is (bridge(8), include/uapi/linux/neighbour.h)
 *
 * An entry belongs to the link itself ("self": a vxlan's, or an address that a device filters for), or to the bridge that the link is a
 * port of: then it has `master`. An entry that is added is permanent unless it says otherwise.
 */
#include "rtnl.h"

#include "../lua/args.h"
#include "buffer.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <strings.h>

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

/* A bridge's own entries are listed with itself as master, and are its own all the same. */
static bool is_masters(struct rtnl *r, int spec)
{
	bool masters;

	lua_pushliteral(r->L, "master");
	lua_rawget(r->L, spec);
	lua_pushliteral(r->L, "dev");
	lua_rawget(r->L, spec);
	masters = !lua_isnil(r->L, -2) && !lua_rawequal(r->L, -1, -2);
	lua_pop(r->L, 2);
	return masters;
}

/* What a tunnel sends to several ends: all zeros, for what is not known, and groups. Such entries are told apart by their ends. */
static bool is_of_many(struct rtnl *r, int spec)
{
	static const uint8_t unknown[6] = { 0 };
	struct codec_span lladdr = codec_written(&r->codec, NDA_LLADDR);

	return rtnl_has(r, spec, "dst") && !rtnl_has(r, spec, "master") && lladdr.size == sizeof(unknown) &&
	       (lladdr.data[0] & 1 || memcmp(lladdr.data, unknown, sizeof(unknown)) == 0);
}

/* An address that a device listens to: there is nothing to change of it, and some devices refuse to be asked. */
static bool is_filter(struct rtnl *r, int spec)
{
	return !rtnl_has(r, spec, "dst") && !is_masters(r, spec);
}

/* Is the very entry there? The kernel passes in silence over an end that is appended twice, and a filter of addresses changes nothing. */
static bool is_there(struct rtnl *r, int spec)
{
	static const char *const keys[] = { "dev", "lladdr", "dst", "port", "vni", "src_vni", "via" };
	const struct codec outer = r->codec;
	lua_State *L = r->L;
	int top = lua_gettop(L), filter;
	bool there = false;

	r->codec.out = nlbuf_push(L);
	lua_newtable(L);
	filter = lua_gettop(L);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		lua_pushstring(L, keys[i]);
		lua_rawget(L, spec);
		lua_setfield(L, filter, keys[i]);
	}
	rtnl_list(r, filter);
	for (lua_Integer n = (lua_Integer)lua_rawlen(L, -1); n > 0 && !there; n--) {
		lua_rawgeti(L, filter + 1, n);
		there = !is_masters(r, filter + 2);
		for (size_t i = 2; i < sizeof(keys) / sizeof(*keys); i++) /* what the filter does not say, an entry may have */
			there = there && rtnl_has(r, filter, keys[i]) == rtnl_has(r, filter + 2, keys[i]);
		lua_pop(L, 1);
	}
	r->codec = outer;
	lua_settop(L, top);
	return there;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	rtnl_need(r, spec, "lladdr");
	rtnl_need(r, spec, "dev");
	header(r)->ndm_family = AF_BRIDGE;
	header(r)->ndm_flags |= is_masters(r, spec) ? NTF_MASTER : NTF_SELF;
	if (verb != RTNL_DELETE && !rtnl_has(r, spec, "state"))
		header(r)->ndm_state = NUD_PERMANENT;
	if ((verb == RTNL_ADD || verb == RTNL_REPLACE) && is_of_many(r, spec)) {
		if (verb == RTNL_ADD && !r->lenient && is_there(r, spec))
			rtnl_refuse(r, &(struct nlerror){ .errnum = EEXIST }, NULL, rtnl_field(r, spec, "lladdr"));
		((struct nlmsghdr *)(r->codec.out->data + r->codec.start))->nlmsg_flags = NLM_F_CREATE | NLM_F_APPEND;
	} else if (verb == RTNL_REPLACE && is_filter(r, spec)) {
		((struct nlmsghdr *)(r->codec.out->data + r->codec.start))->nlmsg_flags = NLM_F_CREATE;
	}
}

/* Is it the link's own address? That is permanent in its bridge: the kernel puts it there. */
static bool is_own(struct rtnl *r, int spec, const char *lladdr)
{
	const char *dev = rtnl_field(r, spec, "dev");
	const struct nlmsghdr *h = dev && rtnl_ifindex(r, dev) ? rtnl_answer(r, sizeof(struct ifinfomsg)) : NULL;
	struct codec_span own = h ? codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_ADDRESS) : (struct codec_span){ NULL, 0 };
	bool same;

	if (!own.data)
		return false;
	codec_push_lladdr(&r->codec, own.data, own.size);
	same = strcasecmp(lua_tostring(r->L, -1), lladdr) == 0;
	lua_pop(r->L, 1);
	return same;
}

static bool is_permanent(struct rtnl *r, int spec)
{
	const char *state = rtnl_field(r, spec, "state");

	return state && strcmp(state, "permanent") == 0 && !rtnl_has(r, spec, "dst");
}

/* Own addresses, and the multicast groups that a device listens to. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *lladdr = rtnl_field(r, spec, "lladdr");

	if (!lladdr || !is_permanent(r, spec))
		return false;
	if (!is_masters(r, spec) && (strncmp(lladdr, "33:33:", 6) == 0 || strncmp(lladdr, "01:", 3) == 0))
		return true;
	return is_own(r, spec, lladdr) || (is_filter(r, spec) && is_there(r, spec));
}

/* `flush` also leaves the addresses that a device listens to for those that stand on it. */
static bool stays(struct rtnl *r, int spec)
{
	return passed_over(r, spec) || (is_permanent(r, spec) && !is_masters(r, spec));
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

/* Several bits may be set: bridge(8) says the first of these. */
static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(h);

	if (ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP)) {
		lua_pushstring(r->L, ndm->ndm_state & NUD_PERMANENT ? "permanent" : "static");
		lua_setfield(r->L, -2, "state");
	}
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
	.listed = listed,
	.stays = stays,
};
