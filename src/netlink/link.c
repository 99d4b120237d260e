/* SPDX-License-Identifier: MIT */
/*
 * link.c - network interfaces (rtnetlink(7), include/uapi/linux/if_link.h)
 *
 * A veth pair is one message with the peer's message inside; both ends are told to have one queue, since the default (one for each CPU,
 * then shrunk) costs two RCU waits. The peer cannot be made up in that message (ENOTCONN): that follows in the peer's namespace.
 *
 * What the kernel does not take in that message follows (link_after.c).
 */
#include "link.h"
#include "link_kinds.h"

#include "../lua/args.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
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
	{ .key = "kind", .attr = IFLA_INFO_KIND, .type = CODEC_STRING, .max = 15, .flags = CODEC_ALWAYS },
	{ .key = "data", .attr = IFLA_INFO_DATA, .type = CODEC_UNION, .choices = link_kinds, .by = "kind" },
	LINK_PORT("bridge_slave", link_bridge_slave, &link_port_of_bridge, CODEC_APART),
	LINK_PORT("bond_slave", link_bond_slave, &link_port_of_bond, CODEC_APART),
	LINK_PORT("vrf_slave", link_vrf_slave, &link_port_of_vrf, CODEC_RO),
	{ .type = CODEC_END },
};

static const struct codec_row inet6[] = {
	{ .key = "addrgenmode", .attr = IFLA_INET6_ADDR_GEN_MODE, .type = CODEC_U8, .names = addr_gen_modes, .flags = CODEC_LATER },
	{ .type = CODEC_END },
};

const struct codec_row link_addressing[] = {
	{ .attr = AF_INET6, .type = CODEC_INLINE, .sub = inet6 },
	{ .type = CODEC_END },
};

static const struct codec_row altname[] = { { .attr = IFLA_ALT_IFNAME, .type = CODEC_IFNAME, .max = 127 }, { .type = CODEC_END } };

#define IFI_FLAG(name, bit, how) \
	{ .key = name, .type = CODEC_BIT, .mask = bit, .flags = how, CODEC_HDR(ifinfomsg, ifi_flags), \
	  .change = offsetof(struct ifinfomsg, ifi_change) }

static const struct codec_row rows[] = {
	{ .key = "name", .attr = IFLA_IFNAME, .type = CODEC_IFNAME, .flags = CODEC_RO }, /* written by begin() */
	{ .key = "rename", .type = CODEC_CUSTOM, .as = CODEC_IFNAME, .flags = CODEC_WO },
	{ .key = "index", .type = CODEC_S32, .flags = CODEC_RO, CODEC_HDR(ifinfomsg, ifi_index) }, /* written by begin() */
	IFI_FLAG("up", IFF_UP, 0),
	IFI_FLAG("promisc", IFF_PROMISC, 0),
	IFI_FLAG("allmulticast", IFF_ALLMULTI, 0),
	IFI_FLAG("arp", IFF_NOARP, CODEC_INVERT),
	{ .key = "mtu", .attr = IFLA_MTU, .type = CODEC_U32 },
	{ .key = "mac", .attr = IFLA_ADDRESS, .type = CODEC_LLADDR },
	{ .key = "master", .attr = IFLA_MASTER, .type = CODEC_LINK },
	{ .key = "link", .attr = IFLA_LINK, .type = CODEC_CUSTOM, .as = CODEC_LINK },
	{ .key = "link_netnsid", .attr = IFLA_LINK_NETNSID, .type = CODEC_S32, .flags = CODEC_RO }, /* written by end() */
	{ .key = "netns", .attr = IFLA_NET_NS_FD, .type = CODEC_NETNS },
	{ .key = "group", .attr = IFLA_GROUP, .type = CODEC_U32 },
	{ .key = "alias", .attr = IFLA_IFALIAS, .type = CODEC_STRING, .max = 255, .flags = CODEC_LATER },
	{ .key = "altnames", .attr = IFLA_PROP_LIST, .type = CODEC_LIST, .sub = altname, .flags = CODEC_APART },
	{ .key = "txqlen", .attr = IFLA_TXQLEN, .type = CODEC_U32 },
	{ .key = "numtxqueues", .attr = IFLA_NUM_TX_QUEUES, .type = CODEC_U32, .flags = CODEC_CREATE, .min = 1, .max = 4096 },
	{ .key = "numrxqueues", .attr = IFLA_NUM_RX_QUEUES, .type = CODEC_U32, .flags = CODEC_CREATE, .min = 1, .max = 4096 },
	{ .key = "state", .attr = IFLA_OPERSTATE, .type = CODEC_U8, .names = operstates, .flags = CODEC_RO },
	{ .key = "carrier", .attr = IFLA_CARRIER, .type = CODEC_BOOL, .flags = CODEC_RO },
	{ .key = "stats", .attr = IFLA_STATS64, .type = CODEC_MEMBER, .sub = stats, .flags = CODEC_RO },
	{ .attr = IFLA_LINKINFO, .type = CODEC_INLINE, .sub = link_info },
	{ .attr = IFLA_AF_SPEC, .type = CODEC_INLINE, .sub = link_addressing },
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
const char *link_name_in(struct rtnl *r, int spec, const char *key)
{
	const char *name = NULL;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		name = args_ifname(r->L, -1, &(struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index });
	lua_pop(r->L, 1);
	return name;
}

/* The integer in spec[key], at least `min`; or `absent`. */
lua_Integer link_integer_in(struct rtnl *r, int spec, const char *key, lua_Integer min, lua_Integer absent)
{
	lua_Integer value = absent;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		value = args_integer(r->L, -1, &(struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index }, min, INT32_MAX);
	lua_pop(r->L, 1);
	return value;
}

static lua_Integer index_in(struct rtnl *r, int spec)
{
	return link_integer_in(r, spec, "index", 1, 0);
}

void link_put_name(struct rtnl *r, const char *name)
{
	codec_put(&r->codec, IFLA_IFNAME, name, strlen(name) + 1);
}

/*
 * The link that is there is in r->answer: keep it, so that only what differs is written. Some kinds refuse even what they are already,
 * others forget what is not said.
 */
static void keep_present(struct rtnl *r)
{
	const size_t skip = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	size_t size = ((const struct nlmsghdr *)r->answer->data)->nlmsg_len - skip;
	const char *attrs = lua_pushlstring(r->L, r->answer->data + skip, size);

	lua_rawsetp(r->L, r->names, r); /* which keeps it alive */
	r->codec.present = (struct codec_span){ attrs, size };
}

/* One of another kind is in the way. */
static void check_kind(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *kind = rtnl_field(r, spec, "kind");
	struct codec_span now = codec_inner(codec_inner(r->codec.present, IFLA_LINKINFO), IFLA_INFO_KIND);
	struct nlerror error = { .errnum = verb == RTNL_REPLACE ? EEXIST : EINVAL };

	if (!kind || !r->codec.present.data)
		return;
	if (now.data && strnlen(now.data, now.size) == strlen(kind) && memcmp(now.data, kind, strlen(kind)) == 0)
		return;
	if (now.data)
		snprintf(error.text, sizeof(error.text), "the link of this name is of kind %.*s", (int)strnlen(now.data, now.size), now.data);
	rtnl_refuse(r, &error, NULL, rtnl_field(r, spec, "name"));
}

/*
 * Which link is meant: a new one by name (and index, if given); one that is there by name, which the kernel finds itself unless the
 * message also renames it.
 */
static void begin(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *name = link_name_in(r, spec, "name"), *rename = link_name_in(r, spec, "rename");
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
		if (index)
			keep_present(r);
		else
			link_put_name(r, name);
		return;
	}
	if (verb == RTNL_ADD)
		header(r)->ifi_index = (int)index;
	if (verb == RTNL_SET && !r->lenient && rtnl_has(r, spec, "data") && rtnl_ifindex(r, name))
		keep_present(r);
	if (rename) {
		uint32_t found = r->lenient ? 1 : rtnl_ifindex(r, name);

		if (!found)
			rtnl_refuse(r, &(struct nlerror){ .errnum = ENODEV }, NULL, name);
		header(r)->ifi_index = (int)found;
		link_put_name(r, rename);
	} else {
		link_put_name(r, name);
	}
}

static void one_queue(struct codec *c)
{
	codec_put(c, IFLA_NUM_TX_QUEUES, &(uint32_t){ 1 }, 4);
	codec_put(c, IFLA_NUM_RX_QUEUES, &(uint32_t){ 1 }, 4);
}

bool link_is_pair(struct rtnl *r, int spec)
{
	const char *kind = rtnl_field(r, spec, "kind");

	return kind && (strcmp(kind, "veth") == 0 || strcmp(kind, "netkit") == 0);
}

/* Push spec.peer: a table, or nil. */
static bool push_peer(struct rtnl *r, int spec)
{
	lua_pushstring(r->L, "peer");
	return lua_rawget(r->L, spec) == LUA_TTABLE;
}

/* The link that a new one stands on, and where that is. */
static void put_lower(struct rtnl *r, int spec)
{
	struct codec *c = &r->codec;
	lua_Integer nsid = link_integer_in(r, spec, "link_netnsid", 0, -1);
	int link;

	lua_pushliteral(r->L, "link");
	link = lua_rawget(r->L, spec) == LUA_TNIL ? 0 : lua_gettop(r->L);
	if (link) {
		uint32_t lower;

		if (nsid >= 0 && lua_type(r->L, link) != LUA_TNUMBER)
			misuse(r, "link", "an index is expected where link_netnsid says that it is elsewhere");
		lower = codec_ifindex(c, link, "link");
		codec_put(c, IFLA_LINK, &lower, sizeof(lower));
	}
	if (nsid >= 0)
		codec_put(c, IFLA_LINK_NETNSID, &(int32_t){ (int32_t)nsid }, sizeof(int32_t));
	lua_pop(r->L, 1);
}

/* What says where a link stands must make sense also where it is not written. */
static void check_lower(struct rtnl *r, int spec)
{
	bool lenient = r->lenient;

	link_integer_in(r, spec, "link_netnsid", 0, -1);
	r->lenient = true;
	lua_pushliteral(r->L, "link");
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		codec_check(&r->codec, spec, -1, codec_find(rows, "link"));
	lua_pop(r->L, 1);
	r->lenient = lenient;
}

/* Kinds that are nothing without a link below: the kernel refuses, and mostly does not say why. */
static bool stands_on_one(const char *kind)
{
	static const char *const kinds[] = { "ipvlan", "ipvtap", "macsec", "macvlan", "macvtap", "vlan" };

	for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *kind = rtnl_field(r, spec, "kind");

	check_lower(r, spec);
	check_kind(r, spec, verb);
	if (verb != RTNL_DELETE && link_up_is_last(r, spec)) {
		header(r)->ifi_flags &= ~(unsigned int)IFF_UP;
		header(r)->ifi_change &= ~(unsigned int)IFF_UP;
	}
	if (verb != RTNL_DELETE && !r->codec.create && !r->lenient)
		link_remember(r, spec);
	if (verb == RTNL_DELETE || !r->codec.create)
		return;
	if (!kind && verb == RTNL_ADD)
		misuse(r, "kind", "is missing: \"veth\", \"bridge\", \"dummy\" ...");
	if (kind && strcmp(kind, "tap") == 0)
		misuse(r, "kind", "a tap device is one of kind \"tun\" with data = { mode = \"tap\" }");
	if (stands_on_one(kind) && (verb == RTNL_ADD || !r->lenient))
		rtnl_need(r, spec, "link");
	if (!link_is_pair(r, spec)) {
		put_lower(r, spec);
		return;
	}
	/* its `link` is the peer, which a listing has and nobody sets */
	if (!rtnl_has(r, spec, "numtxqueues") && !rtnl_has(r, spec, "numrxqueues"))
		one_queue(&r->codec);
	if (push_peer(r, spec) && !rtnl_has(r, lua_gettop(r->L), "name"))
		misuse(r, "peer.name", "is missing");
	lua_pop(r->L, 1);
}

/* Kinds that are not made by the message which was prepared. */
static bool otherwise(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	return verb != RTNL_DELETE && r->codec.create && link_tun(r, spec);
}

/* `lo` is everywhere. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *name = rtnl_field(r, spec, "name");

	return name && strcmp(name, "lo") == 0;
}

const struct rtnl_object rtnl_link = {
	.name = "link",
	.key = "name",
	.rows = rows,
	.header = sizeof(struct ifinfomsg),
	.get = RTM_GETLINK,
	.new = RTM_NEWLINK,
	.del = RTM_DELLINK,
	.by_key = true,
	.flags = { [RTNL_ADD] = NLM_F_CREATE | NLM_F_EXCL },
	.begin = begin,
	.end = end,
	.otherwise = otherwise,
	.done = link_done,
	.refused = link_undo,
	.passed_over = passed_over,
	.adapt = link_adapt,
	.must_wait = link_must_wait,
	.ask = link_ask,
	.direct = link_direct,
	.received = link_received,
	.listing = link_listing,
	.listed = link_listed,
	.stays = passed_over,
};
