/* SPDX-License-Identifier: MIT */
/*
 * link.c - network interfaces (rtnetlink(7), include/uapi/linux/if_link.h)
 *
 * A veth pair is one message with the peer's message inside; both ends are told to have one queue, since the default (one for each CPU,
 * then shrunk) costs two RCU waits. The peer cannot be made up in that message (ENOTCONN): that follows in the peer's namespace.
 *
 * What the kernel does not take in a creation follows in messages of their own. When one of them is refused the link is removed again.
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

/* The integer in spec[key], at least `min`; or `absent`. */
static lua_Integer integer_in(struct rtnl *r, int spec, const char *key, lua_Integer min, lua_Integer absent)
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
	return integer_in(r, spec, "index", 1, 0);
}

static void put_name(struct rtnl *r, const char *name)
{
	codec_put(&r->codec, IFLA_IFNAME, name, strlen(name) + 1);
}

/*
 * The link that `replace` finds is in r->answer: keep it, so that only what differs is written: some kinds refuse even what they are already.
 * One of another kind is in the way.
 */
static void keep_present(struct rtnl *r, int spec, const char *name)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)r->answer->data;
	const char *kind = rtnl_field(r, spec, "kind"), *attrs;
	size_t size = h->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg));
	struct nlerror error = { .errnum = EEXIST };
	struct codec_span found;

	attrs = lua_pushlstring(r->L, (const char *)h + NLMSG_LENGTH(sizeof(struct ifinfomsg)), size);
	lua_rawsetp(r->L, r->names, r); /* which keeps it alive */
	r->codec.present = (struct codec_span){ attrs, size };
	if (!kind)
		return;
	found = codec_inner(codec_inner(r->codec.present, IFLA_LINKINFO), IFLA_INFO_KIND);
	if (found.data && strnlen(found.data, found.size) == strlen(kind) && memcmp(found.data, kind, strlen(kind)) == 0)
		return;
	if (found.data)
		snprintf(error.text, sizeof(error.text), "the link of this name is of kind %.*s", (int)strnlen(found.data, found.size), found.data);
	rtnl_refuse(r, &error, NULL, name);
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
		if (index)
			keep_present(r, spec, name);
		else
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

bool link_is_pair(struct rtnl *r, int spec)
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

/* The link that a new one stands on, and where that is. */
static void put_lower(struct rtnl *r, int spec)
{
	struct codec *c = &r->codec;
	lua_Integer nsid = integer_in(r, spec, "link_netnsid", 0, -1);
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

	integer_in(r, spec, "link_netnsid", 0, -1);
	r->lenient = true;
	lua_pushliteral(r->L, "link");
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		codec_check(&r->codec, spec, -1, codec_find(rows, "link"));
	lua_pop(r->L, 1);
	r->lenient = lenient;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const char *kind = rtnl_field(r, spec, "kind");

	check_lower(r, spec);
	if (verb != RTNL_DELETE && up_is_last(r, spec)) {
		header(r)->ifi_flags &= ~(unsigned int)IFF_UP;
		header(r)->ifi_change &= ~(unsigned int)IFF_UP;
	}
	if (verb == RTNL_DELETE || !r->codec.create)
		return;
	if (kind && strcmp(kind, "tap") == 0)
		misuse(r, "kind", "a tap device is one of kind \"tun\" with data = { mode = \"tap\" }");
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

/* The socket of the namespace that spec.netns means, or our own. */
static struct nlsock *sock_of(struct rtnl *r, int spec, const char *key)
{
	struct nlsock *sock = r->sock;

	lua_pushliteral(r->L, "netns");
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		sock = r->netns_sock(r, lua_gettop(r->L), key);
	lua_pop(r->L, 1);
	return sock;
}

/* Remove what was made a moment ago. */
static void unmake(struct rtnl *r, int spec)
{
	struct nlsock *sock = sock_of(r, spec, "netns");
	size_t start = r->codec.out->size;
	struct nlerror ignored;

	codec_begin(&r->codec, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	put_name(r, name_in(r, spec, "name"));
	codec_finish(&r->codec);
	nlsock_talk(sock, (struct nlmsghdr *)(r->codec.out->data + start), NULL, &ignored);
}

/*
 * Set `which` rows of the spec on the link that is called spec.name by now, in the namespace of spec.netns or else here. If that is
 * refused, the link that `made` describes (0: none) goes with it.
 */
static void set_there(struct rtnl *r, int spec, const struct codec_row *which, const char *key, int made)
{
	struct rtnl there = *r;
	const char *name = name_in(r, spec, rtnl_has(r, spec, "rename") ? "rename" : "name");
	size_t start = there.codec.out->size;
	struct nlerror error;

	there.sock = sock_of(r, spec, key);
	there.codec.data = &there;
	there.codec.create = false;
	there.codec.present = (struct codec_span){ NULL, 0 };
	codec_begin(&there.codec, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	put_name(&there, name);
	codec_fields(&there.codec, spec, which);
	codec_finish(&there.codec);
	if (nlsock_talk(there.sock, (struct nlmsghdr *)(there.codec.out->data + start), NULL, &error) == 0)
		return;
	if (made)
		unmake(r, made);
	rtnl_refuse(&there, &error, (struct nlmsghdr *)(there.codec.out->data + start), name);
}

/* Kinds that are not made by the message which was prepared. */
static bool otherwise(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	return verb != RTNL_DELETE && r->codec.create && link_tun(r, spec);
}

/* What creation does not take; and the peer comes up where it is. */
static void done(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	int top = lua_gettop(r->L), made = r->codec.create ? spec : 0;

	if (verb == RTNL_DELETE)
		return;
	if (made && has_later(r, spec))
		set_there(r, spec, later, "netns", made);
	if (up_is_last(r, spec) && rtnl_has(r, spec, "up"))
		set_there(r, spec, last, "netns", made);
	if (made && link_is_pair(r, spec) && push_peer(r, spec) && rtnl_has(r, top + 1, "up"))
		set_there(r, top + 1, last, "peer.netns", made);
	lua_settop(r->L, top);
}

/* `lo` is everywhere. */
static bool passed_over(struct rtnl *r, int spec)
{
	const char *name = rtnl_field(r, spec, "name");

	return name && strcmp(name, "lo") == 0;
}

int link_copy(struct rtnl *r, int spec, const char *const *without)
{
	lua_State *L = r->L;
	int copy;

	luaL_checkstack(L, 5, "link");
	lua_newtable(L);
	copy = lua_gettop(L);
	for (lua_pushnil(L); lua_next(L, spec);) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, copy);
	}
	for (; *without; without++) {
		lua_pushnil(L);
		lua_setfield(L, copy, *without);
	}
	return copy;
}

/* A veth of a listing names its peer as `link`: made again, that is its `peer`. The pair's other end then finds itself there already. */
static int adapt(struct rtnl *r, int spec)
{
	static const char *const none[] = { NULL };
	lua_State *L = r->L;

	if (!link_is_pair(r, spec) || rtnl_has(r, spec, "peer") || !rtnl_field(r, spec, "link"))
		return spec;
	link_copy(r, spec, none);
	lua_createtable(L, 0, 1);
	lua_pushstring(L, rtnl_field(r, spec, "link"));
	lua_setfield(L, -2, "name");
	lua_setfield(L, -2, "peer");
	return lua_gettop(L);
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

/* The rows are read in this light. */
static void listing(struct rtnl *r, const struct nlmsghdr *h)
{
	r->codec.elsewhere = codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_LINK_NETNSID).data;
}

/* `link` is a name when it is here, and an index with link_netnsid when it is in another namespace. */
static void listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct codec_span link = codec_inner(codec_attrs(h, sizeof(*info)), IFLA_LINK);
	uint32_t index = link.size >= 4 ? (uint32_t)codec_load(link.data, 4) : 0;
	lua_State *L = r->L;

	if (index == 0 || (!r->codec.elsewhere && index == (uint32_t)info->ifi_index))
		return;
	if (r->codec.elsewhere)
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
	.otherwise = otherwise,
	.done = done,
	.passed_over = passed_over,
	.adapt = adapt,
	.sorted = link_sorted,
	.ask = ask,
	.direct = direct,
	.listing = listing,
	.listed = listed,
	.stays = passed_over,
};
