/* SPDX-License-Identifier: MIT */
/* link_tunnels.c - the fields that kinds of tunnels add: tables only (include/uapi/linux/if_link.h, if_tunnel.h) */
#include "link_kinds.h"

#include <linux/if_link.h>

/* Newer than the headers of some systems that this is built on. */
enum { VXLAN_LOCALBYPASS = 31 };

static const struct codec_name ttls[] = { { "auto", 0 }, { "inherit", CODEC_ELSEWHERE }, { NULL, 0 } };
static const struct codec_name toses[] = { { "inherit", 1 }, { NULL, 0 } };
static const struct codec_name dfs[] = { { "unset", 0 }, { "set", 1 }, { "inherit", 2 }, { NULL, 0 } };
static const struct codec_name inherit[] = { { "inherit", 0 }, { NULL, 0 } };

static const struct codec_row port_range[] = {
	{ .key = "min", .type = CODEC_BE16, CODEC_HDR(ifla_vxlan_port_range, low) },
	{ .key = "max", .type = CODEC_BE16, CODEC_HDR(ifla_vxlan_port_range, high) },
	{ .type = CODEC_END },
};

#define VXLAN(name, attribute, kind, how) { .key = name, .attr = IFLA_VXLAN_##attribute, .type = CODEC_##kind, .flags = how }

const struct codec_row link_vxlan[] = {
	{ .key = "id", .attr = IFLA_VXLAN_ID, .type = CODEC_U32, .min = 0, .max = 0xffffff, .flags = CODEC_ALWAYS },
	{ .key = "remote", .attr = IFLA_VXLAN_GROUP, .attr6 = IFLA_VXLAN_GROUP6, .type = CODEC_ADDR, .flags = CODEC_ONE },
	{ .key = "group", .attr = IFLA_VXLAN_GROUP, .attr6 = IFLA_VXLAN_GROUP6, .type = CODEC_ADDR, .flags = CODEC_GROUP },
	{ .key = "local", .attr = IFLA_VXLAN_LOCAL, .attr6 = IFLA_VXLAN_LOCAL6, .type = CODEC_ADDR, .flags = CODEC_ONE },
	VXLAN("dev", LINK, LINK, CODEC_LOWER | CODEC_QUIET),
	VXLAN("dstport", PORT, BE16, 0),
	{ .key = "srcport", .attr = IFLA_VXLAN_PORT_RANGE, .type = CODEC_MEMBER, .sub = port_range,
	  .size = sizeof(struct ifla_vxlan_port_range) },
	{ .key = "ttl", .attr = IFLA_VXLAN_TTL, .type = CODEC_U8, .names = ttls },
	{ .key = "ttl", .attr = IFLA_VXLAN_TTL_INHERIT, .type = CODEC_WORD, .names = inherit },
	{ .key = "tos", .attr = IFLA_VXLAN_TOS, .type = CODEC_U8, .names = toses },
	{ .key = "df", .attr = IFLA_VXLAN_DF, .type = CODEC_U8, .names = dfs },
	{ .key = "flowlabel", .attr = IFLA_VXLAN_LABEL, .type = CODEC_BE32, .min = 0, .max = 0xfffff, .flags = CODEC_QUIET },
	VXLAN("learning", LEARNING, BOOL, 0),
	VXLAN("proxy", PROXY, BOOL, 0),
	VXLAN("rsc", RSC, BOOL, 0),
	VXLAN("l2miss", L2MISS, BOOL, 0),
	VXLAN("l3miss", L3MISS, BOOL, 0),
	VXLAN("ageing", AGEING, U32, 0),
	VXLAN("maxaddress", LIMIT, U32, CODEC_QUIET),
	VXLAN("udpcsum", UDP_CSUM, BOOL, 0),
	VXLAN("udp6zerocsumtx", UDP_ZERO_CSUM6_TX, BOOL, 0),
	VXLAN("udp6zerocsumrx", UDP_ZERO_CSUM6_RX, BOOL, 0),
	VXLAN("remcsumtx", REMCSUM_TX, BOOL, 0),
	VXLAN("remcsumrx", REMCSUM_RX, BOOL, 0),
	VXLAN("external", COLLECT_METADATA, BOOL, 0),
	VXLAN("gbp", GBP, FLAG, 0),
	VXLAN("gpe", GPE, FLAG, 0),
	VXLAN("vnifilter", VNIFILTER, BOOL, 0),
	{ .key = "localbypass", .attr = VXLAN_LOCALBYPASS, .type = CODEC_BOOL },
	{ .type = CODEC_END },
};
