/* SPDX-License-Identifier: MIT */
/*
 * link_kinds.c - the fields that each kind of link adds: tables only (include/uapi/linux/if_link.h, veth.h)
 *
 * Keys are the words of `ip link add ... type KIND`.
 */
#include "link_kinds.h"

#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

/* Newer than the headers of some systems that this is built on (IFLA_NETKIT_*). */
enum {
	NETKIT_PEER_INFO = 1,
	NETKIT_PRIMARY,
	NETKIT_POLICY,
	NETKIT_PEER_POLICY,
	NETKIT_MODE,
	NETKIT_SCRUB,
	NETKIT_PEER_SCRUB,
};

/* ---- pairs: what can be said of the other end in the message that makes both; `up` follows in one of its own (link_after.c) ---- */

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

static const struct codec_name netkit_modes[] = { { "l2", 0 }, { "l3", 1 }, { NULL, 0 } };
static const struct codec_name netkit_policies[] = { { "forward", 0 }, { "blackhole", 2 }, { NULL, 0 } };
static const struct codec_name netkit_scrubs[] = { { "none", 0 }, { "default", 1 }, { NULL, 0 } };

static const struct codec_row netkit_peer[] = {
	{ .key = "peer", .attr = NETKIT_PEER_INFO, .type = CODEC_NEST, .sub = peer, .header = sizeof(struct ifinfomsg), .flags = CODEC_CREATE },
	{ .type = CODEC_END },
};

static const struct codec_row netkit[] = {
	{ .key = "mode", .attr = NETKIT_MODE, .type = CODEC_U32, .names = netkit_modes },
	{ .key = "policy", .attr = NETKIT_POLICY, .type = CODEC_U32, .names = netkit_policies },
	{ .key = "peer_policy", .attr = NETKIT_PEER_POLICY, .type = CODEC_U32, .names = netkit_policies },
	{ .key = "scrub", .attr = NETKIT_SCRUB, .type = CODEC_U32, .names = netkit_scrubs },
	{ .key = "peer_scrub", .attr = NETKIT_PEER_SCRUB, .type = CODEC_U32, .names = netkit_scrubs },
	{ .key = "primary", .attr = NETKIT_PRIMARY, .type = CODEC_BOOL, .flags = CODEC_RO },
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

/* ---- ipvlan, ipvtap ---- */

static const struct codec_name ipvlan_modes[] = { { "l2", 0 }, { "l3", 1 }, { "l3s", 2 }, { NULL, 0 } };
static const struct codec_name ipvlan_flags[] = { { "bridge", 0 }, { "private", 1 }, { "vepa", 2 }, { NULL, 0 } };

static const struct codec_row ipvlan[] = {
	{ .key = "mode", .attr = IFLA_IPVLAN_MODE, .type = CODEC_U16, .names = ipvlan_modes },
	{ .key = "flags", .attr = IFLA_IPVLAN_FLAGS, .type = CODEC_U16, .names = ipvlan_flags },
	{ .type = CODEC_END },
};

/* ---- vlan ---- */

const struct codec_name link_vlan_protocols[] = { { "802.1Q", 0x8100 }, { "802.1ad", 0x88a8 }, { NULL, 0 } };

#define VLAN_FLAG(name, bit) \
	{ .key = name, .attr = IFLA_VLAN_FLAGS, .type = CODEC_BIT, .mask = bit, .change = offsetof(struct ifla_vlan_flags, mask), \
	  .flags = CODEC_OFF, CODEC_PART(ifla_vlan_flags, flags) }

static const struct codec_row qos_member[] = {
	{ .key = "from", .type = CODEC_U32, CODEC_HDR(ifla_vlan_qos_mapping, from) },
	{ .key = "to", .type = CODEC_U32, CODEC_HDR(ifla_vlan_qos_mapping, to) },
	{ .type = CODEC_END },
};

static const struct codec_row qos_mapping[] = {
	{ .attr = IFLA_VLAN_QOS_MAPPING, .type = CODEC_MEMBER, .sub = qos_member, .size = sizeof(struct ifla_vlan_qos_mapping) },
	{ .type = CODEC_END },
};

static const struct codec_row vlan[] = {
	{ .key = "id", .attr = IFLA_VLAN_ID, .type = CODEC_U16, .min = 0, .max = 4095, .flags = CODEC_FIXED },
	{ .key = "protocol", .attr = IFLA_VLAN_PROTOCOL, .type = CODEC_BE16, .names = link_vlan_protocols, .flags = CODEC_FIXED },
	VLAN_FLAG("reorder_hdr", VLAN_FLAG_REORDER_HDR),
	VLAN_FLAG("gvrp", VLAN_FLAG_GVRP),
	VLAN_FLAG("mvrp", VLAN_FLAG_MVRP),
	VLAN_FLAG("loose_binding", VLAN_FLAG_LOOSE_BINDING),
	VLAN_FLAG("bridge_binding", VLAN_FLAG_BRIDGE_BINDING),
	{ .key = "ingress_qos_map", .attr = IFLA_VLAN_INGRESS_QOS, .type = CODEC_LIST, .sub = qos_mapping },
	{ .key = "egress_qos_map", .attr = IFLA_VLAN_EGRESS_QOS, .type = CODEC_LIST, .sub = qos_mapping },
	{ .type = CODEC_END },
};

/* ---- vrf ---- */

static const struct codec_row vrf[] = {
	{ .key = "table", .attr = IFLA_VRF_TABLE, .type = CODEC_U32 },
	{ .type = CODEC_END },
};

const struct codec_row link_vrf_slave[] = {
	{ .key = "table", .attr = IFLA_VRF_PORT_TABLE, .type = CODEC_U32 },
	{ .type = CODEC_END },
};

const struct codec_with link_port_of_vrf = { .attr = IFLA_INFO_SLAVE_KIND, .text = "vrf" };

/* ---- tun: written by link_tun.c ---- */

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
	{ "bond", .rows = link_bond },
	{ "bridge", .rows = link_bridge },
	{ "geneve", .rows = link_geneve },
	{ "gre", .rows = link_gre, .whole = true },
	{ "gretap", .rows = link_gre, .whole = true },
	{ "ip6gre", .rows = link_ip6gre, .whole = true },
	{ "ip6gretap", .rows = link_ip6gre, .whole = true },
	{ "ip6tnl", .rows = link_ip6tnl, .whole = true },
	{ "ipip", .rows = link_ipip, .whole = true },
	{ "ipvlan", .rows = ipvlan },
	{ "ipvtap", .rows = ipvlan },
	{ "macvlan", .rows = macvlan },
	{ "macvtap", .rows = macvlan },
	{ "netkit", .rows = netkit, .outer = netkit_peer },
	{ "sit", .rows = link_sit, .whole = true },
	{ "tun", .rows = tun },
	{ "veth", .outer = veth },
	{ "vlan", .rows = vlan },
	{ "vrf", .rows = vrf },
	{ "vxlan", .rows = link_vxlan },
	{ "wireguard", .rows = link_wireguard },
	{ NULL },
};
