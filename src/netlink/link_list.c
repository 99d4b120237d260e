/* SPDX-License-Identifier: MIT */
/* link_list.c - links as they are listed: what is asked of the kernel, and what its rows do not say by themselves */
#include "link.h"
#include "wireguard.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void put_mask(struct rtnl *r)
{
	codec_put(&r->codec, IFLA_EXT_MASK, &(uint32_t){ RTEXT_FILTER_VF }, 4);
}

/* A dump can be narrowed to one master and one kind. */
void link_ask(struct rtnl *r, int filter)
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

bool link_direct(struct rtnl *r, int filter)
{
	const char *name = link_name_in(r, filter, "name");
	lua_Integer index = name ? 0 : link_integer_in(r, filter, "index", 1, 0);

	if (!name && !index)
		return false;
	((struct ifinfomsg *)codec_header(&r->codec))->ifi_index = (int)index;
	put_mask(r);
	if (name)
		link_put_name(r, name);
	return true;
}

/* Links name each other by index: most of their names are among what came. */
void link_received(struct rtnl *r, const struct nlbuf *in)
{
	const size_t fixed = NLMSG_LENGTH(sizeof(struct ifinfomsg));

	for (size_t at = 0; at + fixed <= in->size;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + at);
		struct codec_span name;

		if (h->nlmsg_len < fixed || h->nlmsg_len > in->size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		name = codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_IFNAME);
		if (h->nlmsg_type != RTM_NEWLINK || !name.data)
			continue;
		lua_pushlstring(r->L, name.data, strnlen(name.data, name.size));
		lua_rawseti(r->L, r->names, ((const struct ifinfomsg *)mnl_nlmsg_get_payload(h))->ifi_index);
	}
}

/* The rows are read in this light. */
void link_listing(struct rtnl *r, const struct nlmsghdr *h)
{
	r->codec.elsewhere = codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_LINK_NETNSID).data;
}

/* `link` is a name when it is here, and an index with link_netnsid when it is in another namespace. */
void link_listed(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct codec_span link = codec_inner(codec_attrs(h, sizeof(*info)), IFLA_LINK);
	uint32_t index = link.size >= 4 ? (uint32_t)codec_load(link.data, 4) : 0;
	lua_State *L = r->L;
	const char *kind = rtnl_field(r, lua_gettop(L), "kind");

	if (kind && strcmp(kind, "wireguard") == 0)
		wireguard_listed(r, (uint32_t)info->ifi_index);
	if (index == 0 || (!r->codec.elsewhere && index == (uint32_t)info->ifi_index))
		return;
	if (r->codec.elsewhere)
		lua_pushinteger(L, index);
	else
		r->codec.push_ifname(&r->codec, index);
	lua_setfield(L, -2, "link");
}
