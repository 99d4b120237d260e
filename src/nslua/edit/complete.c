/* SPDX-License-Identifier: MIT */
/*
 * complete.c - the names that could stand at the cursor, as the Lua state has them
 *
 * Looking must change nothing and run nobody's code. So tables are read raw, and of metatables only those whose __index is a table are
 * followed. A type that computes its fields may say in its metatable which there are, and that it may be asked (src/lua/handle.h).
 *
 * In a string the names of links are offered: those of the namespace that is named before it, else of the one we are in.
 */
#include "complete.h"

#include "../../lua/handle.h"
#include "../../namespace/ns.h"
#include "../../netlink/buffer.h"
#include "scan.h"

#include <lauxlib.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* How far a chain of __index is followed: it may be a circle. */
enum { DEPTH = 16 };

/* The stack of complete() */
enum { REQUEST = 1, TEXT, FOUND, BASE = FOUND };

struct look {
	const char *text;
	struct scan at;
	const char *prefix; /* what is typed */
	size_t typed;
};

/* Push a field of the metatable of the value on top, raw; false and nothing if it has none. */
static bool meta_field(lua_State *L, const char *name)
{
	if (!lua_getmetatable(L, -1))
		return false;
	lua_pushstring(L, name);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

/* Push the methods that the value on top declares. */
static bool declared_methods(lua_State *L)
{
	if (!meta_field(L, HANDLE_METHODS))
		return false;
	if (lua_iscfunction(L, -1)) {
		lua_pushvalue(L, -2);
		lua_call(L, 1, 1);
	}
	if (lua_istable(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

/* Replace the key on top by the value that the table under it has, raw; nil if there is none or it is no table. */
static void raw_field(lua_State *L)
{
	if (lua_istable(L, -2)) {
		lua_rawget(L, -2);
	} else {
		lua_pop(L, 1);
		lua_pushnil(L);
	}
}

/* Go from the value on top to what it inherits from; false if that is nothing, or code. */
static bool inherit(lua_State *L)
{
	if (!meta_field(L, "__index"))
		return false;
	lua_replace(L, -2);
	return lua_istable(L, -1);
}

/* Is the name at `key` one of the table on top, or of what that inherits from? Pops the table. */
static bool is_among(lua_State *L, int key)
{
	for (int i = 0; i < DEPTH && lua_istable(L, -1); i++) {
		lua_pushvalue(L, key);
		raw_field(L);
		if (!lua_isnil(L, -1)) {
			lua_pop(L, 2);
			return true;
		}
		lua_pop(L, 1);
		if (!inherit(L))
			break;
	}
	lua_pop(L, 1);
	return false;
}

/* Push the namespace that the value on top is, if it is open, or stands for (src/namespace/ns.h) and may be asked; else false. */
static bool push_namespace(lua_State *L)
{
	const struct ns *ns;

	lua_pushvalue(L, -1);
	if (!luaL_testudata(L, -1, NS_TYPE) && meta_field(L, HANDLE_FIELDS)) {
		lua_pop(L, 1);
		if (meta_field(L, "__netns")) {
			lua_insert(L, -2);
			if (lua_pcall(L, 1, 1, 0) != LUA_OK) { /* it does not stand for one now */
				lua_pop(L, 1);
				return false;
			}
		}
	}
	ns = luaL_testudata(L, -1, NS_TYPE);
	if (ns && ns->fd >= 0)
		return true;
	lua_pop(L, 1);
	return false;
}

/* Push the field `key` of the value on top, or nil where that cannot be known without running code. */
static void push_field(lua_State *L, int key)
{
	int value = lua_gettop(L);

	lua_pushvalue(L, value); /* the object, then what it inherits from */
	for (int i = 0; i < DEPTH; i++) {
		lua_pushvalue(L, key);
		raw_field(L);
		if (!lua_isnil(L, -1))
			break;
		lua_pop(L, 1);
		if (declared_methods(L)) {
			lua_pushvalue(L, key);
			raw_field(L);
			if (!lua_isnil(L, -1))
				break;
			lua_pop(L, 2);
		}
		if (meta_field(L, HANDLE_FIELDS) && is_among(L, key)) {
			lua_pushvalue(L, key);
			lua_gettable(L, -2);
			break;
		}
		if (!inherit(L)) {
			lua_pushnil(L);
			break;
		}
	}
	if (lua_gettop(L) == value + 1) /* round and round */
		lua_pushnil(L);
	lua_replace(L, value + 1);
	lua_settop(L, value + 1);
}

/* Replace the value on top by its field; what stands for a namespace has that one's, too. */
static void look_up(lua_State *L, const char *name, size_t len)
{
	int value = lua_gettop(L), key = value + 1;

	luaL_checkstack(L, LUA_MINSTACK, "completion");
	lua_pushlstring(L, name, len);
	lua_pushvalue(L, value);
	push_field(L, key);
	if (lua_isnil(L, -1)) {
		lua_settop(L, key + 1);
		if (push_namespace(L))
			push_field(L, key);
		else
			lua_pushnil(L);
	}
	lua_replace(L, value);
	lua_settop(L, value);
}

/* Push the value that the chain stands for, or nil. */
static void evaluate(lua_State *L, const struct look *look, const struct chain *chain)
{
	size_t at = chain->from, len;
	const char *name;

	lua_pushglobaltable(L);
	while ((name = scan_name(look->text, chain, &at, &len)))
		look_up(L, name, len);
}

static bool is_identifier(const char *name, size_t len)
{
	if (len == 0 || strspn(name, "0123456789") > 0)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* Can it be written in the string at the cursor as it is? */
static bool is_plain(const struct look *look, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || name[i] == '\\' || name[i] == look->at.quote)
			return false;
	return len > 0;
}

/* Note the name, if it continues what is typed. Those that begin with _ are for who begins with _. */
static void offer(lua_State *L, const struct look *look, const char *name, size_t len)
{
	if (len < look->typed || memcmp(name, look->prefix, look->typed) != 0 || (look->typed == 0 && *name == '_'))
		return;
	if (look->at.quote ? !is_plain(look, name, len) : !is_identifier(name, len))
		return;
	lua_pushlstring(L, name, len);
	lua_pushboolean(L, 1);
	lua_rawset(L, FOUND);
}

/* Offer the key under the value on top, and pop the value. */
static void offer_key(lua_State *L, const struct look *look)
{
	size_t len;
	const char *name;

	lua_pop(L, 1);
	if (lua_type(L, -1) != LUA_TSTRING)
		return;
	name = lua_tolstring(L, -1, &len);
	offer(L, look, name, len);
}

/* Offer the keys of the table on top; for a method those whose values can be called. */
static void offer_keys(lua_State *L, const struct look *look)
{
	if (!lua_istable(L, -1))
		return;
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		bool callable = lua_isfunction(L, -1);

		if (!callable && meta_field(L, "__call")) {
			callable = true;
			lua_pop(L, 1);
		}
		if (callable || look->at.kind != SCAN_METHOD)
			offer_key(L, look);
		else
			lua_pop(L, 1);
	}
}

/* Offer the keys of the table on top, whatever their values are. */
static void offer_names(lua_State *L, const struct look *look)
{
	for (lua_pushnil(L); lua_next(L, -2);)
		offer_key(L, look);
}

/* Offer the keys of the table on top and of what it inherits from, and pop it. */
static void offer_all_keys(lua_State *L, const struct look *look)
{
	for (int i = 0; i < DEPTH; i++) {
		offer_keys(L, look);
		if (!inherit(L))
			break;
	}
	lua_pop(L, 1);
}

/* Offer what the value on top has, and pop it. */
static void offer_own_fields(lua_State *L, const struct look *look)
{
	for (int i = 0; i < DEPTH; i++) {
		offer_keys(L, look);
		if (look->at.kind != SCAN_KEY && declared_methods(L)) {
			offer_names(L, look);
			lua_pop(L, 1);
		}
		if (look->at.kind == SCAN_FIELD && meta_field(L, HANDLE_FIELDS))
			offer_all_keys(L, look);
		if (!inherit(L))
			break;
	}
	lua_pop(L, 1);
}

/* Likewise; what stands for a namespace has that one's, too. */
static void offer_fields(lua_State *L, const struct look *look)
{
	luaL_checkstack(L, LUA_MINSTACK, "completion");
	if (push_namespace(L))
		offer_own_fields(L, look);
	offer_own_fields(L, look);
}

static void offer_keywords(lua_State *L, const struct look *look)
{
	for (const char *const *word = scan_keywords; *word; word++)
		offer(L, look, *word, strlen(*word));
}

/* Offer the links of the namespace that we are in. */
static void offer_own_links(lua_State *L, const struct look *look)
{
	struct if_nameindex *links;
	struct nlbuf *names;

	nlbuf_open(L); /* netns.core may not be loaded */
	names = nlbuf_push(L);
	links = if_nameindex();
	/* No Lua call until the list is freed: an error would leave it. */
	for (struct if_nameindex *link = links; link && link->if_name; link++) {
		size_t size = strlen(link->if_name) + 1;

		if (nlbuf_reserve(names, size) < 0)
			break;
		memcpy(names->data + names->size, link->if_name, size);
		names->size += size;
	}
	if (links)
		if_freenameindex(links);
	for (size_t at = 0; at < names->size; at += strlen((const char *)names->data + at) + 1)
		offer(L, look, (const char *)names->data + at, strlen((const char *)names->data + at));
	lua_pop(L, 1);
}

/* Offer the links of the namespace on top, as its own list() knows them. */
static void offer_links_of(lua_State *L, const struct look *look)
{
	lua_getfield(L, -1, "link");
	lua_getfield(L, -1, "list");
	lua_insert(L, -2);
	lua_call(L, 1, 1);
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
		size_t len;
		const char *name;

		lua_getfield(L, -1, "name");
		name = lua_tolstring(L, -1, &len);
		if (name)
			offer(L, look, name, len);
		lua_pop(L, 2);
	}
	lua_pop(L, 2);
}

/* Push the namespace that was named last before the cursor; false if there is none. */
static bool push_named(lua_State *L, const struct look *look)
{
	for (size_t i = look->at.count; i-- > 0;) {
		const struct chain *chain = &look->at.chains[i];
		size_t at = chain->from, len;
		const char *name;

		lua_pushglobaltable(L);
		while ((name = scan_name(look->text, chain, &at, &len))) {
			look_up(L, name, len);
			if (push_namespace(L))
				return true;
		}
		lua_pop(L, 1);
	}
	return false;
}

static void gather(lua_State *L, const struct look *look)
{
	const struct chain *owner = &look->at.chains[look->at.count ? look->at.count - 1 : 0];

	switch (look->at.kind) {
	case SCAN_NOTHING:
		break;
	case SCAN_NAME:
		offer_keywords(L, look);
		lua_pushglobaltable(L);
		offer_fields(L, look);
		break;
	case SCAN_FIELD:
	case SCAN_METHOD:
	case SCAN_KEY:
		evaluate(L, look, owner);
		offer_fields(L, look);
		break;
	case SCAN_STRING:
		if (push_named(L, look))
			offer_links_of(L, look);
		else
			offer_own_links(L, look);
		break;
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Push the array of the names found, which are kept by the table at FOUND. */
static void arrange(lua_State *L, struct candidates *found)
{
	size_t n = 0;

	for (lua_pushnil(L); lua_next(L, FOUND); lua_pop(L, 1))
		n++;
	found->names = lua_newuserdatauv(L, (n + 1) * sizeof(*found->names), 1);
	lua_pushvalue(L, FOUND);
	lua_setiuservalue(L, -2, 1);
	for (lua_pushnil(L); lua_next(L, FOUND); lua_pop(L, 1))
		found->names[found->count++] = lua_tostring(L, -2);
	qsort(found->names, n, sizeof(*found->names), compare);
}

int complete(lua_State *L)
{
	const struct complete_request *request = lua_touserdata(L, REQUEST);
	struct look look;
	size_t n;

	*request->found = (struct candidates){ 0 };
	lua_settop(L, REQUEST);
	lua_pushfstring(L, "%s\n", request->before);
	lua_pushlstring(L, request->line, request->cursor);
	lua_concat(L, 2);
	look.text = lua_tolstring(L, TEXT, &n);
	scan(look.text, n, &look.at);
	look.prefix = look.text + look.at.word;
	look.typed = n - look.at.word;
	lua_newtable(L);
	gather(L, &look);
	lua_settop(L, BASE);

	request->found->typed = look.typed;
	if (look.at.quote && look.at.whole) {
		request->found->closing[0] = look.at.quote;
		request->found->closing[1] = look.at.kind == SCAN_KEY ? ']' : '\0';
	}
	arrange(L, request->found);
	return 1;
}
