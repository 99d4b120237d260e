/* SPDX-License-Identifier: MIT */
/* values.c - single values into a netlink message, by rows (codec.h has the theory, codec.c does nests and tables) */
#include "values.h"

#include "keys.h"
#include "units.h"

#include <arpa/inet.h>
#include <endian.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LLADDR_MAX = 32 };

struct args_at values_at(struct codec *c, const char *key)
{
	if (c->inside) {
		snprintf(c->path, sizeof(c->path), "%s.%s", c->inside, key);
		key = c->path;
	}
	return (struct args_at){ .op = c->op, .key = key, .index = c->index };
}

/* ---- members: of the header, or of an attribute that several rows share ---- */

/* Where a row is in the attribute that it shares, which begins as it is now, or as zeros where its bits say which of them are meant. */
static char *shared(struct codec *c, const struct codec_row *row)
{
	struct codec_span found = codec_written(c, row->attr), now = codec_inner(c->present, row->attr);

	if (found.data && found.size >= row->size)
		return (char *)found.data;
	return codec_put(c, row->attr, !row->change && now.size >= row->size ? now.data : NULL, row->size);
}

static char *member(struct codec *c, const struct codec_row *row)
{
	return (row->attr ? shared(c, row) : (char *)codec_header(c)) + row->off;
}

/* ---- values ---- */

static const struct {
	size_t size;
	lua_Integer min, max;
} widths[] = {
	[CODEC_U8] = { 1, 0, UINT8_MAX },
	[CODEC_U16] = { 2, 0, UINT16_MAX },
	[CODEC_U32] = { 4, 0, UINT32_MAX },
	[CODEC_S32] = { 4, INT32_MIN, INT32_MAX },
	[CODEC_U64] = { 8, 0, LUA_MAXINTEGER },
	[CODEC_BE16] = { 2, 0, UINT16_MAX },
	[CODEC_BE32] = { 4, 0, UINT32_MAX },
};

/* A number, or one of the row's names. */
static lua_Integer number(struct codec *c, int idx, const struct codec_row *row)
{
	lua_Integer min = widths[row->type].min, max = widths[row->type].max;
	struct args_at where = values_at(c, row->key);

	if (row->min || row->max) {
		min = row->min;
		max = row->max;
	} else if (row->mask) {
		max = row->mask >> __builtin_ctz(row->mask);
	}
	if (row->names && lua_type(c->L, idx) == LUA_TSTRING) {
		const char *s = args_string(c->L, idx, &where, NULL);
		char known[160] = "", text[48];
		size_t n = 0;

		for (const struct codec_name *name = row->names; name->name; name++) {
			if (strcmp(name->name, s) == 0)
				return name->value;
			if (n < sizeof(known))
				n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", name->name);
		}
		args_misuse(c->L, &where, "'%s' is none of %s", args_show(s, strlen(s), text, sizeof(text)), known);
	}
	return args_integer(c->L, idx, &where, min, max);
}

/* A number as it stands in the message. */
static uint64_t to_wire(enum codec_type type, uint64_t value)
{
	return type == CODEC_BE16 ? htobe16((uint16_t)value) : type == CODEC_BE32 ? htobe32((uint32_t)value) : value;
}

uint64_t values_mask(const struct codec_row *row)
{
	return row->mask ? to_wire(row->type, row->mask) : UINT64_MAX;
}

/* Little and big machines have the low bytes of a number in different places. */
static void store(void *to, uint64_t value, size_t size)
{
	const union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v[] = { { .u8 = (uint8_t)value }, { .u16 = (uint16_t)value }, { .u32 = (uint32_t)value }, { .u64 = value } };

	memcpy(to, &v[size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3], size);
}

void values_put_integer(struct codec *c, const struct codec_row *row, lua_Integer value)
{
	size_t size = widths[row->type].size;
	uint64_t wire = to_wire(row->type, (uint64_t)value);
	char *to;

	if (row->attr && !row->size) {
		to = codec_put(c, row->attr, NULL, size);
	} else {
		to = member(c, row);
		size = row->width < size ? row->width : size;
	}
	if (row->mask) {
		uint64_t others = codec_load(to, size) & ~to_wire(row->type, row->mask);

		wire = others | to_wire(row->type, (uint64_t)value << __builtin_ctz(row->mask));
	}
	store(to, wire, size);
}

static void put_bits(struct codec *c, const struct codec_row *row, bool on)
{
	char *to = member(c, row);
	uint64_t bits = codec_load(to, row->width);

	store(to, on ? bits | row->mask : bits & ~(uint64_t)row->mask, row->width);
	if (row->change) {
		to += row->change - row->off;
		store(to, codec_load(to, sizeof(uint32_t)) | row->mask, sizeof(uint32_t));
	}
}

/* The value that means "written by this row, in its own way". */
static void put_word(struct codec *c, int idx, const struct codec_row *row)
{
	bool meant = args_is(c->L, idx, row->names->name);

	if (row->mask)
		put_bits(c, row, meant);
	else if (meant)
		store(codec_put(c, row->attr, NULL, row->width), 1, row->width ? row->width : 1);
}

void values_put_with(struct codec *c, const struct codec_with *with)
{
	const struct codec_row number = { .attr = with->attr, .size = with->size, .width = with->size, .mask = with->bits };

	if (with->text)
		codec_put(c, with->attr, with->text, strlen(with->text) + 1);
	else
		put_bits(c, &number, true);
}

uint32_t codec_bits(struct codec *c, int idx, const struct codec_row *row)
{
	struct codec_row one = { .key = row->key, .type = row->width == 2 ? CODEC_U16 : CODEC_U32, .names = row->names };
	struct args_at where = values_at(c, row->key);
	lua_Integer n;
	uint32_t all = 0;

	if (lua_type(c->L, idx) != LUA_TTABLE)
		return (uint32_t)number(c, idx, &one);
	n = args_array(c->L, idx, &where);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(c->L, idx, i);
		all |= (uint32_t)number(c, -1, &one);
		lua_pop(c->L, 1);
	}
	return all;
}

static size_t lladdr(struct codec *c, int idx, const char *key, uint8_t *to)
{
	struct args_at where = values_at(c, key);
	const char *s = args_string(c->L, idx, &where, NULL), *p = s;
	char text[48];
	size_t n = 0;

	while (n < LLADDR_MAX) {
		char *end;
		unsigned long byte = strspn(p, "0123456789abcdefABCDEF") ? strtoul(p, &end, 16) : 256;

		if (byte > 255 || end - p > 2)
			break;
		to[n++] = (uint8_t)byte;
		if (!*end)
			return n;
		if (*end != ':')
			break;
		p = end + 1;
	}
	args_misuse(c->L, &where, "'%s' is no link-layer address like \"02:00:00:00:00:01\"", args_show(s, strlen(s), text, sizeof(text)));
	return 0;
}

size_t codec_address(struct codec *c, int idx, const char *key, uint8_t *to, int *prefix)
{
	struct args_at where = values_at(c, key);
	size_t n;
	const char *s = args_string(c->L, idx, &where, &n), *slash = prefix ? strchr(s, '/') : NULL;
	int family = memchr(s, ':', n) ? AF_INET6 : AF_INET;
	size_t size = family == AF_INET ? 4 : 16, bare = slash ? (size_t)(slash - s) : n;
	char text[INET6_ADDRSTRLEN + 1] = "", shown[72];

	args_show(s, n, shown, sizeof(shown));
	if (bare < sizeof(text))
		memcpy(text, s, bare);
	if (inet_pton(family, text, to) != 1)
		args_misuse(c->L, &where, "'%s' is no IPv4 or IPv6 %s", shown, prefix ? "prefix" : "address");
	if (c->family != AF_UNSPEC && c->family != family)
		args_misuse(c->L, &where, "'%s' is not of the family %s that the rest has", shown, c->family == AF_INET ? "inet" : "inet6");
	c->family = family;
	if (prefix) {
		*prefix = (int)size * 8;
		if (slash) {
			char *end = NULL;
			long length = strspn(slash + 1, "0123456789") ? strtol(slash + 1, &end, 10) : -1;

			if (length < 0 || length > *prefix || *end)
				args_misuse(c->L, &where, "'%s': the prefix length is 0 to %d", shown, *prefix);
			*prefix = (int)length;
		}
	}
	return size;
}

uint32_t codec_ifindex(struct codec *c, int idx, const char *key)
{
	struct args_at where = values_at(c, key);

	if (lua_type(c->L, idx) == LUA_TNUMBER)
		return (uint32_t)args_integer(c->L, idx, &where, 0, INT32_MAX);
	return c->ifindex(c, args_ifname(c->L, idx, &where), where.key);
}

static void put_address(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	uint8_t address[16];
	int others = c->family;
	size_t size;
	bool group;

	if (row->width) /* always of one family, whatever the others are */
		c->family = AF_UNSPEC;
	size = codec_address(c, idx, row->key, address, NULL);
	if (row->width)
		c->family = others;
	group = size == 4 ? address[0] >> 4 == 14 : address[0] == 0xff;
	if (row->width && row->width != size)
		args_misuse(c->L, &where, "'%.60s' is no IPv%d address", lua_tostring(c->L, idx), row->width == 4 ? 4 : 6);
	if (row->flags & CODEC_GROUP && !group)
		args_misuse(c->L, &where, "'%.60s' is no multicast address", lua_tostring(c->L, idx));
	if (row->flags & CODEC_ONE && group)
		args_misuse(c->L, &where, "'%.60s' is a multicast address", lua_tostring(c->L, idx));
	codec_put(c, size == 16 && row->attr6 ? row->attr6 : row->attr, address, size);
}

/* An unsigned number in place of a row's own type; of two bytes where the row says so. */
static void put_number(struct codec *c, const struct codec_row *row, uint32_t value)
{
	struct codec_row number = *row;

	number.type = row->width == 2 ? CODEC_U16 : CODEC_U32;
	number.mask = 0;
	values_put_integer(c, &number, value);
}

static void check_network(struct codec *c, int idx, const struct codec_row *row, const uint8_t address[4], int prefix)
{
	struct args_at where = values_at(c, row->key);
	uint32_t bits = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
	uint32_t network = prefix == 0 ? 0 : bits & ~(uint32_t)0 << (32 - prefix);

	if (bits != network)
		args_misuse(c->L, &where, "'%.60s' has bits set behind its prefix: %u.%u.%u.%u/%d expected", lua_tostring(c->L, idx), network >> 24,
			network >> 16 & 255, network >> 8 & 255, network & 255, prefix);
}

static void put_prefix(struct codec *c, int idx, const struct codec_row *row)
{
	uint8_t address[16], length;
	int prefix = 0;
	size_t size;

	if ((row->flags & CODEC_HOST) && args_is(c->L, idx, "default"))
		return;
	size = codec_address(c, idx, row->key, address, &prefix);
	if (row->flags & CODEC_NETWORK && size == 4)
		check_network(c, idx, row, address, prefix);
	length = (uint8_t)prefix;
	memcpy((char *)codec_header(c) + row->off, &length, 1);
	if (prefix > 0 || !(row->flags & CODEC_HOST))
		codec_put(c, row->attr, address, size);
}

static void put_string(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	size_t n;
	const char *s = row->type == CODEC_STRING ? args_string(c->L, idx, &where, &n)
			: row->max                  ? args_altname(c->L, idx, &where)
						  : args_ifname(c->L, idx, &where);

	n = strlen(s);
	if (row->max && n > (size_t)row->max)
		args_misuse(c->L, &where, "%zu characters; at most %lld are allowed", n, (long long)row->max);
	codec_put(c, row->attr, s, n + 1);
}

/* What looks so is written by the object's own functions, and only checked here. */
static void check_unit(struct codec *c, int idx, const struct args_at *at, const struct codec_row *row, enum codec_type look)
{
	lua_Integer max = row->max ? row->max : UINT32_MAX;

	switch (look) {
	case CODEC_RATE:
		units_rate(c->L, idx, at);
		break;
	case CODEC_SIZE:
		units_size(c->L, idx, at);
		break;
	case CODEC_FRACTION:
		units_fraction(c->L, idx, at);
		break;
	case CODEC_HANDLE:
		units_handle(c->L, idx, at);
		break;
	case CODEC_RANGE:
		units_range(c->L, idx, at, max);
		break;
	case CODEC_U32:
		args_integer(c->L, idx, at, row->min, max);
		break;
	case CODEC_BOOL:
		args_boolean(c->L, idx, at);
		break;
	case CODEC_TIME:
		if (!args_is(c->L, idx, "forever"))
			args_time(c->L, idx, at);
		break;
	default:
		break;
	}
}

void values_put(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	uint8_t bytes[LLADDR_MAX];
	lua_Integer value;
	size_t size;

	switch (row->type) {
	case CODEC_U8:
	case CODEC_U16:
	case CODEC_U32:
	case CODEC_S32:
	case CODEC_U64:
	case CODEC_BE16:
	case CODEC_BE32:
		value = number(c, idx, row);
		if (!row->names || value != CODEC_ELSEWHERE || lua_type(c->L, idx) != LUA_TSTRING)
			values_put_integer(c, row, value);
		break;
	case CODEC_BOOL:
		bytes[0] = args_boolean(c->L, idx, &where);
		codec_put(c, row->attr, bytes, 1);
		break;
	case CODEC_FLAG:
		if (args_boolean(c->L, idx, &where))
			codec_put(c, row->attr, NULL, 0);
		break;
	case CODEC_WORD:
		put_word(c, idx, row);
		break;
	case CODEC_BIT:
		put_bits(c, row, args_boolean(c->L, idx, &where) != !!(row->flags & CODEC_INVERT));
		break;
	case CODEC_BITS:
		put_number(c, row, codec_bits(c, idx, row));
		break;
	case CODEC_STRING:
	case CODEC_IFNAME:
		put_string(c, idx, row);
		break;
	case CODEC_LLADDR:
		size = lladdr(c, idx, row->key, bytes);
		codec_put(c, row->attr, bytes, size);
		break;
	case CODEC_ADDR:
		put_address(c, idx, row);
		break;
	case CODEC_PREFIX:
		put_prefix(c, idx, row);
		break;
	case CODEC_LINK:
		put_number(c, row, codec_ifindex(c, idx, row->key));
		break;
	case CODEC_NETNS:
		put_number(c, row, (uint32_t)c->netns_fd(c, idx, where.key));
		break;
	case CODEC_KEY:
	case CODEC_ENDPOINT:
	case CODEC_SUBNET:
		keys_put(c, idx, row);
		break;
	case CODEC_TIME:
		if (!args_is(c->L, idx, "forever"))
			args_duration(c->L, idx, &where);
		break;
	case CODEC_RATE:
	case CODEC_SIZE:
	case CODEC_FRACTION:
	case CODEC_HANDLE:
	case CODEC_RANGE:
		check_unit(c, idx, &where, row, row->type);
		break;
	case CODEC_END:
	case CODEC_BRIDGE:
	case CODEC_NEST:
	case CODEC_INLINE:
	case CODEC_UNION:
	case CODEC_LIST:
	case CODEC_MEMBER:
		break;
	case CODEC_CUSTOM:
		check_unit(c, idx, &where, row, row->as);
		break;
	}
}
