/* SPDX-License-Identifier: MIT */
/* codec.c - encode: a Lua table into a netlink message, by rows (codec.h has the theory, decode.c the way back) */
#include "codec.h"

#include "../lua/args.h"
#include "buffer.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LLADDR_MAX = 32, NEST_MAX = 65535 };

static struct args_at at(struct codec *c, const char *key)
{
	if (c->inside) {
		snprintf(c->path, sizeof(c->path), "%s.%s", c->inside, key);
		key = c->path;
	}
	return (struct args_at){ .op = c->op, .key = key, .index = c->index };
}

/* ---- raw writing ---- */

static void *grow(struct codec *c, size_t size)
{
	void *to;

	nlbuf_need(c->L, c->out, size);
	to = c->out->data + c->out->size;
	memset(to, 0, size);
	c->out->size += size;
	return to;
}

void codec_begin(struct codec *c, uint16_t type, uint16_t flags, size_t header)
{
	struct nlmsghdr *h;

	c->start = c->out->size;
	h = grow(c, NLMSG_HDRLEN + NLMSG_ALIGN(header));
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
}

void codec_finish(struct codec *c)
{
	((struct nlmsghdr *)(c->out->data + c->start))->nlmsg_len = (uint32_t)(c->out->size - c->start);
}

void *codec_header(struct codec *c)
{
	return c->out->data + c->start + NLMSG_HDRLEN;
}

void codec_put(struct codec *c, uint16_t attr, const void *data, size_t size)
{
	struct nlattr *a = grow(c, NLA_HDRLEN + NLA_ALIGN(size));

	a->nla_type = attr;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (size)
		memcpy((char *)a + NLA_HDRLEN, data, size);
}

size_t codec_nest(struct codec *c, uint16_t attr)
{
	size_t nest = c->out->size;

	codec_put(c, attr | NLA_F_NESTED, NULL, 0);
	return nest;
}

void codec_nest_end(struct codec *c, size_t nest)
{
	size_t size = c->out->size - nest;

	if (size > NEST_MAX)
		args_misuse(c->L, &(struct args_at){ .op = c->op, .key = "spec", .index = c->index },
			    "%zu bytes of attributes are more than a netlink message can nest", size);
	((struct nlattr *)(c->out->data + nest))->nla_len = (uint16_t)size;
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
	struct args_at where = at(c, row->key);

	if (row->min || row->max) {
		min = row->min;
		max = row->max;
	}
	if (row->names && lua_type(c->L, idx) == LUA_TSTRING) {
		const char *s = args_string(c->L, idx, &where, NULL);
		char known[160] = "";
		size_t n = 0;

		for (const struct codec_name *name = row->names; name->name; name++) {
			if (strcmp(name->name, s) == 0)
				return name->value;
			if (n < sizeof(known))
				n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", name->name);
		}
		args_misuse(c->L, &where, "'%.40s' is none of %s", s, known);
	}
	return args_integer(c->L, idx, &where, min, max);
}

static void put_integer(struct codec *c, const struct codec_row *row, lua_Integer value)
{
	size_t size = widths[row->type].size;
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v = { 0 };

	if (row->type == CODEC_BE16)
		v.u16 = htobe16((uint16_t)value);
	else if (row->type == CODEC_BE32)
		v.u32 = htobe32((uint32_t)value);
	else if (size == 1)
		v.u8 = (uint8_t)value;
	else if (size == 2)
		v.u16 = (uint16_t)value;
	else if (size == 4)
		v.u32 = (uint32_t)value;
	else
		v.u64 = (uint64_t)value;
	if (row->attr)
		codec_put(c, row->attr, &v, size);
	else
		memcpy((char *)codec_header(c) + row->off, &v, row->width < size ? row->width : size);
}

static void put_bit(struct codec *c, const struct codec_row *row, bool on)
{
	char *header = codec_header(c);
	uint32_t flags = 0, change;

	memcpy(&flags, header + row->off, row->width);
	flags = on != !!(row->flags & CODEC_INVERT) ? flags | row->mask : flags & ~row->mask;
	memcpy(header + row->off, &flags, row->width);
	if (!row->change)
		return;
	memcpy(&change, header + row->change, sizeof(change));
	change |= row->mask;
	memcpy(header + row->change, &change, sizeof(change));
}

static uint32_t bits(struct codec *c, int idx, const struct codec_row *row)
{
	struct codec_row one = { .key = row->key, .type = CODEC_U32, .names = row->names };
	uint32_t all = 0;

	if (lua_type(c->L, idx) != LUA_TTABLE)
		return (uint32_t)number(c, idx, &one);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(c->L, idx); i <= n; i++) {
		lua_rawgeti(c->L, idx, i);
		all |= (uint32_t)number(c, -1, &one);
		lua_pop(c->L, 1);
	}
	return all;
}

static size_t lladdr(struct codec *c, int idx, const char *key, uint8_t *to)
{
	struct args_at where = at(c, key);
	const char *s = args_string(c->L, idx, &where, NULL), *p = s;
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
	args_misuse(c->L, &where, "'%.40s' is no link-layer address like \"02:00:00:00:00:01\"", s);
	return 0;
}

size_t codec_address(struct codec *c, int idx, const char *key, uint8_t *to, int *prefix)
{
	struct args_at where = at(c, key);
	size_t n;
	const char *s = args_string(c->L, idx, &where, &n), *slash = prefix ? strchr(s, '/') : NULL;
	int family = memchr(s, ':', n) ? AF_INET6 : AF_INET;
	size_t size = family == AF_INET ? 4 : 16, bare = slash ? (size_t)(slash - s) : n;
	char text[INET6_ADDRSTRLEN + 1];

	if (bare >= sizeof(text))
		args_misuse(c->L, &where, "'%.40s' is no address", s);
	memcpy(text, s, bare);
	text[bare] = 0;
	if (inet_pton(family, text, to) != 1)
		args_misuse(c->L, &where, "'%.60s' is no IPv4 or IPv6 %s", s, prefix ? "prefix" : "address");
	if (c->family != AF_UNSPEC && c->family != family)
		args_misuse(c->L, &where, "'%.60s' is not of the family %s that the rest has", s, c->family == AF_INET ? "inet" : "inet6");
	c->family = family;
	if (prefix) {
		*prefix = (int)size * 8;
		if (slash) {
			char *end = NULL;
			long length = strspn(slash + 1, "0123456789") ? strtol(slash + 1, &end, 10) : -1;

			if (length < 0 || length > *prefix || *end)
				args_misuse(c->L, &where, "'%.60s': the prefix length is 0 to %d", s, *prefix);
			*prefix = (int)length;
		}
	}
	return size;
}

uint32_t codec_ifindex(struct codec *c, int idx, const char *key)
{
	struct args_at where = at(c, key);

	if (lua_type(c->L, idx) == LUA_TNUMBER)
		return (uint32_t)args_integer(c->L, idx, &where, 0, INT32_MAX);
	return c->ifindex(c, args_ifname(c->L, idx, &where), where.key);
}

static void put_u32(struct codec *c, const struct codec_row *row, uint32_t value)
{
	put_integer(c, &(struct codec_row){ .type = CODEC_U32, .attr = row->attr, .off = row->off, .width = row->width }, value);
}

static void put_prefix(struct codec *c, int idx, const struct codec_row *row)
{
	uint8_t address[16], length;
	int prefix = 0;
	size_t size;

	if ((row->flags & CODEC_HOST) && lua_type(c->L, idx) == LUA_TSTRING && strcmp(lua_tostring(c->L, idx), "default") == 0)
		return;
	size = codec_address(c, idx, row->key, address, &prefix);
	length = (uint8_t)prefix;
	memcpy((char *)codec_header(c) + row->off, &length, 1);
	if (prefix > 0 || !(row->flags & CODEC_HOST))
		codec_put(c, row->attr, address, size);
}

static void put_string(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = at(c, row->key);
	size_t n;
	const char *s = row->type == CODEC_IFNAME ? args_ifname(c->L, idx, &where) : args_string(c->L, idx, &where, &n);

	n = strlen(s);
	if (row->max && n > (size_t)row->max)
		args_misuse(c->L, &where, "%zu characters; at most %lld are allowed", n, (long long)row->max);
	codec_put(c, row->attr, s, n + 1);
}

/* The rows that the value of the union's key selects, NULL for a value that has none. */
static const struct codec_choice *choice(struct codec *c, int spec, const struct codec_row *row)
{
	const struct codec_choice *found = NULL;

	lua_pushstring(c->L, row->by);
	if (lua_rawget(c->L, spec) == LUA_TSTRING)
		for (const struct codec_choice *one = row->choices; one->name && !found; one++)
			if (strcmp(one->name, lua_tostring(c->L, -1)) == 0)
				found = one;
	lua_pop(c->L, 1);
	return found;
}

/* Does a row know this key of the table at `spec`? */
static bool known(struct codec *c, int spec, const struct codec_row *rows, const char *key)
{
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (row->key && strcmp(row->key, key) == 0)
			return true;
		if (row->type == CODEC_INLINE && known(c, spec, row->sub, key))
			return true;
		if (row->type == CODEC_UNION) {
			const struct codec_choice *one = choice(c, spec, row);

			if (one && one->inside && known(c, spec, one->rows, key))
				return true;
		}
	}
	return false;
}

static void no_unknown(struct codec *c, int spec, const struct codec_row *rows)
{
	lua_State *L = c->L;

	for (lua_pushnil(L); lua_next(L, spec); lua_pop(L, 1)) {
		struct args_at where = at(c, lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "spec");

		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &where, "a key of type %s has no meaning here", luaL_typename(L, -2));
		if (!known(c, spec, rows, lua_tostring(L, -2)))
			args_misuse(L, &where, "unknown key");
	}
}

static void put_nest(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = at(c, row->key);
	size_t nest, start = c->start;

	args_table(c->L, idx, &where);
	idx = lua_absindex(c->L, idx);
	nest = codec_nest(c, row->attr);
	if (row->header) {
		/* A message within the message: codec_header() finds the inner header behind c->start. */
		c->start = c->out->size - NLMSG_HDRLEN;
		grow(c, NLMSG_ALIGN(row->header));
	}
	c->inside = row->key;
	codec_fields(c, idx, row->sub);
	no_unknown(c, idx, row->sub);
	c->inside = NULL;
	c->start = start;
	codec_nest_end(c, nest);
}

/* Close a nest, or take it back when nothing was put into it. */
static void nest_end_or_drop(struct codec *c, size_t nest)
{
	if (c->out->size == nest + NLA_HDRLEN)
		c->out->size = nest;
	else
		codec_nest_end(c, nest);
}

static void put_union(struct codec *c, int spec, const struct codec_row *row)
{
	const struct codec_choice *one = choice(c, spec, row);
	struct args_at where = at(c, row->key);
	lua_State *L = c->L;
	int top = lua_gettop(L), table;
	size_t nest;

	lua_pushstring(L, row->key);
	table = lua_rawget(L, spec) == LUA_TNIL ? 0 : lua_gettop(L);
	if (table)
		args_table(L, table, &where);
	if (one && one->inside && c->create) {
		nest = codec_nest(c, row->attr);
		codec_fields(c, spec, one->rows);
		nest_end_or_drop(c, nest);
	} else if (one && !one->inside && table) {
		nest = codec_nest(c, row->attr);
		c->inside = row->key;
		codec_fields(c, table, one->rows);
		no_unknown(c, table, one->rows);
		c->inside = NULL;
		nest_end_or_drop(c, nest);
	}
	if (table && (!one || one->inside)) {
		lua_pushnil(L);
		if (lua_next(L, table))
			args_misuse(L, &where, "needs a '%s' that has such fields", row->by);
	}
	lua_settop(L, top);
}

static void put_value(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = at(c, row->key);
	uint8_t bytes[LLADDR_MAX];
	size_t size;

	switch (row->type) {
	case CODEC_U8:
	case CODEC_U16:
	case CODEC_U32:
	case CODEC_S32:
	case CODEC_U64:
	case CODEC_BE16:
	case CODEC_BE32:
		put_integer(c, row, number(c, idx, row));
		break;
	case CODEC_BOOL:
		bytes[0] = args_boolean(c->L, idx, &where);
		codec_put(c, row->attr, bytes, 1);
		break;
	case CODEC_FLAG:
		if (args_boolean(c->L, idx, &where))
			codec_put(c, row->attr, NULL, 0);
		break;
	case CODEC_BIT:
		put_bit(c, row, args_boolean(c->L, idx, &where));
		break;
	case CODEC_BITS:
		put_u32(c, row, bits(c, idx, row));
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
		size = codec_address(c, idx, row->key, bytes, NULL);
		codec_put(c, row->attr, bytes, size);
		break;
	case CODEC_PREFIX:
		put_prefix(c, idx, row);
		break;
	case CODEC_LINK:
		put_u32(c, row, codec_ifindex(c, idx, row->key));
		break;
	case CODEC_NETNS:
		put_u32(c, row, (uint32_t)c->netns_fd(c, idx, where.key));
		break;
	case CODEC_NEST:
		put_nest(c, idx, row);
		break;
	case CODEC_END:
	case CODEC_INLINE:
	case CODEC_UNION:
	case CODEC_MEMBER:
	case CODEC_CUSTOM:
		break;
	}
}

void codec_fields(struct codec *c, int spec, const struct codec_row *rows)
{
	lua_State *L = c->L;
	size_t size;

	luaL_checkstack(L, 8, "codec");
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (row->type == CODEC_INLINE) {
			size_t nest = codec_nest(c, row->attr);

			codec_fields(c, spec, row->sub);
			nest_end_or_drop(c, nest);
			continue;
		}
		if (row->type == CODEC_UNION) {
			put_union(c, spec, row);
			continue;
		}
		if (row->flags & CODEC_RO || (row->flags & CODEC_CREATE && !c->create))
			continue;
		size = c->out->size;
		lua_pushstring(L, row->key);
		if (lua_rawget(L, spec) != LUA_TNIL)
			put_value(c, lua_gettop(L), row);
		else if (row->preset && c->create)
			put_integer(c, row, row->preset);
		if (row->flags & CODEC_LATER && c->create)
			c->out->size = size; /* it was checked, which is all for now */
		lua_pop(L, 1);
	}
}

void codec_encode(struct codec *c, int spec, const struct codec_row *rows)
{
	spec = lua_absindex(c->L, spec);
	c->inside = NULL;
	codec_fields(c, spec, rows);
	no_unknown(c, spec, rows);
}
