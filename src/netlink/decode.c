/* SPDX-License-Identifier: MIT */
/*
 * decode.c - a netlink message into a Lua table, by the rows that wrote it (codec.h has the theory)
 *
 * Lengths are checked before anything is read; an attribute that is too short, or that no row knows, is passed over.
 */
#include "codec.h"

#include <arpa/inet.h>
#include <endian.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static const size_t widths[] = {
	[CODEC_U8] = 1, [CODEC_U16] = 2, [CODEC_U32] = 4, [CODEC_S32] = 4, [CODEC_U64] = 8, [CODEC_BE16] = 2, [CODEC_BE32] = 4,
	[CODEC_BOOL] = 1, [CODEC_BIT] = 4, [CODEC_BITS] = 4, [CODEC_LINK] = 4, [CODEC_UNION] = 0,
};

static lua_Integer read_integer(const struct codec_row *row, const void *data, size_t size)
{
	uint64_t raw = 0;

	memcpy(&raw, data, size < sizeof(raw) ? size : sizeof(raw));
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
		if ((lua_Integer)name->value == value) {
			lua_pushstring(L, name->name);
			return;
		}
	lua_pushinteger(L, value);
}

static void push_bits(lua_State *L, const struct codec_row *row, uint32_t value)
{
	lua_Integer n = 0;

	lua_newtable(L);
	for (const struct codec_name *name = row->names; name->name; name++)
		if (value & name->value) {
			lua_pushstring(L, name->name);
			lua_rawseti(L, -2, ++n);
		}
}

static void push_lladdr(lua_State *L, const uint8_t *data, size_t size)
{
	char text[3 * 32 + 1];
	size_t n = 0;

	for (size_t i = 0; i < size && i < 32; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%02x", i ? ":" : "", data[i]);
	lua_pushlstring(L, text, n);
}

void codec_push_address(struct codec *c, const void *data, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (size == 4 || size == 16)
		lua_pushstring(c->L, inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof(text)));
	else
		lua_pushnil(c->L);
}

static void push_prefix(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t length = *((const uint8_t *)header + row->off);

	if ((size != 4 && size != 16) || !inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof(text)))
		lua_pushnil(c->L);
	else if ((row->flags & CODEC_HOST) && length == size * 8)
		lua_pushstring(c->L, text);
	else
		lua_pushfstring(c->L, "%s/%d", text, (int)length);
}

static void push_members(struct codec *c, const struct codec_row *row, const void *data, size_t size)
{
	lua_State *L = c->L;

	lua_newtable(L);
	for (const struct codec_row *member = row->sub; member->type != CODEC_END; member++) {
		if (member->off + member->width > size)
			continue;
		push_number(L, member, read_integer(member, (const char *)data + member->off, member->width));
		lua_setfield(L, -2, member->key);
	}
}

/* Set the field of one row from `size` bytes at `data` in the table on top of the stack. */
static void set_field(struct codec *c, const struct codec_row *row, const void *data, size_t size, const void *header)
{
	lua_State *L = c->L;
	lua_Integer value;

	if (row->flags & CODEC_WO || (row->type <= CODEC_LINK && widths[row->type] && row->attr && size < widths[row->type]))
		return;
	switch (row->type) {
	case CODEC_U8:
	case CODEC_U16:
	case CODEC_U32:
	case CODEC_S32:
	case CODEC_U64:
	case CODEC_BE16:
	case CODEC_BE32:
		value = read_integer(row, data, row->attr ? widths[row->type] : size);
		if (value == 0 && (row->flags & CODEC_QUIET))
			return;
		push_number(L, row, value);
		break;
	case CODEC_BOOL:
		if (*(const uint8_t *)data == 0 && (row->flags & CODEC_QUIET))
			return;
		lua_pushboolean(L, *(const uint8_t *)data != 0);
		break;
	case CODEC_FLAG:
		lua_pushboolean(L, 1);
		break;
	case CODEC_BIT: {
		bool on;

		value = read_integer(&(struct codec_row){ .type = CODEC_U32 }, data, size < 4 ? size : 4);
		on = !!(value & row->mask) != !!(row->flags & CODEC_INVERT);
		if (!on && (row->flags & CODEC_QUIET))
			return;
		lua_pushboolean(L, on);
		break;
	}
	case CODEC_BITS:
		push_bits(L, row, (uint32_t)read_integer(row, data, size < 4 ? size : 4));
		break;
	case CODEC_STRING:
	case CODEC_IFNAME:
		lua_pushlstring(L, data, strnlen(data, size));
		break;
	case CODEC_LLADDR:
		if (size == 0)
			return;
		push_lladdr(L, data, size);
		break;
	case CODEC_ADDR:
		codec_push_address(c, data, size);
		break;
	case CODEC_PREFIX:
		push_prefix(c, row, data, size, header);
		break;
	case CODEC_LINK:
		value = read_integer(&(struct codec_row){ .type = CODEC_U32 }, data, 4);
		if (value == 0 && (row->flags & CODEC_QUIET))
			return;
		c->push_ifname(c, (uint32_t)value);
		break;
	case CODEC_NEST:
		if (size < row->header)
			return;
		lua_newtable(L);
		codec_decode_attrs(c, (const char *)data + NLMSG_ALIGN(row->header), size - NLMSG_ALIGN(row->header), data, row->sub);
		break;
	case CODEC_MEMBER:
		push_members(c, row, data, size);
		break;
	case CODEC_END:
	case CODEC_NETNS:
	case CODEC_INLINE:
	case CODEC_UNION:
	case CODEC_CUSTOM:
		return;
	}
	lua_setfield(L, -2, row->key);
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
		if (strcmp(one->name, kind) != 0 || one->inside)
			continue;
		lua_newtable(L);
		codec_decode_attrs(c, data, size, NULL, one->rows);
		lua_setfield(L, -2, row->key);
	}
}

static void set_attr(struct codec *c, uint16_t type, const void *data, size_t size, const void *header, const struct codec_row *rows)
{
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (row->attr != type)
			continue;
		if (row->type == CODEC_INLINE)
			codec_decode_attrs(c, data, size, header, row->sub);
		else if (row->type == CODEC_UNION)
			set_union(c, row, data, size);
		else
			set_field(c, row, data, size, header);
	}
}

void codec_decode_attrs(struct codec *c, const void *attrs, size_t size, const void *header, const struct codec_row *rows)
{
	const char *from = attrs;

	luaL_checkstack(c->L, 8, "codec");
	while (size >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)from;
		size_t step = NLA_ALIGN((size_t)a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > size)
			return;
		set_attr(c, a->nla_type & NLA_TYPE_MASK, from + NLA_HDRLEN, a->nla_len - NLA_HDRLEN, header, rows);
		if (step >= size)
			return;
		from += step;
		size -= step;
	}
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

/* ---- questions about rows ---- */

const struct codec_row *codec_find(const struct codec_row *rows, const char *key)
{
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		const struct codec_row *inner = row->type == CODEC_INLINE ? codec_find(row->sub, key) : NULL;

		if (inner)
			return inner;
		if (row->key && strcmp(row->key, key) == 0)
			return row;
	}
	return NULL;
}

/* An address or prefix in the one way in which it is listed; `bare` leaves the length out. */
static bool canonical(const char *text, bool bare, char out[static INET6_ADDRSTRLEN + 8])
{
	char address[INET6_ADDRSTRLEN + 8];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint8_t raw[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = 0;
	if (inet_pton(family, address, raw) != 1)
		return false;
	inet_ntop(family, raw, out, INET6_ADDRSTRLEN);
	if (!bare)
		snprintf(out + strlen(out), 8, "/%s", slash ? slash + 1 : family == AF_INET ? "32" : "128");
	return true;
}

static lua_Integer number_of(lua_State *L, const struct codec_row *row, int idx)
{
	for (const struct codec_name *name = row->names; name && name->name && lua_type(L, idx) == LUA_TSTRING; name++)
		if (strcmp(name->name, lua_tostring(L, idx)) == 0)
			return name->value;
	return lua_isinteger(L, idx) ? lua_tointeger(L, idx) : -1;
}

bool codec_same(struct codec *c, const struct codec_row *row, int a, int b)
{
	lua_State *L = c->L;
	char left[INET6_ADDRSTRLEN + 8], right[INET6_ADDRSTRLEN + 8];
	bool same;

	a = lua_absindex(L, a);
	b = lua_absindex(L, b);
	if (lua_rawequal(L, a, b))
		return true;
	if (row->names)
		return number_of(L, row, a) == number_of(L, row, b) && number_of(L, row, a) >= 0;
	switch (row->type) {
	case CODEC_ADDR:
	case CODEC_CUSTOM:
	case CODEC_PREFIX: {
		const char *x = lua_tostring(L, a), *y = lua_tostring(L, b);
		bool bare = !(row->flags & CODEC_HOST) && x && !strchr(x, '/');

		return x && y && canonical(x, bare, left) && canonical(y, bare, right) && strcmp(left, right) == 0;
	}
	case CODEC_LLADDR:
		return lua_isstring(L, a) && lua_isstring(L, b) && strcasecmp(lua_tostring(L, a), lua_tostring(L, b)) == 0;
	case CODEC_LINK:
		if (!lua_isinteger(L, a))
			return false;
		c->push_ifname(c, (uint32_t)lua_tointeger(L, a));
		same = lua_rawequal(L, -1, b);
		lua_pop(L, 1);
		return same;
	default:
		return false;
	}
}

static const char *key_at(const char *attrs, size_t size, size_t base, const struct codec_row *rows, uint32_t offset)
{
	size_t from = 0;

	while (size - from >= NLA_HDRLEN && size >= from) {
		const struct nlattr *a = (const struct nlattr *)(attrs + from);
		size_t begin = base + from, length = a->nla_len;

		if (length < NLA_HDRLEN || length > size - from)
			return NULL;
		if (offset >= begin && offset < begin + length) {
			for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
				if (row->attr != (a->nla_type & NLA_TYPE_MASK))
					continue;
				if (row->sub && offset >= begin + NLA_HDRLEN) {
					size_t skip = NLA_HDRLEN + NLMSG_ALIGN(row->header);
					const char *inner = length > skip ? key_at(attrs + from + skip, length - skip, begin + skip, row->sub, offset)
									  : NULL;

					if (inner)
						return inner;
				}
				return row->key;
			}
			return NULL;
		}
		from += NLA_ALIGN(length);
		if (from >= size)
			return NULL;
	}
	return NULL;
}

const char *codec_key_at(const struct nlmsghdr *message, size_t header, const struct codec_row *rows, uint32_t offset)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	if (offset < NLMSG_HDRLEN || message->nlmsg_len <= skip)
		return NULL;
	if (offset >= skip)
		return key_at((const char *)message + skip, message->nlmsg_len - skip, skip, rows, offset);
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++)
		if (row->attr == 0 && row->width && offset - NLMSG_HDRLEN == row->off)
			return row->key;
	return NULL;
}

static const char *const type_names[] = {
	[CODEC_U8] = "u8", [CODEC_U16] = "u16", [CODEC_U32] = "u32", [CODEC_S32] = "s32", [CODEC_U64] = "u64", [CODEC_BE16] = "be16",
	[CODEC_BE32] = "be32", [CODEC_BOOL] = "bool", [CODEC_FLAG] = "flag", [CODEC_BIT] = "bit", [CODEC_BITS] = "bits",
	[CODEC_STRING] = "string", [CODEC_IFNAME] = "ifname", [CODEC_LLADDR] = "lladdr", [CODEC_ADDR] = "addr",
	[CODEC_PREFIX] = "prefix", [CODEC_LINK] = "link", [CODEC_NETNS] = "netns", [CODEC_NEST] = "nest", [CODEC_UNION] = "union",
	[CODEC_MEMBER] = "struct", [CODEC_CUSTOM] = "custom",
};

static void schema_rows(lua_State *L, const struct codec_row *rows, lua_Integer *n)
{
	static const struct codec_name flags[] = { { "ro", CODEC_RO }, { "create", CODEC_CREATE }, { "wo", CODEC_WO }, { NULL, 0 } };

	luaL_checkstack(L, 8, "schema");
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (row->type == CODEC_INLINE) {
			schema_rows(L, row->sub, n);
			continue;
		}
		lua_newtable(L);
		lua_pushstring(L, row->key);
		lua_setfield(L, -2, "key");
		lua_pushstring(L, type_names[row->type]);
		lua_setfield(L, -2, "type");
		for (const struct codec_name *flag = flags; flag->name; flag++) {
			lua_pushboolean(L, !!(row->flags & flag->value));
			lua_setfield(L, -2, flag->name);
		}
		if (row->min || row->max) {
			lua_pushinteger(L, row->min);
			lua_setfield(L, -2, "min");
			lua_pushinteger(L, row->max);
			lua_setfield(L, -2, "max");
		}
		if (row->names) {
			lua_Integer count = 0;

			lua_newtable(L);
			for (const struct codec_name *name = row->names; name->name; name++) {
				lua_pushstring(L, name->name);
				lua_rawseti(L, -2, ++count);
			}
			lua_setfield(L, -2, "names");
		}
		if (row->sub) {
			codec_push_schema(L, row->sub);
			lua_setfield(L, -2, "fields");
		}
		if (row->choices) {
			lua_newtable(L);
			for (const struct codec_choice *one = row->choices; one->name; one++) {
				codec_push_schema(L, one->rows);
				lua_pushboolean(L, one->inside);
				lua_setfield(L, -2, "inside");
				lua_setfield(L, -2, one->name);
			}
			lua_setfield(L, -2, "choices");
		}
		lua_rawseti(L, -2, ++*n);
	}
}

void codec_push_schema(lua_State *L, const struct codec_row *rows)
{
	lua_Integer n = 0;

	lua_newtable(L);
	schema_rows(L, rows, &n);
}
