/* SPDX-License-Identifier: MIT */
/*
 * neighbours.c - remembers which neighbours namespaces know, and makes them forget those that came since
 *
 * Theory. All namespaces share one table for ARP and one for neighbour discovery, so whoever asks many hosts has to make room again. What
 * somebody set by hand (permanent, noarp) takes no room in them and stays, also when it came since; but entries that carry a mark as their
 * protocol can be taken back by it. Thousands of entries go at once, so no table of Lua is made of any: one dump for each namespace, and
 * one batch of deletions.
 */
#include "neighbours.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../namespace/ns.h"
#include "../netlink/attrs.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_TYPE "netns.neighbours"
#define OP "neighbours"

enum { DELETION = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ndmsg)) + 4 + 16 };

struct entry {
	int link;
	unsigned char family, dst[16];
};

/* What one namespace knew, in order. */
struct place {
	size_t n;
	struct entry known[];
};

struct memory {
	struct nlbuf dump, requests; /* user value 1: namespace -> struct place */
};

/* ---- without L ---- */

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->link != y->link)
		return x->link < y->link ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return memcmp(x->dst, y->dst, sizeof(x->dst));
}

/* Read one message of the dump: false if it is no neighbour, or one that stays. Of a mark (0: none) those that carry it do not. */
static bool read_entry(const struct nlmsghdr *h, int mark, struct entry *entry)
{
	const struct ndmsg *body = mnl_nlmsg_get_payload(h);
	struct codec_span dst, proto;

	if (h->nlmsg_type != RTM_NEWNEIGH || h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return false;
	dst = codec_inner(codec_attrs(h, sizeof(*body)), NDA_DST);
	proto = codec_inner(codec_attrs(h, sizeof(*body)), NDA_PROTOCOL);
	if (!dst.data || dst.size > sizeof(entry->dst))
		return false;
	if (mark ? proto.size < 1 || (unsigned char)proto.data[0] != mark : body->ndm_state & (NUD_PERMANENT | NUD_NOARP))
		return false;
	*entry = (struct entry){ .link = body->ndm_ifindex, .family = body->ndm_family };
	memcpy(entry->dst, dst.data, dst.size);
	return true;
}

static int dump(struct memory *memory, struct nlsock *s, struct nlerror *error)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(request, sizeof(struct ndmsg)); /* of both families */
	request->nlmsg_type = RTM_GETNEIGH;
	return nlsock_dump(s, request, &memory->dump, error);
}

/* The place, which has room for that, knows what the dump holds. */
static void know(struct place *place, const struct nlbuf *in)
{
	const char *end = in->data + in->size;
	const struct nlmsghdr *h;

	place->n = 0;
	for (const char *at = in->data; at < end; at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = (const struct nlmsghdr *)at;
		if (read_entry(h, 0, &place->known[place->n]))
			place->n++;
	}
	qsort(place->known, place->n, sizeof(*place->known), compare);
}

static int put_deletion(struct nlbuf *out, const struct entry *entry)
{
	int code = nlbuf_reserve(out, DELETION);
	struct nlmsghdr *h;
	struct ndmsg *body;

	if (code < 0)
		return code;
	h = mnl_nlmsg_put_header(out->data + out->size);
	h->nlmsg_type = RTM_DELNEIGH;
	body = mnl_nlmsg_put_extra_header(h, sizeof(*body));
	body->ndm_family = entry->family;
	body->ndm_ifindex = entry->link;
	mnl_attr_put(h, NDA_DST, entry->family == AF_INET ? 4 : 16, entry->dst);
	out->size += NLMSG_ALIGN(h->nlmsg_len);
	return 0;
}

/* Delete what the dump holds (of a mark) and the place does not know: 0 or -errno. One that the kernel took out meanwhile is no loss. */
static int forget(struct memory *memory, const struct place *place, int mark, struct nlsock *s)
{
	const struct nlbuf *in = &memory->dump;
	struct nlbuf *out = &memory->requests;
	const char *end = in->data + in->size;
	const struct nlmsghdr *h;
	unsigned int left = 0;
	size_t used;

	out->size = 0;
	for (const char *at = in->data; at < end; at += NLMSG_ALIGN(h->nlmsg_len)) {
		struct entry entry;
		int code;

		h = (const struct nlmsghdr *)at;
		if (!read_entry(h, mark, &entry) || bsearch(&entry, place->known, place->n, sizeof(entry), compare))
			continue;
		code = put_deletion(out, &entry);
		if (code < 0)
			return code;
		left++;
	}
	for (size_t at = 0; left > 0; at += used) {
		int count = nlsock_batch(s, out->data + at, out->size - at, left, NULL, &used);

		if (count < 0)
			return count;
		left -= (unsigned int)count;
	}
	return 0;
}

/* ---- with L ---- */

static int refuse(lua_State *L, struct ns *ns, int code, const struct nlerror *error)
{
	char label[NS_LABEL_SIZE];

	return error_raise(L, &(struct error){ .op = OP, .netns = ns_label(ns, label), .errnum = -code,
		.message = error && error->text[0] ? error->text : NULL });
}

static struct nlsock *route(lua_State *L, struct ns *ns)
{
	struct fault fault = { 0 };
	struct nlsock *s = ns_route(ns, &fault);
	char label[NS_LABEL_SIZE];

	if (!s)
		error_raise(L, &(struct error){ .op = OP, .netns = ns_label(ns, label), .errnum = fault.errnum, .message = fault.text });
	return s;
}

/* Dump what the namespace knows now. */
static struct nlsock *look(lua_State *L, struct memory *memory, struct ns *ns)
{
	struct nlsock *s = route(L, ns);
	struct nlerror error = { 0 };
	int code = dump(memory, s, &error);

	if (code < 0)
		refuse(L, ns, code, &error);
	return s;
}

/* core.neighbours() -> a memory that holds nothing yet */
static int l_neighbours(lua_State *L)
{
	struct memory *memory = lua_newuserdatauv(L, sizeof(*memory), 1);

	*memory = (struct memory){ .dump = { 0 } };
	luaL_setmetatable(L, MEMORY_TYPE);
	lua_newtable(L);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

/* Leaves the table of places at 3, and has room for one namespace and what is known of it. */
static struct memory *begin(lua_State *L, struct args_at *at, lua_Integer *n)
{
	struct memory *memory = luaL_checkudata(L, 1, MEMORY_TYPE);

	*at = (struct args_at){ .op = OP, .key = "list" };
	*n = args_array(L, 2, at);
	lua_settop(L, 2);
	lua_getiuservalue(L, 1, 1);
	return memory;
}

/* Push the namespace at `i` of the list, and its place or nil. */
static struct ns *nth(lua_State *L, lua_Integer i)
{
	lua_settop(L, 3);
	lua_rawgeti(L, 2, i);
	lua_pushvalue(L, 4);
	lua_rawget(L, 3);
	return ns_check(L, 4, OP, "list");
}

/* memory:remember(list of namespaces): what each knows now, unless it is remembered already */
static int m_remember(lua_State *L)
{
	struct args_at at;
	lua_Integer n;
	struct memory *memory = begin(L, &at, &n);

	for (lua_Integer i = 1; i <= n; i++) {
		struct ns *ns = nth(L, i);
		struct place *place;

		if (!lua_isnil(L, 5))
			continue;
		look(L, memory, ns);
		place = lua_newuserdatauv(L, sizeof(*place) + (memory->dump.size / NLMSG_LENGTH(sizeof(struct ndmsg)) + 1) * sizeof(*place->known), 0);
		know(place, &memory->dump);
		lua_pushvalue(L, 4);
		lua_insert(L, -2);
		lua_rawset(L, 3);
	}
	return 0;
}

/* memory:forget(list of namespaces): those that are remembered know no more than they did then */
static int m_forget(lua_State *L)
{
	struct args_at at;
	lua_Integer n;
	struct memory *memory = begin(L, &at, &n);

	for (lua_Integer i = 1; i <= n; i++) {
		struct ns *ns = nth(L, i);
		const struct place *place = lua_touserdata(L, 5);
		int code = place ? forget(memory, place, 0, look(L, memory, ns)) : 0;

		if (code < 0)
			return refuse(L, ns, code, NULL);
	}
	return 0;
}

/* memory:remove(list of namespaces, mark): their entries of that protocol */
static int m_remove(lua_State *L)
{
	const int mark = (int)args_integer(L, 3, &(struct args_at){ .op = OP, .key = "mark" }, 1, UINT8_MAX);
	const struct place nothing = { 0 };
	struct args_at at;
	lua_Integer n;
	struct memory *memory = begin(L, &at, &n);

	for (lua_Integer i = 1; i <= n; i++) {
		struct ns *ns = nth(L, i);
		int code = forget(memory, &nothing, mark, look(L, memory, ns));

		if (code < 0)
			return refuse(L, ns, code, NULL);
	}
	return 0;
}

static int mm_gc(lua_State *L)
{
	struct memory *memory = luaL_checkudata(L, 1, MEMORY_TYPE);

	nlbuf_free(&memory->dump);
	nlbuf_free(&memory->requests);
	return 0;
}

void neighbours_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "remember", m_remember }, { "forget", m_forget }, { "remove", m_remove }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };

	if (handle_new(L, MEMORY_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, MEMORY_TYPE);
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, l_neighbours);
	lua_setfield(L, -2, "neighbours");
}
