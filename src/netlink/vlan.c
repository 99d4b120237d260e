/* SPDX-License-Identifier: MIT */
/*
 * vlan.c - the VLANs of a bridge's ports, and of the bridge itself (bridge(8), include/uapi/linux/if_bridge.h)
 *
 * One message of the kernel's is a port with all its VLANs; here each VLAN is an entry.
 */
#include "rtnl.h"

#include "../lua/args.h"
#include "buffer.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* All but `dev` are written by end() and read by nth(). */
static const struct codec_row rows[] = {
	{ .key = "dev", .type = CODEC_LINK, CODEC_HDR(ifinfomsg, ifi_index) },
	{ .key = "vid", .type = CODEC_CUSTOM, .as = CODEC_U32, .min = 1, .max = 4094 },
	{ .key = "pvid", .type = CODEC_CUSTOM, .as = CODEC_BOOL, .flags = CODEC_QUIET },
	{ .key = "untagged", .type = CODEC_CUSTOM, .as = CODEC_BOOL, .flags = CODEC_QUIET },
	{ .type = CODEC_END },
};

static struct ifinfomsg *header(struct rtnl *r)
{
	return codec_header(&r->codec);
}

/* What adds is told apart from what tells. */
static void begin(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	(void)spec;
	header(r)->ifi_family = AF_BRIDGE;
	if (verb != RTNL_DELETE)
		((struct nlmsghdr *)(r->codec.out->data + r->codec.start))->nlmsg_type = RTM_SETLINK;
}

static bool flag_in(struct rtnl *r, int spec, const char *key)
{
	struct args_at at = { .op = r->codec.op, .key = key, .index = r->codec.index };
	bool on = false;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) != LUA_TNIL)
		on = args_boolean(r->L, -1, &at);
	lua_pop(r->L, 1);
	return on;
}

/* Is the link a bridge? Then its own VLANs are meant. */
static bool is_bridge(struct rtnl *r)
{
	const struct nlmsghdr *h;
	struct codec_span kind;
	bool found = false;

	if (r->lenient || !header(r)->ifi_index)
		return false;
	r->codec.push_ifname(&r->codec, (uint32_t)header(r)->ifi_index);
	if (lua_type(r->L, -1) == LUA_TSTRING && rtnl_ifindex(r, lua_tostring(r->L, -1)) &&
	    (h = rtnl_answer(r, sizeof(struct ifinfomsg)))) {
		kind = codec_inner(codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_LINKINFO), IFLA_INFO_KIND);
		found = kind.size >= 6 && strncmp(kind.data, "bridge", kind.size) == 0;
	}
	lua_pop(r->L, 1);
	return found;
}

static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct args_at at = { .op = r->codec.op, .key = "vid", .index = r->codec.index };
	struct bridge_vlan_info info = { 0 };
	struct codec *c = &r->codec;
	size_t nest;

	rtnl_need(r, spec, "dev");
	rtnl_need(r, spec, "vid");
	lua_pushliteral(r->L, "vid");
	lua_rawget(r->L, spec);
	info.vid = (uint16_t)args_integer(r->L, -1, &at, 1, 4094);
	lua_pop(r->L, 1);
	if (flag_in(r, spec, "pvid") && verb != RTNL_DELETE)
		info.flags |= BRIDGE_VLAN_INFO_PVID;
	if (flag_in(r, spec, "untagged") && verb != RTNL_DELETE)
		info.flags |= BRIDGE_VLAN_INFO_UNTAGGED;
	nest = codec_nest(c, IFLA_AF_SPEC);
	if (is_bridge(r))
		codec_put(c, IFLA_BRIDGE_FLAGS, &(uint16_t){ BRIDGE_FLAGS_SELF }, sizeof(uint16_t));
	codec_put(c, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
	codec_nest_end(c, nest);
}

static void ask(struct rtnl *r, int filter)
{
	(void)filter;
	header(r)->ifi_family = AF_BRIDGE;
	codec_put(&r->codec, IFLA_EXT_MASK, &(uint32_t){ RTEXT_FILTER_BRVLAN }, sizeof(uint32_t));
}

static void set_flag(struct rtnl *r, const char *key, bool on)
{
	if (!on)
		return;
	lua_pushboolean(r->L, 1);
	lua_setfield(r->L, -2, key);
}

/* The n-th VLAN of the message; false: it has no more. */
static bool info_at(const struct nlmsghdr *h, size_t n, struct bridge_vlan_info *info)
{
	struct codec_span inside = codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_AF_SPEC);
	const struct nlattr *a;

	while ((a = codec_next(&inside))) {
		if ((a->nla_type & NLA_TYPE_MASK) != IFLA_BRIDGE_VLAN_INFO || a->nla_len < NLA_HDRLEN + sizeof(*info) || n-- > 0)
			continue;
		memcpy(info, a + 1, sizeof(*info));
		return true;
	}
	return false;
}

static bool nth(struct rtnl *r, const struct nlmsghdr *h, size_t n)
{
	struct bridge_vlan_info info;

	if (!info_at(h, n, &info))
		return false;
	lua_pushinteger(r->L, info.vid);
	lua_setfield(r->L, -2, "vid");
	set_flag(r, "pvid", info.flags & BRIDGE_VLAN_INFO_PVID);
	set_flag(r, "untagged", info.flags & BRIDGE_VLAN_INFO_UNTAGGED);
	return true;
}

/* Is the port in that VLAN? */
static bool is_in(struct rtnl *r, int ifindex, uint16_t vid)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg body;
		struct nlattr head;
		uint32_t mask;
	} request = {
		.h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = sizeof(request) },
		.body = { .ifi_family = AF_BRIDGE },
		.head = { .nla_type = IFLA_EXT_MASK, .nla_len = NLA_HDRLEN + sizeof(request.mask) },
		.mask = RTEXT_FILTER_BRVLAN,
	};
	struct nlbuf *in = nlbuf_push(r->L);
	struct bridge_vlan_info info;
	struct nlerror error;
	bool found = false;

	if (nlsock_dump(r->sock, &request.h, in, &error) < 0)
		rtnl_refuse(r, &error, NULL, NULL);
	for (size_t at = 0; !found && at + NLMSG_HDRLEN <= in->size;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + at);
		const struct ifinfomsg *body = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > in->size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->ifi_index != ifindex)
			continue;
		for (size_t n = 0; !found && info_at(h, n, &info); n++)
			found = info.vid == vid;
	}
	lua_pop(r->L, 1);
	return found;
}

/* The kernel deletes in silence what is not there. */
static bool otherwise(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	struct nlerror error = { .errnum = ENOENT, .text = "the link is not in this VLAN" };
	uint16_t vid;

	if (verb != RTNL_DELETE)
		return false;
	lua_pushliteral(r->L, "vid");
	lua_rawget(r->L, spec);
	vid = (uint16_t)lua_tointeger(r->L, -1);
	lua_pop(r->L, 1);
	if (!is_in(r, header(r)->ifi_index, vid))
		rtnl_refuse(r, &error, NULL, rtnl_field(r, spec, "dev"));
	return false;
}

const struct rtnl_object rtnl_vlan = {
	.name = "vlan",
	.key = "vid",
	.rows = rows,
	.header = sizeof(struct ifinfomsg),
	.get = RTM_GETLINK,
	.new = RTM_NEWLINK,
	.del = RTM_DELLINK,
	.begin = begin,
	.end = end,
	.otherwise = otherwise,
	.ask = ask,
	.nth = nth,
};
