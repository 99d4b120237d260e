/* SPDX-License-Identifier: MIT */
/*
 * decode.c - a netlink message into a Lua table, by the rows that wrote it (codec.h has the theory)
 *
 * Lengths are checked before anything is read; an attribute that is too short, or that no row knows, is passed over.
 */
#include "codec.h"
#include "keys.h"

#include <arpa/inet.h>
#include <endian.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static const size_t widths[] = {
	[CODEC_U8] = 1, [CODEC_U16] = 2, [CODEC_U32] = 4, [CODEC_S32] = 4, [CODEC_U64] = 8, [CODEC_BE16] = 2, [CODEC_BE32] = 4,
	[CODEC_BOOL] = 1, [CODEC_BIT] = 4, [CODEC_BITS] = 2, [CODEC_LINK] = 4, [CODEC_CUSTOM] = 0,
};

static lua_Integer read_integer(const struct codec_row *row, const void *data, size_t size)
{
	uint64_t raw = codec_load(data, size);

	if (row->type == CODEC_BE16)
		return be16toh((uint16_t)raw);
	if (row->type == CODEC_BE32)
		return be32toh((uint32_t)raw);
	if (row->type == CODEC_S32)
		return (int32_t)(uint32_t)raw;
	return (lua_Integer)raw;
}

static void push_number(lua_State *L, const struct codec_row *row, lua_Integer value)
{
	for (const struct codec_name *name = row->names; name && name->name; name++)
		if ((lua_Integer)name->value == value && value != CODEC_ELSEWHERE) {
			lua_pushstring(L, name->name);
			return;
		}
	lua_pushinteger(L, value);
}

static void push_bits(lua_State *L, const struct codec_row *row, uint32_t value)
{
	lua_Integer n = 0;

	lua_createtable(L, __builtin_popcount(value), 0);
	for (const struct codec_name *name = row->names; name->name; name++)
		if (value & name->value) {
			lua_pushstring(L, name->name);
			lua_rawseti(L, -2, ++n);
		}
}

void codec_push_lladdr(struct codec *c, const void *address, size_t size)
{
	const uint8_t *data = address;
	static const char digits[] = "0123456789abcdef";
	char text[3 * 32], *end = text;

	for (size_t i = 0; i < size && i < 32; i++) {
		if (i)
			*end++ = ':';
		*end++ = digits[data[i] >> 4];
		*end++ = digits[data[i] & 15];
	}
	lua_pushlstring(c->L, text, (size_t)(end - text));
}

/* Two bytes in base 16. */
static const char *hex4(const uint8_t *data, char text[static 5])
{
	snprintf(text, 5, "%02x%02x", data[0], data[1]);
	return text;
}

/* What stands at `to` behind the number, which has at most three digits. */
static char *put_byte(char *to, uint8_t number)
{
	if (number >= 100)
		*to++ = (char)('0' + number / 100);
	if (number >= 10)
		*to++ = (char)('0' + number / 10 % 10);
	*to++ = (char)('0' + number % 10);
	return to;
}

/* Listings are made of addresses, for which the C library's way takes as long as all else. Returns what stands behind, or NULL. */
static char *put_address(char to[static INET6_ADDRSTRLEN], const uint8_t *data, size_t size)
{
	if (size == 16)
		return inet_ntop(AF_INET6, data, to, INET6_ADDRSTRLEN) ? to + strlen(to) : NULL;
	for (size_t i = 0; i < 4 && size == 4; i++) {
		to = put_byte(to, data[i]);
		*to++ = '.';
	}
	return size == 4 ? to - 1 : NULL;
}

void codec_push_address(struct codec *c, const void *data, size_t size)
{
	char text[INET6_ADDRSTRLEN], *end = put_address(text, data, size);

	if (end)
		lua_pushlstring(c->L, text, (size_t)(end - text));
	else
		lua_pushnil(c->L);
}

void codec_push_prefix(struct codec *c, const void *data, size_t size, uint8_t length)
{
	char text[INET6_ADDRSTRLEN + sizeof("/255")], *end = put_address(text, data, size);

	if (!end) {
		lua_pushnil(c->L);
		return;
	}
	*end++ = '/';
	end = put_byte(end, length);
	lua_pushlstring(c->L, text, (size_t)(end - text));
}

static void push_prefix(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header)
{
	uint8_t length = *((const uint8_t *)header + row->off);

	if (row->flags & CODEC_HOST && length == size * 8)
		codec_push_address(c, data, size);
	else
		codec_push_prefix(c, data, size, length);
}

static bool push_address(struct codec *c, const struct codec_row *row, const uint8_t *data, size_t size)
{
	static const uint8_t any[16] = { 0 };
	bool group = size == 4 ? data[0] >> 4 == 14 : size == 16 && data[0] == 0xff;

	if (row->flags & (group ? CODEC_ONE : CODEC_GROUP))
		return false;
	if (row->flags & CODEC_QUIET && size <= sizeof(any) && memcmp(data, any, size) == 0)
		return false;
	codec_push_address(c, data, size);
	return true;
}

/* How many attributes: about as many fields will the table have. */
static int count(struct codec_span attrs)
{
	int n = 0;

	while (codec_next(&attrs))
		n++;
	return n;
}

static bool push_value(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header);

static void push_list(struct codec *c, const struct codec_row *row, struct codec_span attrs)
{
	const struct nlattr *a;
	lua_State *L = c->L;
	lua_Integer n = 0;

	lua_newtable(L);
	while ((a = codec_next(&attrs))) {
		if (row->sub->attr && (a->nla_type & NLA_TYPE_MASK) != row->sub->attr)
			continue;
		if (push_value(c, row->sub, a + 1, a->nla_len - NLA_HDRLEN, NULL))
			lua_rawseti(L, -2, ++n);
	}
}

static void push_members(struct codec *c, const struct codec_row *row, const char *data, size_t size)
{
	lua_State *L = c->L;
	int n = 0;

	while (row->sub[n].type != CODEC_END)
		n++;
	lua_createtable(L, 0, n);
	for (const struct codec_row *member = row->sub; member->type != CODEC_END; member++)
		if (member->off + member->width <= size && push_value(c, member, data + member->off, member->width, data))
			lua_setfield(L, -2, member->key);
}

/* Push the value of one row from `size` bytes at `data`; false when there is nothing to show. */
static bool push_value(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header)
{
	lua_State *L = c->L;
	char priority[5];
	lua_Integer value;
	bool on;

	if (row->flags & CODEC_WO)
		return false;
	if (row->size && row->type != CODEC_MEMBER) {
		if (size < row->off + row->width)
			return false;
		data = (const char *)data + row->off;
		size = row->width;
	} else if (row->attr && size < widths[row->type]) {
		return false;
	}
	switch (row->type) {
	case CODEC_U8:
	case CODEC_U16:
	case CODEC_U32:
	case CODEC_S32:
	case CODEC_U64:
	case CODEC_BE16:
	case CODEC_BE32:
		value = read_integer(row, data, size < widths[row->type] ? size : widths[row->type]);
		if (row->mask)
			value = (value & row->mask) >> __builtin_ctz(row->mask);
		if (value == row->usual && (row->flags & CODEC_QUIET))
			return false;
		push_number(L, row, value);
		return true;
	case CODEC_BOOL:
		if (!!*(const uint8_t *)data == row->usual && (row->flags & CODEC_QUIET))
			return false;
		lua_pushboolean(L, *(const uint8_t *)data != 0);
		return true;
	case CODEC_FLAG:
		lua_pushboolean(L, 1);
		return true;
	case CODEC_WORD:
		value = size ? (lua_Integer)codec_load(data, size) : 1;
		if (row->mask ? !(value & row->mask) : !value)
			return false;
		lua_pushstring(L, row->names->name);
		return true;
	case CODEC_BIT:
		value = (lua_Integer)codec_load(data, size);
		on = !!(value & row->mask) != !!(row->flags & CODEC_INVERT);
		if (!on && (row->flags & CODEC_QUIET))
			return false;
		lua_pushboolean(L, on);
		return true;
	case CODEC_BITS:
		value = (lua_Integer)codec_load(data, size < 4 ? size : 4);
		if (value == 0 && (row->flags & CODEC_QUIET))
			return false;
		push_bits(L, row, (uint32_t)value);
		return true;
	case CODEC_STRING:
	case CODEC_IFNAME:
		lua_pushlstring(L, data, strnlen(data, size));
		return true;
	case CODEC_LLADDR:
		if (size == 0)
			return false;
		codec_push_lladdr(c, data, size);
		return true;
	case CODEC_BRIDGE:
		if (size < 8)
			return false;
		codec_push_lladdr(c, (const uint8_t *)data + 2, 6);
		lua_pushfstring(L, "%s.%s", hex4(data, priority), lua_tostring(L, -1));
		lua_remove(L, -2);
		return true;
	case CODEC_ADDR:
		return push_address(c, row, data, size);
	case CODEC_PREFIX:
		push_prefix(c, row, data, size, header);
		return true;
	case CODEC_LINK:
		value = (lua_Integer)codec_load(data, 4);
		if (value == 0 && (row->flags & CODEC_QUIET))
			return false;
		if (c->elsewhere && row->flags & CODEC_LOWER)
			lua_pushinteger(L, value);
		else
			c->push_ifname(c, (uint32_t)value);
		return true;
	case CODEC_NEST:
		if (size < row->header)
			return false;
		lua_createtable(L, 0, count((struct codec_span){ (const char *)data + NLMSG_ALIGN(row->header), size - NLMSG_ALIGN(row->header) }));
		codec_decode_attrs(c, (const char *)data + NLMSG_ALIGN(row->header), size - NLMSG_ALIGN(row->header), data, row->sub);
		return true;
	case CODEC_KEY:
	case CODEC_ENDPOINT:
	case CODEC_SUBNET:
		return keys_push(c, row, data, size);
	case CODEC_LIST:
		push_list(c, row, (struct codec_span){ data, size });
		return true;
	case CODEC_MEMBER:
		push_members(c, row, data, size);
		return true;
	case CODEC_END:
	case CODEC_NETNS:
	case CODEC_INLINE:
	case CODEC_UNION:
	case CODEC_TIME:
	case CODEC_RATE:
	case CODEC_SIZE:
	case CODEC_FRACTION:
	case CODEC_HANDLE:
	case CODEC_RANGE:
	case CODEC_CUSTOM:
		break;
	}
	return false;
}

static void set_field(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header)
{
	if (push_value(c, row, data, size, header)) {
		lua_setfield(c->L, -2, row->key);
		c->fields++;
	}
}

static void set_off(struct codec *c, struct codec_span attrs, const struct codec_row *rows)
{
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (!(row->flags & CODEC_OFF) || codec_inner(attrs, row->attr).data)
			continue;
		lua_pushboolean(c->L, 0);
		lua_setfield(c->L, -2, row->key);
	}
}

/* The union's rows by the value that its key has got from an earlier attribute. */
static void set_union(struct codec *c, const struct codec_row *row, const void *data, size_t size)
{
	lua_State *L = c->L;
	const char *kind;

	lua_getfield(L, -1, row->by);
	kind = lua_tostring(L, -1);
	lua_pop(L, 1);
	for (const struct codec_choice *one = row->choices; kind && one->name; one++) {
		if (strcmp(one->name, kind) != 0 || !one->rows)
			continue;
		lua_createtable(L, 0, count((struct codec_span){ data, size }));
		codec_decode_attrs(c, data, size, NULL, one->rows);
		set_off(c, (struct codec_span){ data, size }, one->rows);
		lua_setfield(L, -2, row->key);
	}
}

/* Does the attribute that goes with a row say that the row counts? */
static bool goes_with(const struct codec_with *with, struct codec_span siblings)
{
	struct codec_span found;

	if (with->written_only)
		return true;
	found = codec_inner(siblings, with->attr);
	if (!found.data)
		return false;
	if (with->text)
		return strnlen(found.data, found.size) == strlen(with->text) && memcmp(found.data, with->text, strlen(with->text)) == 0;
	return codec_load(found.data, found.size) & with->bits;
}

static void set_attr(struct codec *c, const struct nlattr *a, struct codec_span siblings, const void *header, const struct codec_row *rows)
{
	uint16_t type = a->nla_type & NLA_TYPE_MASK;
	size_t size = a->nla_len - NLA_HDRLEN;

	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (!row->attr || !type || (row->attr != type && row->attr6 != type)) /* 0: a member of the header; of no row */
			continue;
		if (row->with && !goes_with(row->with, siblings))
			continue;
		if (row->type == CODEC_INLINE)
			codec_decode_attrs(c, a + 1, size, header, row->sub);
		else if (row->type == CODEC_UNION)
			set_union(c, row, a + 1, size);
		else
			set_field(c, row, a + 1, size, header);
	}
}

void codec_decode_attrs(struct codec *c, const void *attrs, size_t size, const void *header, const struct codec_row *rows)
{
	const struct codec_span all = { attrs, size };
	const struct nlattr *a;

	luaL_checkstack(c->L, 8, "codec");
	for (struct codec_span rest = all; (a = codec_next(&rest));)
		set_attr(c, a, all, header, rows);
}

void codec_decode(struct codec *c, const struct nlmsghdr *message, size_t header, const struct codec_row *rows)
{
	const char *fixed = mnl_nlmsg_get_payload(message);
	size_t size = message->nlmsg_len - NLMSG_HDRLEN;

	if (size < header)
		return;
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++)
		if (row->attr == 0 && row->width && row->off + row->width <= header)
			set_field(c, row, fixed + row->off, row->width, fixed);
	if (size > NLMSG_ALIGN(header))
		codec_decode_attrs(c, fixed + NLMSG_ALIGN(header), size - NLMSG_ALIGN(header), fixed, rows);
}
