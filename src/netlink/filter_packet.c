/* SPDX-License-Identifier: MIT */
/* filter_packet.c - the words in which several kinds of filter are asked: addresses, protocol, ports */
#include "filter_packet.h"

#include "../lua/args.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

const struct codec_name filter_ip_protocols[] = {
	{ "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "ipv6-icmp", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP }, { NULL, 0 },
};

static int address_in(struct rtnl *r, int data, const char *key, uint8_t *to)
{
	int idx = filter_push(r, data, key), length = -1;

	if (!idx)
		return -1;
	codec_address(&r->codec, idx, key, to, &length);
	lua_pop(r->L, 1);
	return length;
}

static int number_in(struct rtnl *r, int data, const char *key, const char *path, lua_Integer max)
{
	struct args_at where = filter_at(r, path);
	int idx = filter_push(r, data, key), number;

	if (!idx)
		return -1;
	number = -1;
	if (lua_type(r->L, idx) == LUA_TSTRING) {
		args_string(r->L, idx, &where, NULL);
		number = (int)codec_number(r->L, &(struct codec_row){ .names = filter_ip_protocols }, idx);
	}
	if (number < 0)
		number = (int)args_integer(r->L, idx, &where, 0, max);
	lua_pop(r->L, 1);
	return number;
}

struct packet filter_packet_read(struct rtnl *r, int data)
{
	const char *inside = r->codec.inside;
	struct packet packet = { .family = AF_UNSPEC };

	r->codec.family = AF_UNSPEC;
	r->codec.inside = "data";
	packet.src_length = address_in(r, data, "src_ip", packet.src);
	packet.dst_length = address_in(r, data, "dst_ip", packet.dst);
	packet.family = r->codec.family;
	packet.ip_proto = number_in(r, data, "ip_proto", "data.ip_proto", UINT8_MAX);
	packet.src_port = number_in(r, data, "src_port", "data.src_port", UINT16_MAX);
	packet.dst_port = number_in(r, data, "dst_port", "data.dst_port", UINT16_MAX);
	r->codec.inside = inside;
	return packet;
}

uint16_t filter_protocol(struct rtnl *r, int data)
{
	struct packet packet = filter_packet_read(r, data);

	if (packet.family == AF_INET6 || packet.ip_proto == IPPROTO_ICMPV6)
		return ETH_P_IPV6;
	return packet.family == AF_INET || packet.ip_proto >= 0 || packet.src_port >= 0 || packet.dst_port >= 0 ? ETH_P_IP : ETH_P_ALL;
}

void filter_packet_check(struct rtnl *r, const struct packet *packet, uint16_t protocol)
{
	struct args_at where = filter_at(r, "protocol");
	bool any = packet->ip_proto >= 0 || packet->src_port >= 0 || packet->dst_port >= 0;

	if ((packet->family == AF_INET && protocol != ETH_P_IP) || (packet->family == AF_INET6 && protocol != ETH_P_IPV6) ||
	    (any && protocol != ETH_P_IP && protocol != ETH_P_IPV6))
		args_misuse(r->L, &where, "is not that of what is looked for");
}

static void push_address(struct rtnl *r, const char *key, const void *address, size_t size, int length)
{
	if (length <= 0)
		return;
	codec_push_prefix(&r->codec, address, size, (uint8_t)length);
	lua_setfield(r->L, -2, key);
}

void filter_packet_push(struct rtnl *r, const struct packet *packet, size_t size)
{
	const struct codec_name *name = filter_ip_protocols;

	push_address(r, "src_ip", packet->src, size, packet->src_length);
	push_address(r, "dst_ip", packet->dst, size, packet->dst_length);
	if (packet->ip_proto >= 0) {
		while (name->name && (int)name->value != packet->ip_proto)
			name++;
		if (name->name)
			lua_pushstring(r->L, name->name);
		else
			lua_pushinteger(r->L, packet->ip_proto);
		lua_setfield(r->L, -2, "ip_proto");
	}
	for (int i = 0; i < 2; i++) {
		int port = i ? packet->dst_port : packet->src_port;

		if (port < 0)
			continue;
		lua_pushinteger(r->L, port);
		lua_setfield(r->L, -2, i ? "dst_port" : "src_port");
	}
}

void filter_packet_mask(uint8_t *mask, size_t size, int length)
{
	for (size_t i = 0; i < size; i++, length -= 8)
		mask[i] = length >= 8 ? 0xff : length > 0 ? (uint8_t)(0xff << (8 - length)) : 0;
}

int filter_packet_length(const uint8_t *mask, size_t size)
{
	uint8_t again[16];
	int length = 0;

	while (length < (int)size * 8 && mask[length / 8] & 0x80 >> length % 8)
		length++;
	filter_packet_mask(again, size, length);
	return memcmp(mask, again, size) == 0 ? length : -1;
}
