/* SPDX-License-Identifier: MIT */
/*
 * listing.c - the verbs that read: list and get
 *
 * A dump is received whole, then decoded: no Lua error can jump out of half a conversation, and a dump that the kernel calls interrupted
 * is done again before anybody saw it. What a filter can be narrowed to in the kernel is left to it; the rest is compared here.
 */
#include "../lua/args.h"
#include "buffer.h"
#include "rtnl.h"
#include "tables.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <string.h>

/* `table = "all"`, which no entry has. */
static bool means_all(struct rtnl *r, const char *key, int idx)
{
	return r->object->wanted && strcmp(key, "table") == 0 && args_is(r->L, idx, "all");
}

static bool fits(struct rtnl *r, int filter, int entry, const struct codec_row *rows);
static bool value_fits(struct rtnl *r, int filter, int wanted, int listed, const struct codec_row *row);

/* Two arrays, of which each element must fit: tables of the row's fields, or values of the one row inside. */
static bool array_fits(struct rtnl *r, int wanted, int listed, const struct codec_row *row)
{
	struct codec_row element = *row->sub;
	lua_State *L = r->L;
	int top = lua_gettop(L);
	bool fit = lua_rawlen(L, wanted) == lua_rawlen(L, listed);

	element.key = row->key;
	for (lua_Integer i = 1; fit && i <= (lua_Integer)lua_rawlen(L, wanted); i++) {
		lua_rawgeti(L, wanted, i);
		lua_rawgeti(L, listed, i);
		fit = row->type == CODEC_LIST ? value_fits(r, 0, top + 1, top + 2, &element) : fits(r, top + 1, top + 2, row->sub);
		lua_settop(L, top);
	}
	return fit;
}

/* One value, which may be a table of what other rows know. */
static bool value_fits(struct rtnl *r, int filter, int wanted, int listed, const struct codec_row *row)
{
	const struct codec_choice *one;

	switch (codec_look(row)) {
	case CODEC_UNION:
		one = codec_choose(&r->codec, filter, row);
		return one && lua_istable(r->L, listed) && fits(r, wanted, listed, one->rows);
	case CODEC_MEMBER:
		return lua_istable(r->L, listed) && fits(r, wanted, listed, row->sub);
	case CODEC_LIST:
	case CODEC_NEST:
		return lua_istable(r->L, listed) && array_fits(r, wanted, listed, row);
	default:
		return codec_fits(&r->codec, row, wanted, listed);
	}
}

/* Does the table at `entry` have all that the filter has? */
static bool fits(struct rtnl *r, int filter, int entry, const struct codec_row *rows)
{
	lua_State *L = r->L;
	int key = lua_gettop(L) + 1, wanted = key + 1, listed = key + 2;
	bool fit = true;

	luaL_checkstack(L, 12, r->codec.op);
	for (lua_pushnil(L); fit && lua_next(L, filter); lua_settop(L, key)) {
		const struct codec_row *row;

		lua_pushvalue(L, key);
		lua_rawget(L, entry);
		if (lua_rawequal(L, wanted, listed))
			continue;
		row = codec_find(rows, lua_tostring(L, key));
		fit = (rows == r->object->rows && means_all(r, row->key, wanted)) || value_fits(r, filter, wanted, listed, row);
	}
	lua_settop(L, key - 1);
	return fit;
}

void rtnl_check_filter(struct rtnl *r, int filter)
{
	struct args_at at = { .op = r->codec.op, .key = "filter" };
	lua_State *L = r->L;

	args_table(L, filter, &at);
	r->codec.out->size = 0;
	codec_begin(&r->codec, r->object->get, 0, r->object->header);
	r->codec.create = true;
	r->lenient = true;
	for (lua_pushnil(L); lua_next(L, filter); lua_pop(L, 1)) {
		const struct codec_row *row;
		const char *key;
		char text[48];
		size_t n;

		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &at, "a key of type %s has no meaning here", luaL_typename(L, -2));
		key = lua_tolstring(L, -2, &n);
		row = strlen(key) == n ? codec_find(r->object->rows, key) : NULL;
		at.key = args_show(key, n, text, sizeof(text));
		if (!row)
			args_misuse(L, &at, "unknown key");
		if (row->flags & CODEC_WO || row->type == CODEC_NETNS || row->type == CODEC_NEST || row->type == CODEC_MEMBER)
			args_misuse(L, &at, "nothing can be found by it");
		if (!means_all(r, key, -1))
			codec_check(&r->codec, filter, -1, row);
	}
	r->lenient = false;
}

void rtnl_push(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct rtnl_object *o = r->object;

	lua_createtable(r->L, 0, r->codec.fields ? r->codec.fields : 16); /* mostly as many as the one before had */
	if (o->listing)
		o->listing(r, h);
	r->codec.fields = 0;
	codec_decode(&r->codec, h, o->header, o->rows);
	if (o->listed)
		o->listed(r, h);
}

void rtnl_decode(struct rtnl *r, struct nlbuf *in, int filter, int out)
{
	const struct rtnl_object *o = r->object;
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, out);

	if (o->received)
		o->received(r, in);
	for (size_t at = 0; at + NLMSG_HDRLEN <= in->size;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(in->data + at);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > in->size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_type != o->new || h->nlmsg_len < NLMSG_HDRLEN + o->header || (o->wanted && !o->wanted(r, h, filter)))
			continue;
		for (size_t i = 0; i == 0 || o->nth; i++) {
			rtnl_push(r, h);
			if (o->nth && !o->nth(r, h, i)) {
				lua_pop(L, 1);
				break;
			}
			if (filter && !fits(r, filter, lua_gettop(L), o->rows))
				lua_pop(L, 1);
			else
				lua_rawseti(L, out, ++n);
		}
	}
}

/* Ask once (`direct`: for one) in the family r->family and decode the answer onto the array at `out`. */
static void ask(struct rtnl *r, int filter, int out)
{
	const struct rtnl_object *o = r->object;
	struct nlbuf *request = r->codec.out, *in = nlbuf_push(r->L);
	struct nlerror error;
	bool direct;
	int code;

	request->size = 0;
	codec_begin(&r->codec, o->get, 0, o->header);
	*(uint8_t *)codec_header(&r->codec) = (uint8_t)r->family;
	direct = filter && o->direct && o->direct(r, filter);
	if (!direct && o->ask)
		o->ask(r, filter);
	codec_finish(&r->codec);
	if (direct)
		code = nlsock_talk(r->sock, (struct nlmsghdr *)request->data, in, &error);
	else
		code = nlsock_dump(r->sock, (struct nlmsghdr *)request->data, in, &error);
	/* ENODEV: the link that was asked for; ENOENT: a routing table that nobody has used yet */
	if (code < 0 && error.errnum != ENODEV && error.errnum != ENOENT)
		rtnl_refuse(r, &error, NULL, NULL);
	if (code == 0)
		rtnl_decode(r, in, filter, out);
	lua_pop(r->L, 1);
}

/* The family that the filter names, or that of the address in its key; AF_UNSPEC where neither says. */
static int family_in(struct rtnl *r, int filter)
{
	const char *name = rtnl_field(r, filter, "family"), *address = rtnl_field(r, filter, r->object->key);
	enum codec_type look = codec_look(codec_find(r->object->rows, r->object->key));

	for (const struct codec_name *family = codec_families; name && family->name; family++)
		if (strcmp(family->name, name) == 0)
			return (int)family->value;
	if (!address || (look != CODEC_ADDR && look != CODEC_PREFIX))
		return AF_UNSPEC;
	return strchr(address, ':') ? AF_INET6 : strchr(address, '.') ? AF_INET : AF_UNSPEC;
}

void rtnl_list(struct rtnl *r, int filter)
{
	static const int any[] = { AF_UNSPEC, -1 };
	int out, only = AF_UNSPEC;

	if (filter) {
		rtnl_check_filter(r, filter);
		only = family_in(r, filter);
	}
	lua_newtable(r->L);
	out = lua_gettop(r->L);
	for (const int *family = r->object->families ? r->object->families : any; *family >= 0; family++) {
		r->family = *family == AF_UNSPEC ? only : *family;
		if (only == AF_UNSPEC || r->family == only)
			ask(r, filter, out);
	}
}

void rtnl_get(struct rtnl *r, int filter)
{
	rtnl_list(r, filter);
	lua_rawgeti(r->L, -1, 1);
	lua_remove(r->L, -2);
}
