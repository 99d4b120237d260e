/* SPDX-License-Identifier: MIT */
/*
 * filter_kinds.c - what each kind of traffic filter looks for (tc-u32(8), tc-flower(8), tc-fw(8), include/uapi/linux/pkt_cls.h)
 *
 * u32 and flower are asked in the same words for addresses, protocol and ports. Of u32 these are words of the packet, at places that hold for
 * headers without options; what it looks for elsewhere is `match`.
 */
#include "filter.h"
#include "filter_packet.h"
#include "units.h"

#include "../lua/args.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 64 };

static const struct codec_row match_rows[] = {
	{ .key = "at", .type = CODEC_S32 },
	{ .key = "value", .type = CODEC_U32 },
	{ .key = "mask", .type = CODEC_U32 },
	{ .type = CODEC_END },
};

#define KEY(name, look) { .key = name, .type = CODEC_CUSTOM, .as = CODEC_##look }
#define ACTIONS { .key = "actions", .type = CODEC_CUSTOM, .as = CODEC_NEST, .sub = filter_action_rows }
#define END { .type = CODEC_END }

static const struct codec_row common_keys[] = { KEY("classid", HANDLE), ACTIONS, END };
static const struct codec_row fw_keys[] = { KEY("classid", HANDLE), ACTIONS, KEY("mask", U32), END };
static const struct codec_row packet_keys[] = {
	KEY("classid", HANDLE), ACTIONS, KEY("src_ip", PREFIX), KEY("dst_ip", PREFIX),
	{ .key = "ip_proto", .type = CODEC_CUSTOM, .as = CODEC_U8, .names = filter_ip_protocols },
	{ .key = "src_port", .type = CODEC_CUSTOM, .as = CODEC_U32, .max = 65535 },
	{ .key = "dst_port", .type = CODEC_CUSTOM, .as = CODEC_U32, .max = 65535 },
	END,
};
static const struct codec_row u32_keys[] = {
	KEY("classid", HANDLE), ACTIONS, KEY("src_ip", PREFIX), KEY("dst_ip", PREFIX),
	{ .key = "ip_proto", .type = CODEC_CUSTOM, .as = CODEC_U8, .names = filter_ip_protocols },
	{ .key = "src_port", .type = CODEC_CUSTOM, .as = CODEC_U32, .max = 65535 },
	{ .key = "dst_port", .type = CODEC_CUSTOM, .as = CODEC_U32, .max = 65535 },
	{ .key = "match", .type = CODEC_CUSTOM, .as = CODEC_NEST, .sub = match_rows },
	END,
};

const struct codec_choice filter_choices[] = {
	{ "basic", common_keys, NULL, false }, { "flower", packet_keys, NULL, false }, { "fw", fw_keys, NULL, false },
	{ "matchall", common_keys, NULL, false }, { "u32", u32_keys, NULL, false }, { NULL, NULL, NULL, false },
};

/* ---- what several kinds have ---- */

static void put_class(struct rtnl *r, int data, uint16_t attr)
{
	struct args_at where = filter_at(r, "data.classid");
	int idx = filter_push(r, data, "classid");
	uint32_t classid;

	if (!idx)
		return;
	classid = units_handle(r->L, idx, &where);
	lua_pop(r->L, 1);
	codec_put(&r->codec, attr, &classid, sizeof(classid));
}

static void push_class(struct rtnl *r, struct codec_span options, uint16_t attr)
{
	struct codec_span found = codec_inner(options, attr);

	if (found.size < sizeof(uint32_t) || codec_load(found.data, sizeof(uint32_t)) == 0)
		return;
	units_push_handle(r->L, (uint32_t)codec_load(found.data, sizeof(uint32_t)));
	lua_setfield(r->L, -2, "classid");
}

/* ---- u32 ---- */

struct places {
	int proto, proto_shift, src, dst, ports;
	size_t address;
};

static const struct places ipv4 = { 8, 16, 12, 16, 20, 4 }, ipv6 = { 4, 8, 8, 24, 40, 16 };

/* The keys as the kernel has them. */
struct keys {
	struct tc_u32_sel sel;
	struct tc_u32_key key[KEYS_MAX];
};

static void add_key(struct rtnl *r, struct keys *keys, int at, uint32_t value, uint32_t mask)
{
	struct args_at where = filter_at(r, "data.match");

	if (mask == 0)
		return;
	if (keys->sel.nkeys == KEYS_MAX)
		args_misuse(r->L, &where, "more than %d words are looked at", KEYS_MAX);
	keys->key[keys->sel.nkeys++] = (struct tc_u32_key){ .off = at, .val = htonl(value & mask), .mask = htonl(mask) };
}

static void add_address(struct rtnl *r, struct keys *keys, int at, const uint8_t *address, size_t size, int length)
{
	uint8_t mask[16];

	if (length < 0)
		return;
	filter_packet_mask(mask, size, length);
	for (size_t i = 0; i < size; i += 4) {
		uint32_t value, bits;

		memcpy(&value, address + i, sizeof(value));
		memcpy(&bits, mask + i, sizeof(bits));
		add_key(r, keys, at + (int)i, ntohl(value), ntohl(bits));
	}
}

static lua_Integer field(struct rtnl *r, int table, const char *key, const char *path)
{
	struct args_at where = filter_at(r, path);
	int idx = filter_push(r, table, key);
	lua_Integer value = idx ? lua_tointeger(r->L, idx) : 0;

	if (!idx)
		args_misuse(r->L, &where, "is missing");
	lua_pop(r->L, 1);
	return value;
}

static void add_matches(struct rtnl *r, int data, struct keys *keys)
{
	int array = filter_push(r, data, "match");

	if (!array)
		return;
	codec_check(&r->codec, data, array, codec_find(u32_keys, "match"));
	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(r->L, array); i++) {
		lua_rawgeti(r->L, array, i);
		add_key(r, keys, (int)field(r, array + 1, "at", "data.match.at"), (uint32_t)field(r, array + 1, "value", "data.match.value"),
			(uint32_t)field(r, array + 1, "mask", "data.match.mask"));
		lua_pop(r->L, 1);
	}
	lua_pop(r->L, 1);
}

static void put_u32(struct rtnl *r, int data, uint16_t protocol)
{
	struct packet packet = filter_packet_read(r, data);
	const struct places *places = protocol == ETH_P_IPV6 ? &ipv6 : &ipv4;
	struct keys keys = { .sel = { .flags = TC_U32_TERMINAL } };
	uint32_t ports = 0, mask = 0;

	luaL_checkstack(r->L, 12, r->codec.op);
	filter_packet_check(r, &packet, protocol);
	add_address(r, &keys, places->src, packet.src, places->address, packet.src_length);
	add_address(r, &keys, places->dst, packet.dst, places->address, packet.dst_length);
	if (packet.ip_proto >= 0)
		add_key(r, &keys, places->proto, (uint32_t)packet.ip_proto << places->proto_shift, 0xffU << places->proto_shift);
	if (packet.src_port >= 0) {
		ports |= (uint32_t)packet.src_port << 16;
		mask |= 0xffff0000;
	}
	if (packet.dst_port >= 0) {
		ports |= (uint32_t)packet.dst_port;
		mask |= 0xffff;
	}
	add_key(r, &keys, places->ports, ports, mask);
	add_matches(r, data, &keys);
	put_class(r, data, TCA_U32_CLASSID);
	codec_put(&r->codec, TCA_U32_SEL, &keys, sizeof(keys.sel) + keys.sel.nkeys * sizeof(*keys.key));
	filter_put_actions(r, data, codec_find(u32_keys, "actions"), TCA_U32_ACT);
}

/* Take the words of an address out of the keys (their masks become 0); its length, or -1 where they are none. */
static int take_address(struct tc_u32_key *keys, size_t n, int at, size_t size, uint8_t *address)
{
	uint8_t mask[16] = { 0 };
	int length;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			if (keys[i].offmask || keys[i].off < at || keys[i].off >= at + (int)size || keys[i].off % 4)
				continue;
			memcpy(address + (keys[i].off - at), &keys[i].val, 4);
			memcpy(mask + (keys[i].off - at), &keys[i].mask, 4);
			if (pass)
				keys[i].mask = 0;
		}
		length = filter_packet_length(mask, size);
		if (length <= 0)
			return -1;
	}
	return length;
}

/* Take the bits `mask` at a place; -1 where a key does not look at just these. */
static int take_bits(struct tc_u32_key *keys, size_t n, int at, uint32_t mask, bool among)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = ntohl(keys[i].mask);

		if (keys[i].offmask || keys[i].off != at || (among ? (bits & mask) != mask : bits != mask))
			continue;
		keys[i].mask = htonl(bits & ~mask);
		return (int)((ntohl(keys[i].val) & mask) >> __builtin_ctz(mask));
	}
	return -1;
}

static void push_matches(struct rtnl *r, const struct tc_u32_key *keys, size_t n)
{
	lua_State *L = r->L;
	lua_Integer count = 0;

	lua_newtable(L);
	for (size_t i = 0; i < n; i++) {
		if (keys[i].mask == 0)
			continue;
		lua_createtable(L, 0, 3);
		lua_pushinteger(L, keys[i].off);
		lua_setfield(L, -2, "at");
		lua_pushinteger(L, ntohl(keys[i].val & keys[i].mask));
		lua_setfield(L, -2, "value");
		lua_pushinteger(L, ntohl(keys[i].mask));
		lua_setfield(L, -2, "mask");
		lua_rawseti(L, -2, ++count);
	}
	if (count)
		lua_setfield(L, -2, "match");
	else
		lua_pop(L, 1);
}

static void push_u32(struct rtnl *r, struct codec_span options, uint16_t protocol)
{
	struct codec_span found = codec_inner(options, TCA_U32_SEL);
	const struct places *places = protocol == ETH_P_IPV6 ? &ipv6 : &ipv4;
	struct packet packet = { .src_length = -1, .dst_length = -1, .ip_proto = -1, .src_port = -1, .dst_port = -1 };
	struct keys keys = { .sel = { 0 } };
	size_t n;

	push_class(r, options, TCA_U32_CLASSID);
	filter_push_actions(r, codec_inner(options, TCA_U32_ACT));
	if (found.size < sizeof(keys.sel))
		return;
	memcpy(&keys, found.data, found.size < sizeof(keys) ? found.size : sizeof(keys));
	n = keys.sel.nkeys;
	if (n > KEYS_MAX || sizeof(keys.sel) + n * sizeof(*keys.key) > found.size)
		return;
	if (protocol == ETH_P_IP || protocol == ETH_P_IPV6) {
		packet.src_length = take_address(keys.key, n, places->src, places->address, packet.src);
		packet.dst_length = take_address(keys.key, n, places->dst, places->address, packet.dst);
		packet.ip_proto = take_bits(keys.key, n, places->proto, 0xffU << places->proto_shift, false);
		packet.src_port = take_bits(keys.key, n, places->ports, 0xffff0000, true);
		packet.dst_port = take_bits(keys.key, n, places->ports, 0xffff, true);
	}
	filter_packet_push(r, &packet, places->address);
	push_matches(r, keys.key, n);
}

/* ---- flower ---- */

static void put_masked(struct rtnl *r, uint16_t attr, const uint8_t *address, size_t size, int length)
{
	uint8_t mask[16];

	if (length < 0)
		return;
	filter_packet_mask(mask, size, length);
	codec_put(&r->codec, attr, address, size);
	codec_put(&r->codec, attr + 1, mask, size); /* as they are numbered */
}

static void put_port(struct rtnl *r, int ip_proto, int port, uint16_t tcp, uint16_t udp, uint16_t sctp)
{
	struct args_at where = filter_at(r, "data.ip_proto");
	uint16_t wire = htons((uint16_t)port);

	if (port < 0)
		return;
	if (ip_proto != IPPROTO_TCP && ip_proto != IPPROTO_UDP && ip_proto != IPPROTO_SCTP)
		args_misuse(r->L, &where, "tcp, udp or sctp expected, whose ports are looked for");
	codec_put(&r->codec, ip_proto == IPPROTO_TCP ? tcp : ip_proto == IPPROTO_UDP ? udp : sctp, &wire, sizeof(wire));
}

static void put_flower(struct rtnl *r, int data, uint16_t protocol)
{
	struct packet packet = filter_packet_read(r, data);
	size_t size = protocol == ETH_P_IPV6 ? 16 : 4;
	uint8_t ip_proto = (uint8_t)packet.ip_proto;
	uint16_t type = htons(protocol);

	filter_packet_check(r, &packet, protocol);
	if (protocol != ETH_P_ALL)
		codec_put(&r->codec, TCA_FLOWER_KEY_ETH_TYPE, &type, sizeof(type));
	if (packet.ip_proto >= 0)
		codec_put(&r->codec, TCA_FLOWER_KEY_IP_PROTO, &ip_proto, sizeof(ip_proto));
	put_masked(r, size == 4 ? TCA_FLOWER_KEY_IPV4_SRC : TCA_FLOWER_KEY_IPV6_SRC, packet.src, size, packet.src_length);
	put_masked(r, size == 4 ? TCA_FLOWER_KEY_IPV4_DST : TCA_FLOWER_KEY_IPV6_DST, packet.dst, size, packet.dst_length);
	put_port(r, packet.ip_proto, packet.src_port, TCA_FLOWER_KEY_TCP_SRC, TCA_FLOWER_KEY_UDP_SRC, TCA_FLOWER_KEY_SCTP_SRC);
	put_port(r, packet.ip_proto, packet.dst_port, TCA_FLOWER_KEY_TCP_DST, TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_SCTP_DST);
	put_class(r, data, TCA_FLOWER_CLASSID);
	filter_put_actions(r, data, codec_find(packet_keys, "actions"), TCA_FLOWER_ACT);
}

static int masked(struct codec_span options, uint16_t attr, size_t size, uint8_t *address)
{
	struct codec_span found = codec_inner(options, attr), mask = codec_inner(options, attr + 1);

	if (found.size < size || mask.size < size)
		return -1;
	memcpy(address, found.data, size);
	return filter_packet_length((const uint8_t *)mask.data, size);
}

static int port_in(struct codec_span options, const uint16_t attrs[static 3])
{
	for (int i = 0; i < 3; i++) {
		struct codec_span found = codec_inner(options, attrs[i]);

		if (found.size >= sizeof(uint16_t))
			return ntohs((uint16_t)codec_load(found.data, sizeof(uint16_t)));
	}
	return -1;
}

static void push_flower(struct rtnl *r, struct codec_span options, uint16_t protocol)
{
	static const uint16_t src[] = { TCA_FLOWER_KEY_TCP_SRC, TCA_FLOWER_KEY_UDP_SRC, TCA_FLOWER_KEY_SCTP_SRC };
	static const uint16_t dst[] = { TCA_FLOWER_KEY_TCP_DST, TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_SCTP_DST };
	struct codec_span proto = codec_inner(options, TCA_FLOWER_KEY_IP_PROTO);
	size_t size = protocol == ETH_P_IPV6 ? 16 : 4;
	struct packet packet = { .ip_proto = proto.size ? (uint8_t)proto.data[0] : -1 };

	packet.src_length = masked(options, size == 4 ? TCA_FLOWER_KEY_IPV4_SRC : TCA_FLOWER_KEY_IPV6_SRC, size, packet.src);
	packet.dst_length = masked(options, size == 4 ? TCA_FLOWER_KEY_IPV4_DST : TCA_FLOWER_KEY_IPV6_DST, size, packet.dst);
	packet.src_port = port_in(options, src);
	packet.dst_port = port_in(options, dst);
	filter_packet_push(r, &packet, size);
	push_class(r, options, TCA_FLOWER_CLASSID);
	filter_push_actions(r, codec_inner(options, TCA_FLOWER_ACT));
}

/* ---- fw, matchall, basic ---- */

static void put_fw(struct rtnl *r, int data, uint16_t protocol)
{
	struct args_at where = filter_at(r, "data.mask");
	int idx = filter_push(r, data, "mask");
	uint32_t mask;

	(void)protocol;
	if (idx) {
		mask = (uint32_t)args_integer(r->L, idx, &where, 0, UINT32_MAX);
		lua_pop(r->L, 1);
		codec_put(&r->codec, TCA_FW_MASK, &mask, sizeof(mask));
	}
	put_class(r, data, TCA_FW_CLASSID);
	filter_put_actions(r, data, codec_find(fw_keys, "actions"), TCA_FW_ACT);
}

static void push_fw(struct rtnl *r, struct codec_span options, uint16_t protocol)
{
	struct codec_span mask = codec_inner(options, TCA_FW_MASK);

	(void)protocol;
	if (mask.size >= sizeof(uint32_t)) {
		lua_pushinteger(r->L, (lua_Integer)codec_load(mask.data, sizeof(uint32_t)));
		lua_setfield(r->L, -2, "mask");
	}
	push_class(r, options, TCA_FW_CLASSID);
	filter_push_actions(r, codec_inner(options, TCA_FW_ACT));
}

/* Those that find every packet have a class and actions, under numbers of their own. */
static void put_every(struct rtnl *r, int data, uint16_t classid, uint16_t actions)
{
	put_class(r, data, classid);
	filter_put_actions(r, data, codec_find(common_keys, "actions"), actions);
}

static void put_matchall(struct rtnl *r, int data, uint16_t protocol)
{
	(void)protocol;
	put_every(r, data, TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT);
}

static void put_basic(struct rtnl *r, int data, uint16_t protocol)
{
	(void)protocol;
	put_every(r, data, TCA_BASIC_CLASSID, TCA_BASIC_ACT);
}

static void push_every(struct rtnl *r, struct codec_span options, uint16_t classid, uint16_t actions)
{
	push_class(r, options, classid);
	filter_push_actions(r, codec_inner(options, actions));
}

static void push_matchall(struct rtnl *r, struct codec_span options, uint16_t protocol)
{
	(void)protocol;
	push_every(r, options, TCA_MATCHALL_CLASSID, TCA_MATCHALL_ACT);
}

static void push_basic(struct rtnl *r, struct codec_span options, uint16_t protocol)
{
	(void)protocol;
	push_every(r, options, TCA_BASIC_CLASSID, TCA_BASIC_ACT);
}

const struct filter_kind filter_kinds[] = {
	{ "basic", put_basic, push_basic }, { "flower", put_flower, push_flower }, { "fw", put_fw, push_fw },
	{ "matchall", put_matchall, push_matchall }, { "u32", put_u32, push_u32 }, { NULL, NULL, NULL },
};
