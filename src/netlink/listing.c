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

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

/* Does the table on top of the stack have all that the filter has? */
static bool fits(struct rtnl *r, int filter)
{
	lua_State *L = r->L;
	int entry = lua_gettop(L);
	bool fit = true;

	for (lua_pushnil(L); fit && lua_next(L, filter);) {
		const char *key = lua_tostring(L, -2);

		if (r->object->wanted && strcmp(key, "table") == 0 && lua_type(L, -1) == LUA_TSTRING &&
		    strcmp(lua_tostring(L, -1), "all") == 0) {
			lua_pop(L, 1);
			continue;
		}
		lua_pushstring(L, key);
		lua_rawget(L, entry);
		fit = codec_same(&r->codec, codec_find(r->object->rows, key), -2, -1);
		lua_pop(L, 2);
	}
	lua_settop(L, entry);
	return fit;
}

static void check_filter(struct rtnl *r, int filter)
{
	lua_State *L = r->L;
	struct args_at at = { .op = r->codec.op, .key = "filter" };

	args_table(L, filter, &at);
	for (lua_pushnil(L); lua_next(L, filter); lua_pop(L, 1)) {
		char text[48];

		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &at, "a key of type %s has no meaning here", luaL_typename(L, -2));
		if (codec_find(r->object->rows, lua_tostring(L, -2)))
			continue;
		snprintf(text, sizeof(text), "%s", lua_tostring(L, -2));
		at.key = text;
		args_misuse(L, &at, "unknown key");
	}
}

/* Decode what `in` holds onto the array at `out`. */
static void decode(struct rtnl *r, struct nlbuf *in, int filter, int out)
{
	const struct rtnl_object *o = r->object;
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, out);

	for (size_t at = 0; at + NLMSG_HDRLEN <= in->size;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(in->data + at);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > in->size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_type != o->new || h->nlmsg_len < NLMSG_HDRLEN + o->header || (o->wanted && !o->wanted(r, h, filter)))
			continue;
		lua_createtable(L, 0, 16);
		if (o->listing)
			o->listing(r, h);
		codec_decode(&r->codec, h, o->header, o->rows);
		if (o->listed)
			o->listed(r, h);
		if (filter && !fits(r, filter))
			lua_pop(L, 1);
		else
			lua_rawseti(L, out, ++n);
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
		decode(r, in, filter, out);
	lua_pop(r->L, 1);
}

void rtnl_list(struct rtnl *r, int filter)
{
	static const int any[] = { AF_UNSPEC, -1 };
	int out;

	if (filter)
		check_filter(r, filter);
	lua_newtable(r->L);
	out = lua_gettop(r->L);
	for (const int *family = r->object->families ? r->object->families : any; *family >= 0; family++) {
		r->family = *family;
		ask(r, filter, out);
	}
}

void rtnl_get(struct rtnl *r, int filter)
{
	rtnl_list(r, filter);
	lua_rawgeti(r->L, -1, 1);
	lua_remove(r->L, -2);
}
