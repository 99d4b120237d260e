/* SPDX-License-Identifier: MIT */
/* filter_packet.h - the words in which several kinds of filter are asked: addresses, protocol, ports */
#ifndef NETNS_NETLINK_FILTER_PACKET_H
#define NETNS_NETLINK_FILTER_PACKET_H

#include "filter.h"

extern const struct codec_name filter_ip_protocols[];

/* What is looked for in a packet; lengths, ports and protocol are -1 where it does not matter. */
struct packet {
	uint8_t src[16], dst[16];
	int src_length, dst_length, ip_proto;
	int src_port, dst_port;
	int family;
};

struct packet filter_packet_read(struct rtnl *r, int data);
/* Addresses and ports are those of a protocol: misuse raises. */
void filter_packet_check(struct rtnl *r, const struct packet *packet, uint16_t protocol);
/* Add it to the table on top of the stack; addresses have `size` bytes. */
void filter_packet_push(struct rtnl *r, const struct packet *packet, size_t size);

/* The mask of a prefix length, and the way back; -1 where it is none. */
void filter_packet_mask(uint8_t *mask, size_t size, int length);
int filter_packet_length(const uint8_t *mask, size_t size);

#endif
