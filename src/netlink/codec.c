/* SPDX-License-Identifier: MIT */
/* codec.c - encode: a Lua table into a netlink message, by rows (codec.h has the theory, decode.c the way back) */
#include "codec.h"

#include "../lua/error.h"
#include "buffer.h"
#include "values.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { NEST_MAX = 65535 };

/* ---- raw writing ---- */

void *values_grow(struct codec *c, size_t size)
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
	h = values_grow(c, NLMSG_HDRLEN + NLMSG_ALIGN(header));
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	c->level = c->out->size;
}

void codec_finish(struct codec *c)
{
	((struct nlmsghdr *)(c->out->data + c->start))->nlmsg_len = (uint32_t)(c->out->size - c->start);
}

void *codec_header(struct codec *c)
{
	return c->out->data + c->start + NLMSG_HDRLEN;
}

void *codec_put(struct codec *c, uint16_t attr, const void *data, size_t size)
{
	struct nlattr *a;

	if (size > NEST_MAX - NLA_HDRLEN)
		args_misuse(c->L, &(struct args_at){ .op = c->op, .key = "spec", .index = c->index },
			    "%zu bytes are more than an attribute can hold", size);
	a = values_grow(c, NLA_HDRLEN + NLA_ALIGN(size));
	a->nla_type = attr;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (data && size)
		memcpy(a + 1, data, size);
	return a + 1;
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

const struct codec_choice *codec_choose(struct codec *c, int spec, const struct codec_row *row)
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
		if (row->key && row->key[0] == key[0] && strcmp(row->key, key) == 0)
			return true;
		if (row->type == CODEC_INLINE && known(c, spec, row->sub, key))
			return true;
		if (row->type == CODEC_UNION) {
			const struct codec_choice *one = codec_choose(c, spec, row);

			if (one && one->outer && known(c, spec, one->outer, key))
				return true;
		}
	}
	return false;
}

static void no_unknown(struct codec *c, int spec, const struct codec_row *rows)
{
	lua_State *L = c->L;

	for (lua_pushnil(L); lua_next(L, spec); lua_pop(L, 1)) {
		bool is_string = lua_type(L, -2) == LUA_TSTRING;
		size_t n = 0;
		const char *key = is_string ? lua_tolstring(L, -2, &n) : NULL;
		struct args_at where;
		char text[48];

		if (is_string && strlen(key) == n && known(c, spec, rows, key))
			continue;
		if (!is_string)
			args_misuse(L, &(struct args_at){ .op = c->op, .key = c->inside ? c->inside : "spec", .index = c->index },
				    "a key of type %s has no meaning here", luaL_typename(L, -2));
		where = values_at(c, args_show(key, n, text, sizeof(text)));
		args_misuse(L, &where, "unknown key");
	}
}

/* The attributes of one nest are a level of their own: for what rows share, and for what is there already. */
struct level {
	size_t nest, level;
	struct codec_span present;
	bool differs;
};

static struct level down(struct codec *c, uint16_t attr)
{
	struct level outer = { .level = c->level, .present = c->present, .differs = c->differs };

	outer.nest = codec_nest(c, attr);
	c->level = c->out->size;
	c->present = codec_inner(c->present, attr);
	c->differs = false;
	return outer;
}

/* Close the nest, or take it back when it says nothing, or nothing new. */
static void up(struct codec *c, const struct level *outer)
{
	if (c->out->size == c->level || (c->present.data && !c->differs)) {
		c->out->size = outer->nest;
		c->differs = outer->differs;
	} else {
		codec_nest_end(c, outer->nest);
		c->differs = true;
	}
	c->level = outer->level;
	c->present = outer->present;
}

/* The fields of a table that is itself the value of `key`. */
static void put_inner(struct codec *c, int idx, const char *key, const struct codec_row *rows)
{
	const char *outer = c->inside;
	char path[sizeof(c->path)];

	snprintf(path, sizeof(path), "%s%s%s", outer ? outer : "", outer ? "." : "", key);
	c->inside = path;
	codec_fields(c, idx, rows);
	no_unknown(c, idx, rows);
	c->inside = outer;
}

/* A struct has no members that are not there. */
static void need_all(struct codec *c, int idx, const struct codec_row *row)
{
	for (const struct codec_row *member = row->sub; member->type != CODEC_END; member++) {
		lua_pushstring(c->L, member->key);
		if (lua_rawget(c->L, idx) == LUA_TNIL) {
			struct args_at where = values_at(c, row->key);

			args_misuse(c->L, &where, "needs a '%s'", member->key);
		}
		lua_pop(c->L, 1);
	}
}

/* A table of its own: attributes in a nest, perhaps behind a header; or the members of a struct. */
static void put_table(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	size_t start = c->start;
	struct level level;

	args_table(c->L, idx, &where);
	if (row->type == CODEC_MEMBER) {
		need_all(c, idx, row);
		codec_put(c, row->attr, NULL, row->size);
		c->start = c->out->size - NLA_ALIGN(row->size) - NLMSG_HDRLEN;
		put_inner(c, idx, row->key, row->sub);
		c->start = start;
		return;
	}
	level = down(c, row->attr);
	if (row->header) {
		/* A message within the message: codec_header() finds the inner header behind c->start. */
		c->start = c->out->size - NLMSG_HDRLEN;
		values_grow(c, NLMSG_ALIGN(row->header));
		c->level = c->out->size;
	}
	put_inner(c, idx, row->key, row->sub);
	c->start = start;
	codec_nest_end(c, level.nest);
	c->level = level.level;
	c->present = level.present;
	c->differs = true;
}

/* Complete the nest with what is there and was not written. */
static void say_again(struct codec *c)
{
	struct codec_span rest = c->present;
	const struct nlattr *a;

	while (c->differs && (a = codec_next(&rest)))
		if (!codec_written(c, a->nla_type & NLA_TYPE_MASK).data)
			codec_put(c, a->nla_type, a + 1, a->nla_len - NLA_HDRLEN);
}

static void put_union(struct codec *c, int spec, const struct codec_row *row)
{
	const struct codec_choice *one = codec_choose(c, spec, row);
	struct args_at where = values_at(c, row->key);
	lua_State *L = c->L;
	int top = lua_gettop(L), table;
	struct level level;

	lua_pushstring(L, row->key);
	table = lua_rawget(L, spec) == LUA_TNIL ? 0 : lua_gettop(L);
	if (table)
		args_table(L, table, &where);
	if (one) {
		level = down(c, row->attr);
		if (one->outer)
			codec_fields(c, spec, one->outer);
		if (one->rows && table)
			put_inner(c, table, row->key, one->rows);
		if (one->whole)
			say_again(c);
		up(c, &level);
	}
	if (table && (!one || !one->rows)) {
		lua_pushnil(L);
		if (lua_next(L, table))
			args_misuse(L, &where, "needs a '%s' that has such fields", row->by);
	}
	lua_settop(L, top);
}

static void put_value(struct codec *c, int idx, const struct codec_row *row);

/* An attribute for each element of the array. */
static void put_list(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	struct codec_row element = *row->sub;
	lua_State *L = c->L;
	lua_Integer n = args_array(L, idx, &where);
	size_t nest = codec_nest(c, row->attr);

	element.key = row->key;
	for (lua_Integer i = 1; i <= n; i++) {
		if (!row->sub->attr)
			element.attr = (uint16_t)i;
		lua_rawgeti(L, idx, i);
		put_value(c, lua_gettop(L), &element);
		lua_pop(L, 1);
	}
	codec_nest_end(c, nest);
}

static void put_value(struct codec *c, int idx, const struct codec_row *row)
{
	switch (row->type) {
	case CODEC_NEST:
	case CODEC_MEMBER:
		put_table(c, idx, row);
		break;
	case CODEC_LIST:
		put_list(c, idx, row);
		break;
	default:
		values_put(c, idx, row);
		break;
	}
	if (row->with)
		values_put_with(c, row->with);
}

struct codec_span codec_written(struct codec *c, uint16_t type)
{
	return codec_inner((struct codec_span){ c->out->data + c->level, c->out->size - c->level }, type);
}

/* Does what a row has put into the attribute that it shares say what is there already? */
static bool same_part(struct codec *c, const struct codec_row *row)
{
	struct codec_span mine = codec_written(c, row->attr), there = codec_inner(c->present, row->attr);

	if (!mine.data || there.size < row->off + row->width)
		return false;
	return !((codec_load(mine.data + row->off, row->width) ^ codec_load(there.data + row->off, row->width)) & values_mask(row));
}

/* Is the one attribute that stands at `from` there already, just so? A flag may be told as a number. */
static bool is_present(struct codec *c, const struct codec_row *row, size_t from)
{
	const struct nlattr *a = (const struct nlattr *)(c->out->data + from);
	struct codec_span there;
	size_t size;

	if (!c->present.data || row->flags & CODEC_ALWAYS || (row->with && row->with->written_only))
		return false;
	if (c->out->size < from + NLA_HDRLEN)
		return false;
	there = codec_inner(c->present, a->nla_type & NLA_TYPE_MASK);
	size = a->nla_len - NLA_HDRLEN;
	if (there.data && size == 0)
		return there.size == 0 || codec_load(there.data, there.size) != 0;
	return there.data && there.size == size && memcmp(there.data, a + 1, size) == 0;
}

/* The row's value is in the message, from `from` on. Take it out again where it is not meant for now, or nothing new. */
static void keep_or_drop(struct codec *c, const struct codec_row *row, size_t from)
{
	bool part = row->size && row->type != CODEC_MEMBER, same;

	if (row->flags & (CODEC_APART | (c->create ? CODEC_LATER : CODEC_CREATE))) {
		c->out->size = from;
		return;
	}
	same = part ? same_part(c, row) : is_present(c, row, from);
	if (same && !part)
		c->out->size = from;
	if (same || row->flags & CODEC_ALWAYS || (c->out->size == from && !part))
		return;
	if (row->flags & CODEC_FIXED && c->present.data) {
		struct args_at where = values_at(c, row->key);

		error_raise(c->L, &(struct error){ .op = c->op, .errnum = EOPNOTSUPP, .attr = where.key, .index = c->index,
			.message = "it cannot be changed once the link is made" });
	}
	c->differs = true;
}

/* Which keys a table may have, a bit for each: most rows are of none, and need no look into the table. */
static uint64_t key_bit(const char *key)
{
	return (uint64_t)1 << (((unsigned int)key[0] * 5 + (key[0] ? (unsigned int)key[1] : 0)) & 63);
}

static uint64_t keys_of(lua_State *L, int spec)
{
	uint64_t keys = 0;

	for (lua_pushnil(L); lua_next(L, spec); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING)
			keys |= key_bit(lua_tostring(L, -2));
	return keys;
}

static void put_row(struct codec *c, int spec, const struct codec_row *row, uint64_t keys)
{
	bool state = row->flags & CODEC_STATE && c->replace, after = row->flags & CODEC_AFTER && c->may_postpone, differs = c->differs;
	lua_State *L = c->L;
	size_t size = c->out->size;

	if (row->flags & CODEC_RO || (!(keys & key_bit(row->key)) && !row->preset && !(row->flags & CODEC_NEEDED)))
		return;
	c->may_miss = state || after;
	lua_pushstring(L, row->key);
	if (lua_rawget(L, spec) != LUA_TNIL) {
		put_value(c, lua_gettop(L), row);
		c->postponed |= after;
		if (state || after)
			c->out->size = size;
		else
			keep_or_drop(c, row, size);
		if (c->out->size == size && !row->size)
			c->differs = differs; /* a table that is not written makes no difference */
	} else if (row->preset && c->create) {
		values_put_integer(c, row, row->preset);
		c->differs = true;
	} else if (row->flags & CODEC_NEEDED) {
		struct args_at where = values_at(c, row->key);

		args_misuse(L, &where, "is missing");
	}
	lua_pop(L, 1);
	c->may_miss = false;
}

void codec_fields(struct codec *c, int spec, const struct codec_row *rows)
{
	uint64_t keys;

	luaL_checkstack(c->L, 8, "codec");
	keys = keys_of(c->L, spec);
	for (const struct codec_row *row = rows; row->type != CODEC_END; row++) {
		struct level level;

		if (row->type == CODEC_INLINE) {
			level = down(c, row->attr);
			codec_fields(c, spec, row->sub);
			up(c, &level);
		} else if (row->type == CODEC_UNION) {
			put_union(c, spec, row);
		} else {
			put_row(c, spec, row, keys);
		}
	}
}

void codec_encode(struct codec *c, int spec, const struct codec_row *rows)
{
	spec = lua_absindex(c->L, spec);
	c->inside = NULL;
	codec_fields(c, spec, rows);
	no_unknown(c, spec, rows);
}

/* An array of tables of the row's fields. */
static void check_tables(struct codec *c, int idx, const struct codec_row *row)
{
	struct args_at where = values_at(c, row->key);
	lua_Integer n = args_array(c->L, idx, &where);

	if (n == 0)
		args_misuse(c->L, &where, "is empty");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(c->L, idx, i);
		args_table(c->L, -1, &where);
		put_inner(c, lua_gettop(c->L), row->key, row->sub);
		lua_pop(c->L, 1);
	}
}

void codec_check(struct codec *c, int spec, int idx, const struct codec_row *row)
{
	const struct codec before = *c;
	struct codec_row look = *row;
	size_t size = c->out->size;

	luaL_checkstack(c->L, 8, "codec");
	idx = lua_absindex(c->L, idx);
	look.type = codec_look(row);
	c->family = AF_UNSPEC;
	if (look.type == CODEC_UNION)
		put_union(c, spec, row);
	else if (look.type == CODEC_NEST && row->type == CODEC_CUSTOM)
		check_tables(c, idx, row);
	else
		put_value(c, idx, &look);
	*c = before;
	c->out->size = size;
}
