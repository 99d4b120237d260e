/* SPDX-License-Identifier: MIT */
/* tables.c - names that several objects of rtnetlink share (include/uapi/linux/rtnetlink.h, /etc/iproute2/rt_tables, rt_protos) */
#include "tables.h"

#include <linux/rtnetlink.h>

const struct codec_name codec_families[] = { { "inet", AF_INET }, { "inet6", AF_INET6 }, { NULL, 0 } };

const struct codec_name route_tables[] = {
	{ "main", RT_TABLE_MAIN }, { "local", RT_TABLE_LOCAL }, { "default", RT_TABLE_DEFAULT }, { NULL, 0 },
};

const struct codec_name route_protocols[] = {
	{ "unspec", RTPROT_UNSPEC }, { "redirect", RTPROT_REDIRECT }, { "kernel", RTPROT_KERNEL }, { "boot", RTPROT_BOOT },
	{ "static", RTPROT_STATIC }, { "ra", RTPROT_RA }, { "mrt", RTPROT_MRT }, { "zebra", RTPROT_ZEBRA },
	{ "bird", RTPROT_BIRD }, { "dhcp", RTPROT_DHCP }, { "keepalived", RTPROT_KEEPALIVED }, { "babel", RTPROT_BABEL },
	{ "bgp", RTPROT_BGP }, { "isis", RTPROT_ISIS }, { "ospf", RTPROT_OSPF }, { "rip", RTPROT_RIP }, { "eigrp", RTPROT_EIGRP },
	{ NULL, 0 },
};
