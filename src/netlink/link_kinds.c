/* SPDX-License-Identifier: MIT */
/* link_kinds.c - the fields that each kind of link adds: tables only (include/uapi/linux/if_link.h, veth.h) */
#include "link_kinds.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

/* IFLA_BR_MCAST_STATS_ENABLED and older are all there since Linux 4.10. Times of a bridge are in 1/100 s, as `ip` has them. */
#define BR(name, attribute, kind) { .key = name, .attr = IFLA_BR_##attribute, .type = CODEC_##kind }

static const struct codec_name vlan_protocols[] = { { "802.1Q", 0x8100 }, { "802.1ad", 0x88a8 }, { NULL, 0 } };

static const struct codec_row bridge[] = {
	BR("forward_delay", FORWARD_DELAY, U32),
	BR("hello_time", HELLO_TIME, U32),
	BR("max_age", MAX_AGE, U32),
	BR("ageing_time", AGEING_TIME, U32),
	BR("stp_state", STP_STATE, U32),
	BR("priority", PRIORITY, U16),
	/* a kernel without VLAN filtering lists it, but refuses even the 0 that it listed */
	{ .key = "vlan_filtering", .attr = IFLA_BR_VLAN_FILTERING, .type = CODEC_BOOL, .flags = CODEC_QUIET },
	{ .key = "vlan_protocol", .attr = IFLA_BR_VLAN_PROTOCOL, .type = CODEC_BE16, .names = vlan_protocols },
	BR("vlan_default_pvid", VLAN_DEFAULT_PVID, U16),
	BR("vlan_stats_enabled", VLAN_STATS_ENABLED, BOOL),
	BR("group_fwd_mask", GROUP_FWD_MASK, U16),
	{ .key = "group_address", .attr = IFLA_BR_GROUP_ADDR, .type = CODEC_LLADDR },
	BR("mcast_snooping", MCAST_SNOOPING, BOOL),
	BR("mcast_router", MCAST_ROUTER, U8),
	BR("mcast_querier", MCAST_QUERIER, BOOL),
	BR("mcast_query_use_ifaddr", MCAST_QUERY_USE_IFADDR, BOOL),
	BR("mcast_igmp_version", MCAST_IGMP_VERSION, U8),
	BR("mcast_mld_version", MCAST_MLD_VERSION, U8),
	BR("nf_call_iptables", NF_CALL_IPTABLES, BOOL),
	BR("nf_call_ip6tables", NF_CALL_IP6TABLES, BOOL),
	BR("nf_call_arptables", NF_CALL_ARPTABLES, BOOL),
	{ .type = CODEC_END },
};

/* What can be said of a veth's other end in the message that makes the pair; `up` follows in one of its own (link.c). */
static const struct codec_row peer[] = {
	{ .key = "name", .attr = IFLA_IFNAME, .type = CODEC_IFNAME },
	{ .key = "netns", .attr = IFLA_NET_NS_FD, .type = CODEC_NETNS },
	{ .key = "mac", .attr = IFLA_ADDRESS, .type = CODEC_LLADDR },
	{ .key = "mtu", .attr = IFLA_MTU, .type = CODEC_U32 },
	{ .key = "index", .type = CODEC_S32, CODEC_HDR(ifinfomsg, ifi_index), .min = 1, .max = INT32_MAX },
	{ .key = "group", .attr = IFLA_GROUP, .type = CODEC_U32 },
	{ .key = "txqlen", .attr = IFLA_TXQLEN, .type = CODEC_U32 },
	{ .key = "numtxqueues", .attr = IFLA_NUM_TX_QUEUES, .type = CODEC_U32, .min = 1, .max = 4096, .preset = 1 },
	{ .key = "numrxqueues", .attr = IFLA_NUM_RX_QUEUES, .type = CODEC_U32, .min = 1, .max = 4096, .preset = 1 },
	{ .key = "up", .type = CODEC_BIT, .flags = CODEC_LATER },
	{ .type = CODEC_END },
};

static const struct codec_row veth[] = {
	{ .key = "peer", .attr = VETH_INFO_PEER, .type = CODEC_NEST, .sub = peer, .header = sizeof(struct ifinfomsg), .flags = CODEC_CREATE },
	{ .type = CODEC_END },
};

const struct codec_choice link_kinds[] = {
	{ "veth", veth, true },
	{ "bridge", bridge, false },
	{ NULL, NULL, false },
};
