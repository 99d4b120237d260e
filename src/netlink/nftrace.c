/* SPDX-License-Identifier: MIT */
/*
 * nftrace.c - what nftables did with packets that are traced (include/uapi/linux/netfilter/nf_tables.h, NFT_MSG_TRACE)
 *
 * Each message is one step: a rule that matched, or the end of a chain by its policy. Messages of one packet bear one id.
 */
#include "nftrace.h"

#include "attrs.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <string.h>

static const char *family_name(int family)
{
	static const struct {
		int family;
		const char *name;
	} names[] = {
		{ NFPROTO_INET, "inet" }, { NFPROTO_IPV4, "ip" }, { NFPROTO_ARP, "arp" }, { NFPROTO_NETDEV, "netdev" },
		{ NFPROTO_BRIDGE, "bridge" }, { NFPROTO_IPV6, "ip6" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].family == family)
			return names[i].name;
	return NULL;
}

static const char *verdict_name(int code)
{
	switch (code) {
	case NF_DROP:
		return "drop";
	case NF_ACCEPT:
		return "accept";
	case NF_STOLEN:
		return "stolen";
	case NF_QUEUE:
		return "queue";
	case NFT_CONTINUE:
		return "continue";
	case NFT_BREAK:
		return "break";
	case NFT_JUMP:
		return "jump";
	case NFT_GOTO:
		return "goto";
	case NFT_RETURN:
		return "return";
	default:
		return NULL;
	}
}

static void set_string(lua_State *L, const char *key, const char *text)
{
	if (!text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
}

static uint32_t be32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 4 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static uint64_t be64(const struct nlattr *attr)
{
	const unsigned char *p = mnl_attr_get_payload(attr);
	uint64_t value = 0;

	for (int i = 0; i < 8 && mnl_attr_get_payload_len(attr) >= 8; i++)
		value = value << 8 | p[i];
	return value;
}

static void set_text(lua_State *L, const char *key, const struct nlattr *attr)
{
	const char *text = mnl_attr_get_payload(attr);

	lua_pushlstring(L, text, strnlen(text, mnl_attr_get_payload_len(attr)));
	lua_setfield(L, -2, key);
}

static void set_verdict(lua_State *L, struct codec_span inside)
{
	const struct nlattr *attr;

	while ((attr = codec_next(&inside))) {
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE)
			set_string(L, "verdict", verdict_name((int)be32(attr)));
		else if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN)
			set_text(L, "to", attr);
	}
}

static void push_message(lua_State *L, const struct nlmsghdr *h)
{
	static const char *const types[] = { [NFT_TRACETYPE_POLICY] = "policy", [NFT_TRACETYPE_RETURN] = "return",
					     [NFT_TRACETYPE_RULE] = "rule" };
	const struct nfgenmsg *body = mnl_nlmsg_get_payload(h);
	struct codec_span rest = codec_attrs(h, sizeof(*body));
	const struct nlattr *attr;
	uint32_t n;

	lua_createtable(L, 0, 12);
	set_string(L, "family", family_name(body->nfgen_family));
	while ((attr = codec_next(&rest))) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_TRACE_ID:
			set_integer(L, "id", be32(attr));
			break;
		case NFTA_TRACE_TYPE:
			n = be32(attr);
			set_string(L, "type", n < sizeof(types) / sizeof(*types) ? types[n] : NULL);
			break;
		case NFTA_TRACE_TABLE:
			set_text(L, "table", attr);
			break;
		case NFTA_TRACE_CHAIN:
			set_text(L, "chain", attr);
			break;
		case NFTA_TRACE_RULE_HANDLE:
			set_integer(L, "handle", (lua_Integer)be64(attr));
			break;
		case NFTA_TRACE_VERDICT:
			set_verdict(L, (struct codec_span){ mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr) });
			break;
		case NFTA_TRACE_POLICY:
			set_string(L, "policy", verdict_name((int)be32(attr)));
			break;
		case NFTA_TRACE_IIF:
			set_integer(L, "iif", be32(attr));
			break;
		case NFTA_TRACE_OIF:
			set_integer(L, "oif", be32(attr));
			break;
		default:
			break;
		}
	}
}

lua_Integer nftrace_decode(lua_State *L, const void *data, size_t size, lua_Integer length)
{
	size_t at = 0;

	luaL_checkstack(L, 4, "nftrace");
	while (at + sizeof(struct nlmsghdr) <= size) {
		const struct nlmsghdr *h = (const void *)((const char *)data + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > size - at)
			break;
		at += NLMSG_ALIGN((size_t)h->nlmsg_len);
		if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) || h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
			continue;
		push_message(L, h);
		lua_rawseti(L, -2, ++length);
	}
	return length;
}
