/* SPDX-License-Identifier: MIT */
/*
 * link.c - network interfaces (rtnetlink(7), include/uapi/linux/if_link.h)
 *
 * A veth pair is one message with the peer's message inside; both ends are told to have one queue, since the default (one for each CPU,
 * then shrunk) costs two RCU waits. The peer cannot be made up in that message (ENOTCONN): that follows in the peer's namespace.
 */
#include "link_kinds.h"
#include "rtnl.h"

#include "../lua/args.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct codec_name operstates[] = {
	{ "unknown", 0 }, { "notpresent", 1 }, { "down", 2 }, { "lowerlayerdown", 3 },
	{ "testing", 4 }, { "dormant", 5 }, { "up", 6 }, { NULL, 0 },
};

static const struct codec_name addr_gen_modes[] = {
	{ "eui64", 0 }, { "none", 1 }, { "stable_secret", 2 }, { "random", 3 }, { NULL, 0 },
};

#define STAT(member) { .key = #member, .type = CODEC_U64, CODEC_HDR(rtnl_link_stats64, member) }

static const struct codec_row stats[] = {
	STAT(rx_packets), STAT(tx_packets), STAT(rx_bytes), STAT(tx_bytes), STAT(rx_errors), STAT(tx_errors),
	STAT(rx_dropped), STAT(tx_dropped), STAT(multicast), STAT(collisions), STAT(rx_nohandler),
	{ .type = CODEC_END },
};

static const struct codec_row link_info[] = {
	{ .key = "kind", .attr = IFLA_INFO_KIND, .type = CODEC_STRING, .max = 15 },
	{ .key = "data", .attr = IFLA_INFO_DATA, .type = CODEC_UNION, .choices = link_kinds, .by = "kind" },
	{ .type = CODEC_END },
};

static const struct codec_row inet6[] = {
	{ .key = "addrgenmode", .attr = IFLA_INET6_ADDR_GEN_MODE, .type = CODEC_U8, .names = addr_gen_modes, .flags = CODEC_LATER },
	{ .type = CODEC_END },
};

static const struct codec_row af_spec[] = {
	{ .attr = AF_INET6, .type = CODEC_INLINE, .sub = inet6 },
	{ .type = CODEC_END },
};

#define IFI_FLAG(name, bit, how) \
	{ .key = name, .type = CODEC_BIT, .mask = bit, .flags = how, CODEC_HDR(ifinfomsg, ifi_flags), \
	  .change = offsetof(struct ifinfomsg, ifi_change) }

static const struct codec_row rows[] = {
	{ .key = "name", .attr = IFLA_IFNAME, .type = CODEC_IFNAME, .flags = CODEC_RO }, /* written by begin() */
	{ .key = "rename", .type = CODEC_CUSTOM },
	{ .key = "index", .type = CODEC_S32, .flags = CODEC_RO, CODEC_HDR(ifinfomsg, ifi_index) }, /* written by begin() */
	IFI_FLAG("up", IFF_UP, 0),
	IFI_FLAG("promisc", IFF_PROMISC, 0),
	IFI_FLAG("allmulticast", IFF_ALLMULTI, 0),
	IFI_FLAG("arp", IFF_NOARP, CODEC_INVERT),
	{ .key = "mtu", .attr = IFLA_MTU, .type = CODEC_U32 },
	{ .key = "mac", .attr = IFLA_ADDRESS, .type = CODEC_LLADDR },
	{ .key = "master", .attr = IFLA_MASTER, .type = CODEC_LINK },
	{ .key = "link", .attr = IFLA_LINK, .type = CODEC_CUSTOM },
	{ .key = "link_netnsid", .attr = IFLA_LINK_NETNSID, .type = CODEC_S32, .flags = CODEC_RO },
	{ .key = "netns", .attr = IFLA_NET_NS_FD, .type = CODEC_NETNS },
	{ .key = "group", .attr = IFLA_GROUP, .type = CODEC_U32 },
	{ .key = "alias", .attr = IFLA_IFALIAS, .type = CODEC_STRING, .max = 255, .flags = CODEC_LATER },
	{ .key = "txqlen", .attr = IFLA_TXQLEN, .type = CODEC_U32 },
	{ .key = "numtxqueues", .attr = IFLA_NUM_TX_QUEUES, .type = CODEC_U32, .flags = CODEC_CREATE, .min = 1, .max = 4096 },
	{ .key = "numrxqueues", .attr = IFLA_NUM_RX_QUEUES, .type = CODEC_U32, .flags = CODEC_CREATE, .min = 1, .max = 4096 },
	{ .key = "state", .attr = IFLA_OPERSTATE, .type = CODEC_U8, .names = operstates, .flags = CODEC_RO },
	{ .key = "carrier", .attr = IFLA_CARRIER, .type = CODEC_BOOL, .flags = CODEC_RO },
	{ .key = "stats", .attr = IFLA_STATS64, .type = CODEC_MEMBER, .sub = stats, .flags = CODEC_RO },
	{ .attr = IFLA_LINKINFO, .type = CODEC_INLINE, .sub = link_info },
	{ .attr = IFLA_AF_SPEC, .type = CODEC_INLINE, .sub = af_spec },
	{ .type = CODEC_END },
};

/* What follows in a message of its own when a link has been made. */
static const struct codec_row later[] = {
	{ .key = "alias", .attr = IFLA_IFALIAS, .type = CODEC_STRING },
	{ .attr = IFLA_AF_SPEC, .type = CODEC_INLINE, .sub = af_spec },
	{ .type = CODEC_END },
};

/* addrgenmode counts when the link comes up, and the kernel reads the flags of a message first: so `up` comes behind it. */
static const struct codec_row last[] = {
	IFI_FLAG("up", IFF_UP, 0),
	{ .type = CODEC_END },
};

static struct ifinfomsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

static void misuse(struct rtnl *r, const char *key, const char *text)
{
	args_misuse(r->L, &(struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index }, "%s", text);
}

/* The interface name in spec[key], checked; NULL if absent. */
static const char *name_in(struct rtnl *r, int spec, const char *key)
{
	const char *name = NULL;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		name = args_ifname(r->L, -1, &(struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index });
	lua_pop(r->L, 1);
	return name;
}

static lua_Integer index_in(struct rtnl *r, int spec)
{
	lua_Integer index = 0;

	lua_pushstring(r->L, "index");
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		index = args_integer(r->L, -1, &(struct args_at){ .op = r->codec.op, .key = "index", .index = r->codec.index }, 1, INT32_MAX);
	lua_pop(r->L, 1);
	return index;
}

static void put_name(struct rtnl *r, const char *name)
{
	codec_put(&r->codec, IFLA_IFNAME, name, strlen(name) + 1);
}

/*
 * Which link is meant: a new one by name (and index, if given); one that is there by name, which the kernel finds itself unless the
 * message also renames it.
 */
static void begin(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *name = name_in(r, spec, "name"), *rename = name_in(r, spec, "rename");
	lua_Integer index = index_in(r, spec);
	struct nlmsghdr *h;

	if (!name)
		misuse(r, "name", "is missing");
	if (rename && verb != RTNL_SET)
		misuse(r, "rename", "only `set` renames");
	if (verb == RTNL_REPLACE) {
		/* What is there is changed (the kernel knows no REPLACE for links), else it is made. */
		index = r->lenient ? 0 : rtnl_ifindex(r, name);
		h = (struct nlmsghdr *)(r->codec.out->data + r->codec.start);
		h->nlmsg_flags = index ? 0 : NLM_F_CREATE | NLM_F_EXCL;
		r->codec.create = index == 0;
		header(r)->ifi_index = (int)index;
		if (!index)
			put_name(r, name);
		return;
	}
	if (verb == RTNL_ADD)
		header(r)->ifi_index = (int)index;
	if (rename) {
		uint32_t found = r->lenient ? 1 : rtnl_ifindex(r, name);

		if (!found)
			rtnl_refuse(r, &(struct nlerror){ .errnum = ENODEV }, NULL, name);
		header(r)->ifi_index = (int)found;
		put_name(r, rename);
	} else {
		put_name(r, name);
	}
}

static void one_queue(struct codec *c)
{
	codec_put(c, IFLA_NUM_TX_QUEUES, &(uint32_t){ 1 }, 4);
	codec_put(c, IFLA_NUM_RX_QUEUES, &(uint32_t){ 1 }, 4);
}

static bool is_veth(struct rtnl *r, int spec)
{
	const char *kind = rtnl_field(r, spec, "kind");

	return kind && strcmp(kind, "veth") == 0;
}

/* Push spec.peer: a table, or nil. */
static bool push_peer(struct rtnl *r, int spec)
{
	lua_pushstring(r->L, "peer");
	return lua_rawget(r->L, spec) == LUA_TTABLE;
}

static bool has_later(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "alias") || rtnl_has(r, spec, "addrgenmode");
}

/* Does `up` need a message of its own? */
static bool up_is_last(struct rtnl *r, int spec)
{
	return r->codec.create ? has_later(r, spec) : rtnl_has(r, spec, "addrgenmode");
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct codec *c = &r->codec;
	int link;

	if (verb != RTNL_DELETE && up_is_last(r, spec)) {
		header(r)->ifi_flags &= ~(unsigned int)IFF_UP;
		header(r)->ifi_change &= ~(unsigned int)IFF_UP;
	}
	if (verb == RTNL_DELETE || !c->create)
		return;
	if (is_veth(r, spec)) {
		if (!rtnl_has(r, spec, "numtxqueues") && !rtnl_has(r, spec, "numrxqueues"))
			one_queue(c);
		if (push_peer(r, spec) && !rtnl_has(r, lua_gettop(r->L), "name"))
			misuse(r, "peer.name", "is missing");
		lua_pop(r->L, 1);
		return; /* its `link` is the peer, which a listing has and nobody sets */
	}
	lua_pushstring(r->L, "link");
	link = lua_rawget(r->L, spec) == LUA_TNIL ? 0 : lua_gettop(r->L);
	if (link) {
		uint32_t lower = codec_ifindex(c, link, "link");

		codec_put(c, IFLA_LINK, &lower, sizeof(lower));
	}
	lua_pop(r->L, 1);
}

/* Set `which` rows of the spec on the link that is called spec.name by now, in the namespace of spec.netns or else here. */
static void set_there(struct rtnl *r, int spec, const struct codec_row *which, const char *key)
{
	struct rtnl there = *r;
	const char *name = name_in(r, spec, rtnl_has(r, spec, "rename") ? "rename" : "name");
	int top = lua_gettop(r->L);
	size_t start = there.codec.out->size;

	lua_pushstring(r->L, "netns");
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		there.sock = r->netns_sock(r, lua_gettop(r->L), key);
	there.codec.data = &there;
	there.codec.create = false;
	codec_begin(&there.codec, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	put_name(&there, name);
	codec_fields(&there.codec, spec, which);
	codec_finish(&there.codec);
	rtnl_send(&there, start, name, false);
	lua_settop(r->L, top);
}

/* What creation does not take; and the peer comes up where it is. */
static void done(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	lua_State *L = r->L;
	int top = lua_gettop(L);

	if (verb == RTNL_DELETE)
		return;
	if (r->codec.create && has_later(r, spec))
		set_there(r, spec, later, "netns");
	if (up_is_last(r, spec) && rtnl_has(r, spec, "up"))
		set_there(r, spec, last, "netns");
	if (r->codec.create && is_veth(r, spec) && push_peer(r, spec) && rtnl_has(r, top + 1, "up"))
		set_there(r, top + 1, last, "peer.netns");
	lua_settop(L, top);
}

/* `lo` is everywhere. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *name = rtnl_field(r, spec, "name");

	return name && strcmp(name, "lo") == 0;
}

/* A veth of a listing names its peer as `link`: made again, that is its `peer`. The pair's other end then finds itself there already. */
static int adapt(struct rtnl *r, int spec)
{
	lua_State *L = r->L;

	if (!is_veth(r, spec) || rtnl_has(r, spec, "peer") || !rtnl_field(r, spec, "link"))
		return spec;
	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, spec);) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, -4);
	}
	lua_createtable(L, 0, 1);
	lua_pushstring(L, rtnl_field(r, spec, "link"));
	lua_setfield(L, -2, "name");
	lua_setfield(L, -2, "peer");
	return lua_gettop(L);
}

/* Does the spec stand on a link (master, lower link) that is still in the set `waiting`? */
static bool must_wait(struct rtnl *r, int spec, int waiting)
{
	const char *on[] = { rtnl_field(r, spec, "master"), is_veth(r, spec) ? NULL : rtnl_field(r, spec, "link") };
	bool wait = false;

	for (size_t i = 0; i < 2; i++)
		wait = wait || (on[i] && rtnl_has(r, waiting, on[i]));
	return wait;
}

/* Push the array again with masters and lower links first; what goes in a circle stays last, and the kernel says what is wrong with it. */
static void sorted(struct rtnl *r, int array)
{
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, array), placed = 0, before;
	int out, rest, waiting;

	luaL_checkstack(L, 10, "link replace");
	lua_createtable(L, (int)n, 0);
	out = lua_gettop(L);
	lua_createtable(L, (int)n, 0); /* position -> the spec that is not placed yet, false once it is */
	rest = lua_gettop(L);
	lua_createtable(L, 0, (int)n); /* its name -> true */
	waiting = lua_gettop(L);
	for (lua_Integer i = 1; i <= n; i++) {
		const char *name;

		lua_rawgeti(L, array, i);
		name = rtnl_field(r, waiting + 1, "name");
		lua_pushboolean(L, 1);
		lua_setfield(L, waiting, name ? name : "");
		lua_rawseti(L, rest, i);
	}
	for (bool stuck = false; placed < n; stuck = before == placed) {
		before = placed;
		for (lua_Integer i = 1; i <= n; i++) {
			lua_rawgeti(L, rest, i);
			if (lua_istable(L, -1) && (stuck || !must_wait(r, waiting + 1, waiting))) {
				const char *name = rtnl_field(r, waiting + 1, "name");

				lua_pushnil(L);
				lua_setfield(L, waiting, name ? name : "");
				lua_rawseti(L, out, ++placed);
				lua_pushboolean(L, 0);
				lua_rawseti(L, rest, i);
			} else {
				lua_pop(L, 1);
			}
		}
	}
	lua_settop(L, out);
}

/* ---- listing ---- */

static void put_mask(struct rtnl *r)
{
	codec_put(&r->codec, IFLA_EXT_MASK, &(uint32_t){ RTEXT_FILTER_VF }, 4);
}

/* A dump can be narrowed to one master and one kind. */
static void ask(struct rtnl *r, int filter)
{
	const char *kind = filter ? rtnl_field(r, filter, "kind") : NULL;
	lua_State *L = r->L;

	put_mask(r);
	if (!filter)
		return;
	lua_pushstring(L, "master");
	if (lua_rawget(L, filter) != LUA_TNIL) {
		uint32_t master = codec_ifindex(&r->codec, lua_gettop(L), "master");

		codec_put(&r->codec, IFLA_MASTER, &master, sizeof(master));
	}
	lua_pop(L, 1);
	if (kind) {
		size_t nest = codec_nest(&r->codec, IFLA_LINKINFO);

		codec_put(&r->codec, IFLA_INFO_KIND, kind, strlen(kind) + 1);
		codec_nest_end(&r->codec, nest);
	}
}

static bool direct(struct rtnl *r, int filter)
{
	const char *name = name_in(r, filter, "name");
	lua_Integer index = name ? 0 : index_in(r, filter);

	if (!name && !index)
		return false;
	header(r)->ifi_index = (int)index;
	put_mask(r);
	if (name)
		put_name(r, name);
	return true;
}

/* `link` is a name when it is here, and an index with link_netnsid when it is in another namespace. */
static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct nlattr *link = rtnl_attr(h, sizeof(struct ifinfomsg), IFLA_LINK);
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	bool elsewhere = rtnl_attr(h, sizeof(*info), IFLA_LINK_NETNSID);
	uint32_t index = link && mnl_attr_get_payload_len(link) >= 4 ? mnl_attr_get_u32(link) : 0;
	lua_State *L = r->L;

	if (index == 0 || (!elsewhere && index == (uint32_t)info->ifi_index))
		return;
	if (elsewhere)
		lua_pushinteger(L, index);
	else
		r->codec.push_ifname(&r->codec, index);
	lua_setfield(L, -2, "link");
}

const struct rtnl_object rtnl_link = {
	.name = "link",
	.key = "name",
	.rows = rows,
	.header = sizeof(struct ifinfomsg),
	.get = RTM_GETLINK,
	.new = RTM_NEWLINK,
	.del = RTM_DELLINK,
	.flags = { [RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL },
	.begin = begin,
	.end = end,
	.done = done,
	.passed_over = passed_over,
	.adapt = adapt,
	.sorted = sorted,
	.ask = ask,
	.direct = direct,
	.listed = listed,
	.stays = passed_over,
};
