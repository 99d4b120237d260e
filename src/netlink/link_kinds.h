/* SPDX-License-Identifier: MIT */
/* link_kinds.h - the fields that each kind of link adds */
#ifndef NETNS_NETLINK_LINK_KINDS_H
#define NETNS_NETLINK_LINK_KINDS_H

#include "codec.h"

/* By kind, ended by a NULL name. A kind that is not here can be made too, if it needs no `data`. */
extern const struct codec_choice link_kinds[];

/* Its parts that have files of their own. */
extern const struct codec_row link_vxlan[], link_geneve[], link_gre[], link_ip6gre[], link_ipip[], link_sit[], link_ip6tnl[];
extern const struct codec_row link_bridge[], link_bond[], link_wireguard[];
extern const struct codec_name link_vlan_protocols[];

/* What a master's kind adds to its ports. */
extern const struct codec_row link_bridge_slave[], link_bond_slave[], link_vrf_slave[];
extern const struct codec_with link_port_of_bridge, link_port_of_bond, link_port_of_vrf;

#define LINK_PORT(name, rows, which, how) \
	{ .key = name, .attr = IFLA_INFO_SLAVE_DATA, .type = CODEC_NEST, .sub = rows, .with = which, .flags = how }

#endif
