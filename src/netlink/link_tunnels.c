/* SPDX-License-Identifier: MIT */
/* link_tunnels.c - the fields that kinds of tunnels add: tables only (include/uapi/linux/if_link.h, if_tunnel.h) */
#include "link_kinds.h"

#include <endian.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>

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

const struct codec_row link_geneve[] = {
	{ .key = "id", .attr = IFLA_GENEVE_ID, .type = CODEC_U32, .min = 0, .max = 0xffffff, .flags = CODEC_ALWAYS },
	{ .key = "remote", .attr = IFLA_GENEVE_REMOTE, .attr6 = IFLA_GENEVE_REMOTE6, .type = CODEC_ADDR, .flags = CODEC_ONE },
	{ .key = "dstport", .attr = IFLA_GENEVE_PORT, .type = CODEC_BE16 },
	{ .key = "ttl", .attr = IFLA_GENEVE_TTL, .type = CODEC_U8, .names = ttls },
	{ .key = "ttl", .attr = IFLA_GENEVE_TTL_INHERIT, .type = CODEC_WORD, .width = 1, .names = inherit },
	{ .key = "tos", .attr = IFLA_GENEVE_TOS, .type = CODEC_U8, .names = toses },
	{ .key = "df", .attr = IFLA_GENEVE_DF, .type = CODEC_U8, .names = dfs },
	{ .key = "flowlabel", .attr = IFLA_GENEVE_LABEL, .type = CODEC_BE32, .min = 0, .max = 0xfffff, .flags = CODEC_QUIET },
	{ .key = "udpcsum", .attr = IFLA_GENEVE_UDP_CSUM, .type = CODEC_BOOL },
	{ .key = "udp6zerocsumtx", .attr = IFLA_GENEVE_UDP_ZERO_CSUM6_TX, .type = CODEC_BOOL },
	{ .key = "udp6zerocsumrx", .attr = IFLA_GENEVE_UDP_ZERO_CSUM6_RX, .type = CODEC_BOOL },
	{ .key = "external", .attr = IFLA_GENEVE_COLLECT_METADATA, .type = CODEC_FLAG },
	{ .key = "innerprotoinherit", .attr = IFLA_GENEVE_INNER_PROTO_INHERIT, .type = CODEC_FLAG },
	{ .type = CODEC_END },
};

/* ---- GRE, over IPv4 and IPv6 ---- */

static const struct codec_name encaps[] = { { "none", 0 }, { "fou", 1 }, { "gue", 2 }, { NULL, 0 } };
static const struct codec_name ttls_of_ip[] = { { "inherit", 0 }, { NULL, 0 } };
static const struct codec_name words[] = { { "inherit", CODEC_ELSEWHERE }, { NULL, 0 } };
static const struct codec_name limits[] = { { "none", CODEC_ELSEWHERE }, { NULL, 0 } };
static const struct codec_name none[] = { { "none", 0 }, { NULL, 0 } };

/* A 16-bit constant as it stands in a message. */
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define NET16(x) (((x) >> 8 | (x) << 8) & 0xffffu)
#else
#define NET16(x) (x)
#endif

static const struct codec_with ikey = { .attr = IFLA_GRE_IFLAGS, .size = 2, .bits = NET16(0x2000) };
static const struct codec_with okey = { .attr = IFLA_GRE_OFLAGS, .size = 2, .bits = NET16(0x2000) };

#define BIT(name, attribute, bit, bytes) \
	{ .key = name, .attr = attribute, .type = CODEC_BIT, .mask = bit, .width = bytes, .size = bytes, .flags = CODEC_QUIET }

/* What every tunnel over IP has, in attributes that each family of kinds numbers in its own way. */
#define TUNNEL(set, bytes) \
	{ .key = "local", .attr = set##_LOCAL, .type = CODEC_ADDR, .width = bytes, .flags = CODEC_QUIET }, \
	{ .key = "remote", .attr = set##_REMOTE, .type = CODEC_ADDR, .width = bytes, .flags = CODEC_QUIET }, \
	{ .key = "dev", .attr = set##_LINK, .type = CODEC_LINK, .flags = CODEC_LOWER | CODEC_QUIET }, \
	{ .key = "encap", .attr = set##_ENCAP_TYPE, .type = CODEC_U16, .names = encaps, .flags = CODEC_QUIET }, \
	{ .key = "encap_sport", .attr = set##_ENCAP_SPORT, .type = CODEC_BE16, .flags = CODEC_QUIET }, \
	{ .key = "encap_dport", .attr = set##_ENCAP_DPORT, .type = CODEC_BE16, .flags = CODEC_QUIET }, \
	BIT("encap_csum", set##_ENCAP_FLAGS, TUNNEL_ENCAP_FLAG_CSUM, 2), \
	BIT("encap_csum6", set##_ENCAP_FLAGS, TUNNEL_ENCAP_FLAG_CSUM6, 2), \
	BIT("encap_remcsum", set##_ENCAP_FLAGS, TUNNEL_ENCAP_FLAG_REMCSUM, 2)

#define OVER_IPV4(set) \
	TUNNEL(set, 4), \
	{ .key = "ttl", .attr = set##_TTL, .type = CODEC_U8, .names = ttls_of_ip }, \
	{ .key = "tos", .attr = set##_TOS, .type = CODEC_U8, .names = toses }, \
	{ .key = "pmtudisc", .attr = set##_PMTUDISC, .type = CODEC_BOOL }, \
	{ .key = "fwmark", .attr = set##_FWMARK, .type = CODEC_U32, .flags = CODEC_QUIET }

#define EXTERNAL(set) { .key = "external", .attr = set##_COLLECT_METADATA, .type = CODEC_FLAG }

#define WORD(name, attribute, bit, table) \
	{ .key = name, .attr = attribute, .type = CODEC_WORD, .mask = bit, .width = 4, .size = 4, .names = table }

/* `tclass` and `flowlabel` are bits of one number. */
#define OVER_IPV6(set) \
	TUNNEL(set, 16), \
	{ .key = "hoplimit", .attr = set##_TTL, .type = CODEC_U8 }, \
	{ .key = "encaplimit", .attr = set##_ENCAP_LIMIT, .type = CODEC_U8, .names = limits }, \
	WORD("encaplimit", set##_FLAGS, IP6_TNL_F_IGN_ENCAP_LIMIT, none), \
	{ .key = "tclass", .attr = set##_FLOWINFO, .type = CODEC_BE32, .mask = 0x0ff00000, .width = 4, .size = 4, .names = words }, \
	WORD("tclass", set##_FLAGS, IP6_TNL_F_USE_ORIG_TCLASS, inherit), \
	{ .key = "flowlabel", .attr = set##_FLOWINFO, .type = CODEC_BE32, .mask = 0x000fffff, .width = 4, .size = 4, .names = words }, \
	WORD("flowlabel", set##_FLAGS, IP6_TNL_F_USE_ORIG_FLOWLABEL, inherit), \
	{ .key = "fwmark", .attr = set##_FWMARK, .type = CODEC_U32, .names = words, .flags = CODEC_QUIET }, \
	WORD("fwmark", set##_FLAGS, IP6_TNL_F_USE_ORIG_FWMARK, inherit), \
	BIT("dscp_inherit", set##_FLAGS, IP6_TNL_F_RCV_DSCP_COPY, 4), \
	BIT("allow_localremote", set##_FLAGS, IP6_TNL_F_ALLOW_LOCAL_REMOTE, 4)

#define GRE_FIELDS \
	{ .key = "ikey", .attr = IFLA_GRE_IKEY, .type = CODEC_BE32, .with = &ikey }, \
	{ .key = "okey", .attr = IFLA_GRE_OKEY, .type = CODEC_BE32, .with = &okey }, \
	BIT("iseq", IFLA_GRE_IFLAGS, NET16(0x1000), 2), \
	BIT("oseq", IFLA_GRE_OFLAGS, NET16(0x1000), 2), \
	BIT("icsum", IFLA_GRE_IFLAGS, NET16(0x8000), 2), \
	BIT("ocsum", IFLA_GRE_OFLAGS, NET16(0x8000), 2)

const struct codec_row link_gre[] = {
	OVER_IPV4(IFLA_GRE),
	EXTERNAL(IFLA_GRE),
	GRE_FIELDS,
	{ .key = "ignore_df", .attr = IFLA_GRE_IGNORE_DF, .type = CODEC_BOOL },
	{ .type = CODEC_END },
};

const struct codec_row link_ip6gre[] = {
	OVER_IPV6(IFLA_GRE),
	EXTERNAL(IFLA_GRE),
	GRE_FIELDS,
	{ .type = CODEC_END },
};

/* ---- IP in IP ---- */

static const struct codec_name ipip_modes[] = { { "any", 0 }, { "ipip", 4 }, { "mplsip", 137 }, { NULL, 0 } };
static const struct codec_name sit_modes[] = { { "any", 0 }, { "ipip", 4 }, { "ip6ip", 41 }, { "mplsip", 137 }, { NULL, 0 } };
static const struct codec_name ip6tnl_modes[] = { { "any", 0 }, { "ipip6", 4 }, { "ip6ip6", 41 }, { NULL, 0 } };

const struct codec_row link_ipip[] = {
	OVER_IPV4(IFLA_IPTUN),
	EXTERNAL(IFLA_IPTUN),
	{ .key = "mode", .attr = IFLA_IPTUN_PROTO, .type = CODEC_U8, .names = ipip_modes },
	{ .type = CODEC_END },
};

const struct codec_row link_sit[] = {
	OVER_IPV4(IFLA_IPTUN),
	{ .key = "mode", .attr = IFLA_IPTUN_PROTO, .type = CODEC_U8, .names = sit_modes },
	BIT("isatap", IFLA_IPTUN_FLAGS, SIT_ISATAP, 2),
	{ .type = CODEC_END },
};

const struct codec_row link_ip6tnl[] = {
	OVER_IPV6(IFLA_IPTUN),
	EXTERNAL(IFLA_IPTUN),
	{ .key = "mode", .attr = IFLA_IPTUN_PROTO, .type = CODEC_U8, .names = ip6tnl_modes },
	{ .type = CODEC_END },
};
