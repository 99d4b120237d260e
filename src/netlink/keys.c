/* SPDX-License-Identifier: MIT */
/*
 * keys.c - values of tunnels that are more than a number or an address (include/uapi/linux/wireguard.h)
 *
 * A key is 32 bytes, in base 64 as wg(8) prints it. An endpoint is an address and a port, "10.0.0.1:51820" or "[fd00::1]:51820". A network
 * is a nest of family, address and length here, and "10.0.0.0/8" for users.
 */
#include "keys.h"
#include "values.h"

#include <arpa/inet.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 32, KEY_TEXT = 44 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 44 characters, of which the last is "=" and the one before has no bits to spare. */
static bool read_key(const char *text, size_t n, uint8_t key[static KEY_SIZE])
{
	uint32_t bits = 0;
	size_t size = 0;

	if (n != KEY_TEXT || text[n - 1] != '=')
		return false;
	for (size_t i = 0; i < KEY_TEXT; i++) {
		const char *digit = i == KEY_TEXT - 1 ? digits : memchr(digits, text[i], 64);

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		for (size_t k = 0; i % 4 == 3 && k < 3 && size < KEY_SIZE; k++)
			key[size++] = (uint8_t)(bits >> (16 - 8 * k));
	}
	return (bits & 0xff) == 0;
}

static void push_key(lua_State *L, const uint8_t key[static KEY_SIZE])
{
	char text[KEY_TEXT];

	for (size_t i = 0; i < KEY_SIZE; i += 3) {
		uint32_t bits = (uint32_t)key[i] << 16 | (uint32_t)key[i + 1] << 8 | (i + 2 < KEY_SIZE ? key[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			text[i / 3 * 4 + k] = digits[bits >> (18 - 6 * k) & 63];
	}
	text[KEY_TEXT - 1] = '=';
	lua_pushlstring(L, text, sizeof(text));
}

/* The size of the address that is read into *to; 0 when the text is none. */
static size_t read_endpoint(const char *text, struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	*to = (struct sockaddr_storage){ 0 };
	if (!colon || n >= sizeof(host) || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return 0;
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || port < 1 || port > UINT16_MAX)
		return 0;
	memcpy(host, text, n);
	host[n] = '\0';
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1 ? sizeof(*in6) : 0;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? sizeof(*in) : 0;
}

static void put_subnet(struct codec *c, int idx, const struct codec_row *row)
{
	int others = c->family, length = 0;
	uint8_t address[16], bits;
	uint16_t family;
	size_t size, nest;

	c->family = AF_UNSPEC; /* each has its own */
	size = codec_address(c, idx, row->key, address, &length);
	family = (uint16_t)c->family;
	bits = (uint8_t)length;
	c->family = others;
	nest = codec_nest(c, row->attr);
	codec_put(c, WGALLOWEDIP_A_FAMILY, &family, sizeof(family));
	codec_put(c, WGALLOWEDIP_A_IPADDR, address, size);
	codec_put(c, WGALLOWEDIP_A_CIDR_MASK, &bits, sizeof(bits));
	codec_nest_end(c, nest);
}

void keys_put(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	struct sockaddr_storage endpoint;
	uint8_t key[KEY_SIZE];
	const char *text;
	size_t n;

	if (row->type == CODEC_SUBNET) {
		put_subnet(c, idx, row);
		return;
	}
	text = args_string(c->L, idx, &where, &n);
	if (row->type == CODEC_KEY) {
		if (!read_key(text, n, key)) /* and is not shown: it may be one with a typing error */
			args_misuse(c->L, &where, "a key is 32 bytes in base 64: 44 characters, of which the last is '='");
		codec_put(c, row->attr, key, sizeof(key));
	} else {
		n = read_endpoint(text, &endpoint);
		if (n == 0)
			args_misuse(c->L, &where, "'%.60s' is no address with a port: \"10.0.0.1:51820\", \"[fd00::1]:51820\"", text);
		codec_put(c, row->attr, &endpoint, n);
	}
}

static bool push_endpoint(lua_State *L, const void *data, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (size == sizeof(in)) {
		memcpy(&in, data, sizeof(in));
		lua_pushfstring(L, "%s:%d", inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host)), (int)ntohs(in.sin_port));
	} else if (size == sizeof(in6)) {
		memcpy(&in6, data, sizeof(in6));
		lua_pushfstring(L, "[%s]:%d", inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host)), (int)ntohs(in6.sin6_port));
	} else {
		return false;
	}
	return true;
}

static bool push_subnet(struct codec *c, struct codec_span attrs)
{
	struct codec_span address = codec_inner(attrs, WGALLOWEDIP_A_IPADDR), bits = codec_inner(attrs, WGALLOWEDIP_A_CIDR_MASK);

	if ((address.size != 4 && address.size != 16) || bits.size < 1)
		return false;
	codec_push_prefix(c, address.data, address.size, (uint8_t)bits.data[0]);
	return true;
}

bool keys_push(struct codec *c, const struct codec_row *row, const void *data, size_t size)
{
	static const uint8_t none[KEY_SIZE];

	if (row->type == CODEC_SUBNET)
		return push_subnet(c, (struct codec_span){ data, size });
	if (row->type == CODEC_ENDPOINT)
		return push_endpoint(c->L, data, size);
	if (size != KEY_SIZE || memcmp(data, none, KEY_SIZE) == 0)
		return false;
	push_key(c->L, data);
	return true;
}
