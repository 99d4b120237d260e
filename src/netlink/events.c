/* SPDX-License-Identifier: MIT */
/*
 * events.c - what the kernel tells by itself when something changes (rtnetlink(7), include/uapi/linux/rtnetlink.h: RTNLGRP_*)
 *
 * An event is the message that a listing would have of the thing, so the same rows read it. It names links by index, and when it is read
 * the link may be gone: so their names are kept, from a listing at the start and from each event about a link.
 */
#include "events.h"

#include "buffer.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct codec_row nsid_rows[] = {
	{ .key = "nsid", .attr = NETNSA_NSID, .type = CODEC_S32 },
	{ .type = CODEC_END },
};

/* Ids under which this namespace knows others: told only, so it has no verbs. */
static const struct rtnl_object nsid = {
	.name = "nsid",
	.rows = nsid_rows,
	.header = sizeof(struct rtgenmsg),
	.new = RTM_NEWNSID,
	.del = RTM_DELNSID,
};

/* Bridges tell of their ports in messages about links, and of what they learnt in those about neighbours. */
static bool of_no_bridge(const struct nlmsghdr *h)
{
	return ((const struct rtgenmsg *)mnl_nlmsg_get_payload(h))->rtgen_family != AF_BRIDGE;
}

static bool of_a_bridge(const struct nlmsghdr *h)
{
	return !of_no_bridge(h);
}

static bool of_a_table(const struct nlmsghdr *h)
{
	return !(((const struct rtmsg *)mnl_nlmsg_get_payload(h))->rtm_flags & RTM_F_CLONED);
}

static const struct {
	const struct rtnl_object *object;
	bool (*wanted)(const struct nlmsghdr *h);
	int groups[2];
} kinds[] = {
	{ &rtnl_link, of_no_bridge, { RTNLGRP_LINK } },
	{ &rtnl_addr, NULL, { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR } },
	{ &rtnl_route, of_a_table, { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE } },
	{ &rtnl_rule, NULL, { RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE } },
	{ &rtnl_neigh, of_no_bridge, { RTNLGRP_NEIGH } },
	{ &rtnl_fdb, of_a_bridge, { RTNLGRP_NEIGH } },
	{ &rtnl_qdisc, NULL, { RTNLGRP_TC } },
	{ &rtnl_class, NULL, { RTNLGRP_TC } },
	{ &nsid, NULL, { RTNLGRP_NSID } },
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

const char *const events_objects[] = { "link", "addr", "route", "rule", "neigh", "fdb", "qdisc", "class", "nsid", NULL };

_Static_assert(sizeof(events_objects) / sizeof(*events_objects) == KINDS + 1, "a name for each kind, in the same order");

int events_find(const char *name)
{
	for (int i = 0; events_objects[i]; i++)
		if (strcmp(events_objects[i], name) == 0)
			return i;
	return -1;
}

int events_join(struct nlsock *s, uint32_t mask)
{
	int code = 0;

	mask |= 1; /* links */
	for (int i = 0; i < KINDS; i++)
		for (int k = 0; code == 0 && k < 2 && kinds[i].groups[k] && mask & 1u << i; k++)
			code = nlsock_join(s, kinds[i].groups[k]);
	return code;
}

/* Keep, or forget, the name of the link that the message is about. */
static void note(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct codec_span name;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_family == AF_BRIDGE)
		return;
	name = codec_inner(codec_attrs(h, sizeof(*info)), IFLA_IFNAME);
	if (h->nlmsg_type == RTM_NEWLINK && name.data)
		lua_pushlstring(r->L, name.data, strnlen(name.data, name.size));
	else
		lua_pushnil(r->L);
	lua_rawseti(r->L, r->names, info->ifi_index);
}

void events_names(struct rtnl *r)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg body;
		struct nlattr mask;
		uint32_t without;
	} request = {
		.h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = sizeof(request) },
		.mask = { .nla_type = IFLA_EXT_MASK, .nla_len = NLA_HDRLEN + sizeof(request.without) },
		.without = RTEXT_FILTER_SKIP_STATS,
	};
	struct nlbuf *in = nlbuf_push(r->L);
	struct nlerror error;

	if (nlsock_dump(r->sock, &request.h, in, &error) < 0)
		rtnl_refuse(r, &error, NULL, NULL);
	lua_newtable(r->L);
	lua_replace(r->L, r->names);
	for (size_t at = 0; at + NLMSG_HDRLEN <= in->size;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + at);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > in->size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_type == RTM_NEWLINK)
			note(r, h);
	}
	lua_pop(r->L, 1);
}

bool events_push(struct rtnl *r, const struct nlmsghdr *h, uint32_t mask)
{
	bool pushed = false;

	if (h->nlmsg_type == RTM_NEWLINK)
		note(r, h);
	for (int i = 0; !pushed && i < KINDS; i++) {
		const struct rtnl_object *o = kinds[i].object;

		if (!(mask & 1u << i) || (h->nlmsg_type != o->new && h->nlmsg_type != o->del) || h->nlmsg_len < NLMSG_LENGTH(o->header) ||
		    (kinds[i].wanted && !kinds[i].wanted(h)))
			continue;
		r->object = o;
		lua_createtable(r->L, 0, 3);
		lua_pushstring(r->L, o->name);
		lua_setfield(r->L, -2, "object");
		lua_pushstring(r->L, h->nlmsg_type == o->new ? "new" : "delete");
		lua_setfield(r->L, -2, "action");
		rtnl_push(r, h);
		lua_setfield(r->L, -2, "entry");
		pushed = true;
	}
	if (h->nlmsg_type == RTM_DELLINK)
		note(r, h);
	return pushed;
}
