/* SPDX-License-Identifier: MIT */
/* rows.c - questions about rows: which one a key means, whether two values are the same, what there is for the documentation */
#include "codec.h"

#include "../lua/args.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

const struct codec_row *codec_find(const struct codec_row *rows, const char *key)
{
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		const struct codec_row *inner = row->type == CODEC_INLINE ? codec_find(row->sub, key) : NULL;

		if (inner)
			return inner;
		if (row->key && row->key[0] == key[0] && strcmp(row->key, key) == 0)
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

lua_Integer codec_number(lua_State *L, const struct codec_row *row, int idx)
{
	for (const struct codec_name *name = row->names; name && name->name && lua_type(L, idx) == LUA_TSTRING; name++)
		if (strcmp(name->name, lua_tostring(L, idx)) == 0)
			return name->value;
	return lua_isinteger(L, idx) ? lua_tointeger(L, idx) : -1;
}

enum codec_type codec_look(const struct codec_row *row)
{
	return row->type == CODEC_CUSTOM ? row->as : row->type;
}

bool codec_fits(struct codec *c, const struct codec_row *row, int a, int b)
{
	struct args_at at = { .op = c->op, .key = row->key };
	lua_State *L = c->L;
	char left[INET6_ADDRSTRLEN + 8], right[INET6_ADDRSTRLEN + 8];
	enum codec_type look = codec_look(row);
	bool same;

	a = lua_absindex(L, a);
	b = lua_absindex(L, b);
	if (lua_rawequal(L, a, b))
		return true;
	if (lua_isnil(L, b)) /* what is usual may not be listed */
		return (row->flags & CODEC_QUIET) && (lua_isboolean(L, a) ? lua_toboolean(L, a) : codec_number(L, row, a)) == row->usual;
	if (look == CODEC_BITS) {
		uint32_t bits = codec_bits(c, a, row);

		return (codec_bits(c, b, row) & bits) == bits;
	}
	if (row->names)
		return codec_number(L, row, a) == codec_number(L, row, b) && codec_number(L, row, a) >= 0;
	switch (look) {
	case CODEC_TIME:
		if (lua_type(L, b) == LUA_TSTRING || args_is(L, a, "forever"))
			return false;
		return args_duration(L, a, &at) == lua_tonumber(L, b);
	case CODEC_ADDR:
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

/* One place in a message: the attributes `attrs`, which begin at `base`, and what is looked for. */
struct place {
	struct codec_span attrs;
	size_t base;
	uint32_t offset;
	struct codec_path *path;
};

static bool key_at(struct place at, const struct codec_row *rows);

/* Look inside an attribute that begins at `begin`, behind `skip` bytes of it. `key`, if not NULL, is said before what is found. */
static bool key_inside(struct place at, const struct nlattr *a, size_t begin, size_t skip, const struct codec_row *rows, const char *key)
{
	size_t length = at.path->length;

	if (a->nla_len <= skip || at.offset < begin + skip || !rows)
		return false;
	if (key)
		at.path->length += (size_t)snprintf(at.path->text + length, sizeof(at.path->text) - length, "%s.", key);
	at.attrs = (struct codec_span){ (const char *)a + skip, a->nla_len - skip };
	at.base = begin + skip;
	if (key_at(at, rows))
		return true;
	at.path->length = length;
	return false;
}

/* The union's rows by the value that its key has in the attributes around it. */
static const struct codec_choice *choice_in(struct codec_span attrs, const struct codec_row *row, const struct codec_row *rows)
{
	const struct codec_row *by = codec_find(rows, row->by);
	struct codec_span kind = codec_inner(attrs, by ? by->attr : 0);

	for (const struct codec_choice *one = row->choices; kind.data && one->name; one++)
		if (strnlen(kind.data, kind.size) == strlen(one->name) && memcmp(kind.data, one->name, strlen(one->name)) == 0)
			return one;
	return NULL;
}

static bool key_of(struct place at, const struct nlattr *a, size_t begin, const struct codec_row *row, const struct codec_row *rows)
{
	const struct codec_choice *one;

	if (row->type == CODEC_INLINE)
		return key_inside(at, a, begin, NLA_HDRLEN, row->sub, NULL);
	if (row->type == CODEC_UNION) {
		one = choice_in(at.attrs, row, rows);
		if (one && (key_inside(at, a, begin, NLA_HDRLEN, one->rows, row->key) ||
			    key_inside(at, a, begin, NLA_HDRLEN, one->outer, NULL)))
			return true;
	}
	if (row->type == CODEC_NEST && key_inside(at, a, begin, NLA_HDRLEN + NLMSG_ALIGN(row->header), row->sub, row->key))
		return true;
	snprintf(at.path->text + at.path->length, sizeof(at.path->text) - at.path->length, "%s", row->key);
	return true;
}

static bool key_at(struct place at, const struct codec_row *rows)
{
	const struct nlattr *a;

	for (struct codec_span rest = at.attrs; (a = codec_next(&rest));) {
		size_t begin = at.base + (size_t)((const char *)a - at.attrs.data);

		if (at.offset < begin || at.offset >= begin + a->nla_len)
			continue;
		for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
			uint16_t type = a->nla_type & NLA_TYPE_MASK;

			if ((row->attr == type || (row->attr6 && row->attr6 == type)) && key_of(at, a, begin, row, rows))
				return true;
		}
		return false;
	}
	return false;
}

const char *codec_key_at(const struct nlmsghdr *message, size_t header, const struct codec_row *rows, uint32_t offset,
			 struct codec_path *path)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);
	struct place at = { .base = skip, .offset = offset, .path = path };

	*path = (struct codec_path){ .length = 0 };
	if (offset < NLMSG_HDRLEN || message->nlmsg_len <= skip)
		return NULL;
	at.attrs = (struct codec_span){ (const char *)message + skip, message->nlmsg_len - skip };
	if (offset >= skip)
		return key_at(at, rows) ? path->text : NULL;
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++)
		if (row->attr == 0 && row->width && offset - NLMSG_HDRLEN == row->off)
			return row->key;
	return NULL;
}

static const char *const type_names[] = {
	[CODEC_U8] = "u8", [CODEC_U16] = "u16", [CODEC_U32] = "u32", [CODEC_S32] = "s32", [CODEC_U64] = "u64", [CODEC_BE16] = "be16",
	[CODEC_BE32] = "be32", [CODEC_BOOL] = "bool", [CODEC_FLAG] = "flag", [CODEC_BIT] = "bit", [CODEC_BITS] = "bits",
	[CODEC_STRING] = "string", [CODEC_IFNAME] = "ifname", [CODEC_LLADDR] = "lladdr", [CODEC_BRIDGE] = "bridge", [CODEC_ADDR] = "addr",
	[CODEC_PREFIX] = "prefix", [CODEC_LINK] = "link", [CODEC_NETNS] = "netns", [CODEC_NEST] = "nest", [CODEC_UNION] = "union",
	[CODEC_LIST] = "list", [CODEC_MEMBER] = "struct", [CODEC_TIME] = "time", [CODEC_RATE] = "rate", [CODEC_SIZE] = "size",
	[CODEC_FRACTION] = "fraction", [CODEC_HANDLE] = "handle", [CODEC_RANGE] = "range", [CODEC_KEY] = "key",
	[CODEC_ENDPOINT] = "endpoint", [CODEC_SUBNET] = "subnet", [CODEC_CUSTOM] = "custom",
};

/* The value that is not told. */
static void push_usual(lua_State *L, const struct codec_row *row)
{
	if (row->type == CODEC_BOOL || row->type == CODEC_BIT) {
		lua_pushboolean(L, row->usual != 0);
		return;
	}
	for (const struct codec_name *name = row->names; name && name->name; name++)
		if ((lua_Integer)name->value == row->usual) {
			lua_pushstring(L, name->name);
			return;
		}
	lua_pushinteger(L, row->usual);
}

static void schema_rows(lua_State *L, const struct codec_row *rows, lua_Integer *n)
{
	static const struct codec_name flags[] = { { "ro", CODEC_RO }, { "create", CODEC_CREATE }, { "wo", CODEC_WO }, { "state", CODEC_STATE }, { NULL, 0 } };
	static const struct codec_row none[] = { { .type = CODEC_END } };

	luaL_checkstack(L, 8, "schema");
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		if (row->type == CODEC_WORD)
			continue; /* its word is among the names of the other row */
		if (row->type == CODEC_INLINE) {
			schema_rows(L, row->sub, n);
			continue;
		}
		lua_newtable(L);
		lua_pushstring(L, row->key);
		lua_setfield(L, -2, "key");
		lua_pushstring(L, type_names[codec_look(row)]);
		lua_setfield(L, -2, "type");
		for (const struct codec_name *flag = flags; flag->name; flag++) {
			lua_pushboolean(L, !!(row->flags & flag->value));
			lua_setfield(L, -2, flag->name);
		}
		if (row->flags & CODEC_QUIET) {
			push_usual(L, row);
			lua_setfield(L, -2, "usual");
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
			if (row->type == CODEC_LIST) {
				lua_rawgeti(L, -1, 1);
				lua_remove(L, -2);
			}
			lua_setfield(L, -2, row->type == CODEC_LIST ? "element" : "fields");
		}
		if (row->choices) {
			lua_newtable(L);
			for (const struct codec_choice *one = row->choices; one->name; one++) {
				codec_push_schema(L, one->rows ? one->rows : none);
				codec_push_schema(L, one->outer ? one->outer : none);
				lua_setfield(L, -2, "outer");
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
