/* SPDX-License-Identifier: MIT */
/*
 * link_bond.c - the fields of a bond and of its ports: tables only (include/uapi/linux/if_link.h, if_bonding.h)
 *
 * The kernel lists nearly all of them in every mode, but takes many in some modes only: those are listed where they differ from what a
 * bond has by itself.
 */
#include "link_kinds.h"

#include <linux/if_link.h>

static const struct codec_name modes[] = {
	{ "balance-rr", 0 }, { "active-backup", 1 }, { "balance-xor", 2 }, { "broadcast", 3 },
	{ "802.3ad", 4 }, { "balance-tlb", 5 }, { "balance-alb", 6 }, { NULL, 0 },
};

static const struct codec_name validations[] = {
	{ "none", 0 }, { "active", 1 }, { "backup", 2 }, { "all", 3 },
	{ "filter", 4 }, { "filter_active", 5 }, { "filter_backup", 6 }, { NULL, 0 },
};

static const struct codec_name targets[] = { { "any", 0 }, { "all", 1 }, { NULL, 0 } };
static const struct codec_name reselections[] = { { "always", 0 }, { "better", 1 }, { "failure", 2 }, { NULL, 0 } };
static const struct codec_name fail_over[] = { { "none", 0 }, { "active", 1 }, { "follow", 2 }, { NULL, 0 } };

static const struct codec_name policies[] = {
	{ "layer2", 0 }, { "layer3+4", 1 }, { "layer2+3", 2 }, { "encap2+3", 3 }, { "encap3+4", 4 }, { "vlan+srcmac", 5 }, { NULL, 0 },
};

static const struct codec_name rates[] = { { "slow", 0 }, { "fast", 1 }, { NULL, 0 } };
static const struct codec_name selections[] = { { "stable", 0 }, { "bandwidth", 1 }, { "count", 2 }, { NULL, 0 } };
static const struct codec_row address[] = { { .type = CODEC_ADDR, .width = 4 }, { .type = CODEC_END } };
static const struct codec_row address6[] = { { .type = CODEC_ADDR, .width = 16 }, { .type = CODEC_END } };

#define BOND(name, attribute, kind) { .key = name, .attr = IFLA_BOND_##attribute, .type = CODEC_##kind }
#define BOND_NAMED(name, attribute, kind, table) { .key = name, .attr = IFLA_BOND_##attribute, .type = CODEC_##kind, .names = table }
#define BOND_QUIET(name, attribute, kind, value) \
	{ .key = name, .attr = IFLA_BOND_##attribute, .type = CODEC_##kind, .flags = CODEC_QUIET, .usual = value }

static const struct codec_row aggregator[] = {
	{ .key = "aggregator", .attr = IFLA_BOND_AD_INFO_AGGREGATOR, .type = CODEC_U16 },
	{ .key = "num_ports", .attr = IFLA_BOND_AD_INFO_NUM_PORTS, .type = CODEC_U16 },
	{ .key = "actor_key", .attr = IFLA_BOND_AD_INFO_ACTOR_KEY, .type = CODEC_U16 },
	{ .key = "partner_key", .attr = IFLA_BOND_AD_INFO_PARTNER_KEY, .type = CODEC_U16 },
	{ .key = "partner_mac", .attr = IFLA_BOND_AD_INFO_PARTNER_MAC, .type = CODEC_LLADDR },
	{ .type = CODEC_END },
};

const struct codec_row link_bond[] = {
	BOND_NAMED("mode", MODE, U8, modes),
	BOND("miimon", MIIMON, U32),
	/* even 0 is refused without miimon */
	BOND_QUIET("updelay", UPDELAY, U32, 0),
	BOND_QUIET("downdelay", DOWNDELAY, U32, 0),
	BOND_QUIET("peer_notify_delay", PEER_NOTIF_DELAY, U32, 0),
	BOND("use_carrier", USE_CARRIER, BOOL),
	BOND_QUIET("arp_interval", ARP_INTERVAL, U32, 0),
	{ .key = "arp_ip_target", .attr = IFLA_BOND_ARP_IP_TARGET, .type = CODEC_LIST, .sub = address },
	{ .key = "ns_ip6_target", .attr = IFLA_BOND_NS_IP6_TARGET, .type = CODEC_LIST, .sub = address6 },
	{ .key = "arp_validate", .attr = IFLA_BOND_ARP_VALIDATE, .type = CODEC_U32, .names = validations, .flags = CODEC_QUIET },
	BOND_NAMED("arp_all_targets", ARP_ALL_TARGETS, U32, targets),
	BOND_QUIET("arp_missed_max", MISSED_MAX, U8, 2),
	{ .key = "primary", .attr = IFLA_BOND_PRIMARY, .type = CODEC_LINK, .flags = CODEC_QUIET | CODEC_AFTER },
	BOND_NAMED("primary_reselect", PRIMARY_RESELECT, U8, reselections),
	{ .key = "active_slave", .attr = IFLA_BOND_ACTIVE_SLAVE, .type = CODEC_LINK, .flags = CODEC_QUIET | CODEC_STATE },
	BOND_NAMED("fail_over_mac", FAIL_OVER_MAC, U8, fail_over),
	BOND_NAMED("xmit_hash_policy", XMIT_HASH_POLICY, U8, policies),
	BOND("resend_igmp", RESEND_IGMP, U32),
	BOND("num_grat_arp", NUM_PEER_NOTIF, U8),
	BOND("all_slaves_active", ALL_SLAVES_ACTIVE, BOOL),
	BOND("min_links", MIN_LINKS, U32),
	BOND("lp_interval", LP_INTERVAL, U32),
	BOND_QUIET("packets_per_slave", PACKETS_PER_SLAVE, U32, 1),
	BOND_QUIET("tlb_dynamic_lb", TLB_DYNAMIC_LB, BOOL, 1),
	{ .key = "lacp_rate", .attr = IFLA_BOND_AD_LACP_RATE, .type = CODEC_U8, .names = rates, .flags = CODEC_QUIET },
	BOND_QUIET("lacp_active", AD_LACP_ACTIVE, BOOL, 1),
	{ .key = "ad_select", .attr = IFLA_BOND_AD_SELECT, .type = CODEC_U8, .names = selections, .flags = CODEC_QUIET },
	BOND_QUIET("ad_user_port_key", AD_USER_PORT_KEY, U16, 0),
	BOND_QUIET("ad_actor_sys_prio", AD_ACTOR_SYS_PRIO, U16, 65535),
	BOND("ad_actor_system", AD_ACTOR_SYSTEM, LLADDR),
	{ .key = "ad_info", .attr = IFLA_BOND_AD_INFO, .type = CODEC_NEST, .sub = aggregator, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

static const struct codec_name states[] = { { "ACTIVE", 0 }, { "BACKUP", 1 }, { NULL, 0 } };
static const struct codec_name mii[] = { { "UP", 0 }, { "GOING_DOWN", 1 }, { "DOWN", 2 }, { "GOING_BACK", 3 }, { NULL, 0 } };

#define SLAVE(name, attribute, kind) { .key = name, .attr = IFLA_BOND_SLAVE_##attribute, .type = CODEC_##kind, .flags = CODEC_RO }

const struct codec_row link_bond_slave[] = {
	{ .key = "queue_id", .attr = IFLA_BOND_SLAVE_QUEUE_ID, .type = CODEC_U16 },
	{ .key = "prio", .attr = IFLA_BOND_SLAVE_PRIO, .type = CODEC_S32 },
	{ .key = "state", .attr = IFLA_BOND_SLAVE_STATE, .type = CODEC_U8, .names = states, .flags = CODEC_RO },
	{ .key = "mii_status", .attr = IFLA_BOND_SLAVE_MII_STATUS, .type = CODEC_U8, .names = mii, .flags = CODEC_RO },
	SLAVE("link_failure_count", LINK_FAILURE_COUNT, U32),
	SLAVE("perm_hwaddr", PERM_HWADDR, LLADDR),
	SLAVE("ad_aggregator_id", AD_AGGREGATOR_ID, U16),
	{ .type = CODEC_END },
};

const struct codec_with link_port_of_bond = { .attr = IFLA_INFO_SLAVE_KIND, .text = "bond" };
