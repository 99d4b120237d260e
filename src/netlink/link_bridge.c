/* SPDX-License-Identifier: MIT */
/*
 * link_bridge.c - the fields of a bridge and of its ports: tables only (include/uapi/linux/if_link.h, if_bridge.h)
 *
 * Times are in 1/100 s, as `ip` has them.
 */
#include "link_kinds.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* Newer than the headers of some systems that this is built on. */
enum {
	BRIDGE_FDB_MAX_LEARNED = IFLA_BR_MCAST_QUERIER_STATE + 2,
	PORT_MAB = IFLA_BRPORT_LOCKED + 1,
	PORT_MCAST_MAX_GROUPS = IFLA_BRPORT_LOCKED + 3,
	PORT_NEIGH_VLAN_SUPPRESS = IFLA_BRPORT_LOCKED + 4,
};

#define BR(name, attribute, kind) { .key = name, .attr = IFLA_BR_##attribute, .type = CODEC_##kind }
#define BR_SEEN(name, attribute, kind) { .key = name, .attr = IFLA_BR_##attribute, .type = CODEC_##kind, .flags = CODEC_RO }
#define BR_OPTION(name, bit) \
	{ .key = name, .attr = IFLA_BR_MULTI_BOOLOPT, .type = CODEC_BIT, .mask = 1u << (bit), .change = offsetof(struct br_boolopt_multi, optmask), \
	  .flags = CODEC_QUIET, CODEC_PART(br_boolopt_multi, optval) }

const struct codec_row link_bridge[] = {
	BR("forward_delay", FORWARD_DELAY, U32),
	BR("hello_time", HELLO_TIME, U32),
	BR("max_age", MAX_AGE, U32),
	BR("ageing_time", AGEING_TIME, U32),
	BR("stp_state", STP_STATE, U32),
	BR("priority", PRIORITY, U16),
	/* a kernel without VLAN filtering lists those that are off, but refuses to be told even that */
	{ .key = "vlan_filtering", .attr = IFLA_BR_VLAN_FILTERING, .type = CODEC_BOOL, .flags = CODEC_QUIET },
	{ .key = "vlan_protocol", .attr = IFLA_BR_VLAN_PROTOCOL, .type = CODEC_BE16, .names = link_vlan_protocols },
	BR("vlan_default_pvid", VLAN_DEFAULT_PVID, U16),
	BR("vlan_stats_enabled", VLAN_STATS_ENABLED, BOOL),
	BR("vlan_stats_per_port", VLAN_STATS_PER_PORT, BOOL),
	BR("group_fwd_mask", GROUP_FWD_MASK, U16),
	BR("group_address", GROUP_ADDR, LLADDR),
	BR_OPTION("no_linklocal_learn", 0),
	BR_OPTION("mcast_vlan_snooping", 1),
	BR_OPTION("mst_enabled", 2),
	{ .key = "fdb_max_learned", .attr = BRIDGE_FDB_MAX_LEARNED, .type = CODEC_U32 },
	BR("mcast_snooping", MCAST_SNOOPING, BOOL),
	BR("mcast_router", MCAST_ROUTER, U8),
	BR("mcast_querier", MCAST_QUERIER, BOOL),
	BR("mcast_query_use_ifaddr", MCAST_QUERY_USE_IFADDR, BOOL),
	BR("mcast_hash_elasticity", MCAST_HASH_ELASTICITY, U32),
	BR("mcast_hash_max", MCAST_HASH_MAX, U32),
	BR("mcast_last_member_count", MCAST_LAST_MEMBER_CNT, U32),
	BR("mcast_startup_query_count", MCAST_STARTUP_QUERY_CNT, U32),
	BR("mcast_last_member_interval", MCAST_LAST_MEMBER_INTVL, U64),
	BR("mcast_membership_interval", MCAST_MEMBERSHIP_INTVL, U64),
	BR("mcast_querier_interval", MCAST_QUERIER_INTVL, U64),
	BR("mcast_query_interval", MCAST_QUERY_INTVL, U64),
	BR("mcast_query_response_interval", MCAST_QUERY_RESPONSE_INTVL, U64),
	BR("mcast_startup_query_interval", MCAST_STARTUP_QUERY_INTVL, U64),
	BR("mcast_stats_enabled", MCAST_STATS_ENABLED, BOOL),
	BR("mcast_igmp_version", MCAST_IGMP_VERSION, U8),
	BR("mcast_mld_version", MCAST_MLD_VERSION, U8),
	BR("nf_call_iptables", NF_CALL_IPTABLES, BOOL),
	BR("nf_call_ip6tables", NF_CALL_IP6TABLES, BOOL),
	BR("nf_call_arptables", NF_CALL_ARPTABLES, BOOL),
	{ .key = "fdb_flush", .attr = IFLA_BR_FDB_FLUSH, .type = CODEC_FLAG, .flags = CODEC_WO },
	BR_SEEN("bridge_id", BRIDGE_ID, BRIDGE),
	BR_SEEN("root_id", ROOT_ID, BRIDGE),
	BR_SEEN("root_port", ROOT_PORT, U16),
	BR_SEEN("root_path_cost", ROOT_PATH_COST, U32),
	BR_SEEN("topology_change", TOPOLOGY_CHANGE, BOOL),
	BR_SEEN("topology_change_detected", TOPOLOGY_CHANGE_DETECTED, BOOL),
	{ .type = CODEC_END },
};

static const struct codec_name states[] = {
	{ "disabled", 0 }, { "listening", 1 }, { "learning", 2 }, { "forwarding", 3 }, { "blocking", 4 }, { NULL, 0 },
};

#define PORT(name, attribute, kind) { .key = name, .attr = IFLA_BRPORT_##attribute, .type = CODEC_##kind }

const struct codec_row link_bridge_slave[] = {
	{ .key = "state", .attr = IFLA_BRPORT_STATE, .type = CODEC_U8, .names = states, .flags = CODEC_STATE },
	PORT("priority", PRIORITY, U16),
	PORT("cost", COST, U32),
	PORT("hairpin", MODE, BOOL),
	PORT("guard", GUARD, BOOL),
	PORT("root_block", PROTECT, BOOL),
	PORT("fastleave", FAST_LEAVE, BOOL),
	PORT("learning", LEARNING, BOOL),
	PORT("flood", UNICAST_FLOOD, BOOL),
	PORT("mcast_flood", MCAST_FLOOD, BOOL),
	PORT("bcast_flood", BCAST_FLOOD, BOOL),
	PORT("mcast_to_unicast", MCAST_TO_UCAST, BOOL),
	PORT("mcast_router", MULTICAST_ROUTER, U8),
	{ .key = "mcast_max_groups", .attr = PORT_MCAST_MAX_GROUPS, .type = CODEC_U32 },
	PORT("proxy_arp", PROXYARP, BOOL),
	PORT("proxy_arp_wifi", PROXYARP_WIFI, BOOL),
	PORT("neigh_suppress", NEIGH_SUPPRESS, BOOL),
	{ .key = "neigh_vlan_suppress", .attr = PORT_NEIGH_VLAN_SUPPRESS, .type = CODEC_BOOL },
	PORT("group_fwd_mask", GROUP_FWD_MASK, U16),
	PORT("vlan_tunnel", VLAN_TUNNEL, BOOL),
	PORT("isolated", ISOLATED, BOOL),
	PORT("locked", LOCKED, BOOL),
	{ .key = "mab", .attr = PORT_MAB, .type = CODEC_BOOL },
	{ .key = "backup_port", .attr = IFLA_BRPORT_BACKUP_PORT, .type = CODEC_LINK, .flags = CODEC_AFTER },
	{ .type = CODEC_END },
};

const struct codec_with link_port_of_bridge = { .attr = IFLA_INFO_SLAVE_KIND, .text = "bridge" };
