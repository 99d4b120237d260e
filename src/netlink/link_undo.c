/* SPDX-License-Identifier: MIT */
/*
 * link_undo.c - a refused change of a link changes nothing
 *
 * Of a message with several changes the kernel makes one after the other, until one is refused: what came before stays. So what the link
 * was is asked for first, and its attributes, which are written as they are read, are written again. What a change brought about by itself
 * cannot be put back: routes that went with a link that went down.
 */
#include "link.h"

#include "buffer.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

static const char kept; /* its address is the key in r->names */

/* Does the spec say more than which link, and one thing? */
static bool is_many(struct rtnl *r, int spec)
{
	lua_State *L = r->L;
	int n = 0;

	for (lua_pushnil(L); lua_next(L, spec); lua_pop(L, 1))
		n += !lua_isnil(L, -1);
	return n > 2;
}

void link_remember(struct rtnl *r, int spec)
{
	const struct nlmsghdr *h;

	if (is_many(r, spec) && !rtnl_has(r, spec, "netns") && rtnl_ifindex(r, link_name_in(r, spec, "name"))) {
		h = rtnl_answer(r, sizeof(struct ifinfomsg));
		lua_pushlstring(r->L, (const char *)h, h->nlmsg_len);
	} else {
		lua_pushnil(r->L);
	}
	lua_rawsetp(r->L, r->names, &kept);
}

/* Write what the attribute `sent` was, from those that were there. */
static void put_back(struct codec *c, const struct nlattr *sent, struct codec_span before)
{
	static const char zeros[4];
	uint16_t type = sent->nla_type & NLA_TYPE_MASK;
	struct codec_span was = codec_inner(before, type), rest = { (const char *)(sent + 1), sent->nla_len - NLA_HDRLEN };
	const struct nlattr *a;
	size_t nest;

	if (!(sent->nla_type & NLA_F_NESTED)) {
		if (was.data)
			codec_put(c, type, was.data, was.size);
		else if (type == IFLA_MASTER || type == IFLA_IFALIAS)
			codec_put(c, type, zeros, type == IFLA_MASTER ? sizeof(uint32_t) : 1);
		return;
	}
	nest = codec_nest(c, type);
	while (was.data && (a = codec_next(&rest)))
		put_back(c, a, was);
	codec_nest_end(c, nest);
}

static void write_back(struct rtnl *r)
{
	struct nlerror ignored;

	codec_finish(&r->codec);
	nlsock_talk(r->sock, (struct nlmsghdr *)(r->codec.out->data + r->codec.start), NULL, &ignored);
}

static void begin(struct rtnl *r, int index)
{
	codec_begin(&r->codec, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	((struct ifinfomsg *)codec_header(&r->codec))->ifi_index = index;
}

void link_undo(struct rtnl *r)
{
	const size_t skip = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	const struct codec codec = r->codec;
	lua_State *L = r->L;
	const struct nlmsghdr *before, *message;
	const struct ifinfomsg *was, *sent;
	const struct nlattr *a;
	struct codec_span rest;

	if (lua_rawgetp(L, r->names, &kept) != LUA_TSTRING) {
		lua_pop(L, 1);
		return;
	}
	before = (const struct nlmsghdr *)lua_tostring(L, -1);
	was = mnl_nlmsg_get_payload(before);
	message = (const struct nlmsghdr *)(r->codec.out->data + r->codec.start);
	message = (const struct nlmsghdr *)lua_pushlstring(L, (const char *)message, message->nlmsg_len); /* the buffer may move */
	sent = mnl_nlmsg_get_payload(message);
	rest = codec_attrs(message, sizeof(*sent));
	while ((a = codec_next(&rest))) { /* one by one: what cannot be put back is in nothing's way */
		begin(r, was->ifi_index);
		put_back(&r->codec, a, (struct codec_span){ (const char *)before + skip, before->nlmsg_len - skip });
		write_back(r);
	}
	if (sent->ifi_change) {
		begin(r, was->ifi_index);
		((struct ifinfomsg *)codec_header(&r->codec))->ifi_flags = was->ifi_flags;
		((struct ifinfomsg *)codec_header(&r->codec))->ifi_change = sent->ifi_change;
		write_back(r);
	}
	r->codec = codec;
	lua_pop(L, 2);
}
