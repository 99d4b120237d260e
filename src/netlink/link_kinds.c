/* SPDX-License-Identifier: MIT */
/*
 * link_kinds.c - the fields that each kind of link adds: tables only (include/uapi/linux/if_link.h, veth.h)
 *
 * Keys are the words of `ip link add ... type KIND`.
 */
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
	{ .key = "up", .type = CODEC_BIT, .flags = CODEC_LATER, CODEC_HDR(ifinfomsg, ifi_flags) },
	{ .type = CODEC_END },
};

static const struct codec_row veth[] = {
	{ .key = "peer", .attr = VETH_INFO_PEER, .type = CODEC_NEST, .sub = peer, .header = sizeof(struct ifinfomsg), .flags = CODEC_CREATE },
	{ .type = CODEC_END },
};

/* ---- macvlan, macvtap ---- */

static const struct codec_name macvlan_modes[] = {
	{ "private", MACVLAN_MODE_PRIVATE }, { "vepa", MACVLAN_MODE_VEPA }, { "bridge", MACVLAN_MODE_BRIDGE },
	{ "passthru", MACVLAN_MODE_PASSTHRU }, { "source", MACVLAN_MODE_SOURCE }, { NULL, 0 },
};

static const struct codec_name macvlan_flags[] = {
	{ "nopromisc", MACVLAN_FLAG_NOPROMISC }, { "nodst", MACVLAN_FLAG_NODST }, { NULL, 0 },
};

static const struct codec_row macvlan_source[] = { { .attr = IFLA_MACVLAN_MACADDR, .type = CODEC_LLADDR }, { .type = CODEC_END } };
static const struct codec_with macvlan_set = {
	.attr = IFLA_MACVLAN_MACADDR_MODE, .size = 4, .bits = MACVLAN_MACADDR_SET, .written_only = true,
};

static const struct codec_row macvlan[] = {
	{ .key = "mode", .attr = IFLA_MACVLAN_MODE, .type = CODEC_U32, .names = macvlan_modes },
	{ .key = "flag", .attr = IFLA_MACVLAN_FLAGS, .type = CODEC_BITS, .width = 2, .names = macvlan_flags, .flags = CODEC_QUIET },
	{ .key = "bcqueuelen", .attr = IFLA_MACVLAN_BC_QUEUE_LEN, .type = CODEC_U32 },
	{ .key = "macaddr", .attr = IFLA_MACVLAN_MACADDR_DATA, .type = CODEC_LIST, .sub = macvlan_source, .with = &macvlan_set },
	{ .type = CODEC_END },
};

/* ---- tun: written by tun.c ---- */

static const struct codec_name tun_modes[] = { { "tun", 1 }, { "tap", 2 }, { NULL, 0 } };

static const struct codec_row tun[] = {
	{ .key = "mode", .attr = IFLA_TUN_TYPE, .type = CODEC_U8, .names = tun_modes },
	{ .key = "user", .attr = IFLA_TUN_OWNER, .type = CODEC_U32 },
	{ .key = "group", .attr = IFLA_TUN_GROUP, .type = CODEC_U32 },
	{ .key = "pi", .attr = IFLA_TUN_PI, .type = CODEC_BOOL },
	{ .key = "vnet_hdr", .attr = IFLA_TUN_VNET_HDR, .type = CODEC_BOOL },
	{ .key = "multi_queue", .attr = IFLA_TUN_MULTI_QUEUE, .type = CODEC_BOOL },
	{ .key = "persist", .attr = IFLA_TUN_PERSIST, .type = CODEC_BOOL, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

const struct codec_choice link_kinds[] = {
	{ "veth", .outer = veth },
	{ "bridge", .rows = bridge },
	{ "macvlan", .rows = macvlan },
	{ "macvtap", .rows = macvlan },
	{ "tun", .rows = tun },
	{ "vxlan", .rows = link_vxlan },
	{ NULL },
};
