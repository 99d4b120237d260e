/* SPDX-License-Identifier: MIT */
/* rtnl.c - the verbs that change something: add, replace, set, delete (rtnl.h has the theory, listing.c the verbs that read) */
#include "rtnl.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "buffer.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

static const char missing_link[] = "no such link in this namespace";

bool rtnl_has(struct rtnl *r, int spec, const char *key)
{
	bool has;

	lua_pushstring(r->L, key);
	has = lua_rawget(r->L, spec) != LUA_TNIL;
	lua_pop(r->L, 1);
	return has;
}

void rtnl_need(struct rtnl *r, int spec, const char *key)
{
	if (!rtnl_has(r, spec, key))
		args_misuse(r->L, &(struct args_at){ .op = r->codec.op, .key = key, .index = r->codec.index }, "is missing");
}

const char *rtnl_field(struct rtnl *r, int spec, const char *key)
{
	const char *value = NULL;

	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, spec) == LUA_TSTRING)
		value = lua_tostring(r->L, -1);
	lua_pop(r->L, 1);
	return value;
}

/* What the error calls the thing: the value of the object's key. */
static const char *subject_of(struct rtnl *r, int spec)
{
	return rtnl_field(r, spec, r->object->key);
}

int rtnl_refuse(struct rtnl *r, const struct nlerror *error, const struct nlmsghdr *message, const char *subject)
{
	struct codec_path path;
	const char *attr = message && error->offset
		? codec_key_at(message, r->object->header, r->object->rows, error->offset, &path)
		: NULL;

	return error_raise(r->L, &(struct error){
		.op = r->codec.op,
		.subject = subject,
		.netns = r->netns,
		.errnum = error->errnum,
		.message = error->text,
		.attr = attr,
		.index = r->codec.index,
	});
}

void rtnl_send(struct rtnl *r, size_t start, const char *subject, bool answer)
{
	struct nlmsghdr *message = (struct nlmsghdr *)(r->codec.out->data + start);
	struct nlerror error;

	r->answer->size = 0;
	if (nlsock_talk(r->sock, message, answer ? r->answer : NULL, &error) == 0)
		return;
	if (r->object->refused)
		r->object->refused(r);
	rtnl_refuse(r, &error, (struct nlmsghdr *)(r->codec.out->data + start), subject);
}

/* ---- links' names ---- */

struct link_question {
	struct nlmsghdr h;
	struct ifinfomsg body;
	struct nlattr mask;
	uint32_t without;
	struct nlattr name;
	char text[IFNAMSIZ];
};

/* Ask about one link, by index or by name; is it there? Then the reply is in r->answer. A question that failed is no answer: it raises. */
static bool ask_link(struct rtnl *r, uint32_t index, const char *name)
{
	struct link_question q = {
		.h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = offsetof(struct link_question, name) },
		.body = { .ifi_index = (int)index },
		.mask = { .nla_type = IFLA_EXT_MASK, .nla_len = NLA_HDRLEN + sizeof(q.without) },
		.without = RTEXT_FILTER_SKIP_STATS,
	};
	struct nlerror error;

	if (name) {
		strncpy(q.text, name, sizeof(q.text) - 1);
		q.name = (struct nlattr){ .nla_type = IFLA_IFNAME, .nla_len = (uint16_t)(NLA_HDRLEN + strlen(q.text) + 1) };
		q.h.nlmsg_len = (uint32_t)(offsetof(struct link_question, name) + NLA_ALIGN(q.name.nla_len));
	}
	r->answer->size = 0;
	if (nlsock_talk(r->sock, &q.h, r->answer, &error) < 0 && error.errnum != ENODEV)
		rtnl_refuse(r, &error, NULL, name);
	return r->answer->size > 0;
}

const struct nlmsghdr *rtnl_answer(const struct rtnl *r, size_t header)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)r->answer->data;

	return r->answer->size >= NLMSG_LENGTH(header) && h->nlmsg_len >= NLMSG_LENGTH(header) ? h : NULL;
}

uint32_t rtnl_ifindex(struct rtnl *r, const char *name)
{
	const struct nlmsghdr *h = ask_link(r, 0, name) ? rtnl_answer(r, sizeof(struct ifinfomsg)) : NULL;

	return h ? (uint32_t)((const struct ifinfomsg *)mnl_nlmsg_get_payload(h))->ifi_index : 0;
}

/* codec's question, with a memory for the length of one call: arrays name the same few links again and again */
static uint32_t ifindex(struct codec *c, const char *name, const char *key)
{
	struct rtnl *r = c->data;
	lua_State *L = r->L;
	uint32_t index;

	lua_pushstring(L, name);
	if (lua_rawget(L, r->names) == LUA_TNUMBER) {
		index = (uint32_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
		return index;
	}
	lua_pop(L, 1);
	index = rtnl_ifindex(r, name);
	if (index == 0) {
		if (r->lenient || c->may_miss)
			return 0;
		error_raise(L, &(struct error){ .op = c->op, .subject = name, .netns = r->netns, .errnum = ENODEV, .attr = key,
			.index = c->index, .message = missing_link });
	}
	lua_pushstring(L, name);
	lua_pushinteger(L, index);
	lua_rawset(L, r->names);
	return index;
}

static void push_ifname(struct codec *c, uint32_t index)
{
	struct rtnl *r = c->data;
	lua_State *L = r->L;
	const struct nlmsghdr *h = NULL;
	struct codec_span name = { NULL, 0 };

	if (lua_rawgeti(L, r->names, index) != LUA_TNIL)
		return;
	lua_pop(L, 1);
	if (index && ask_link(r, index, NULL))
		h = rtnl_answer(r, sizeof(struct ifinfomsg));
	if (h)
		name = codec_inner(codec_attrs(h, sizeof(struct ifinfomsg)), IFLA_IFNAME);
	if (name.data)
		lua_pushlstring(L, name.data, strnlen(name.data, name.size));
	else
		lua_pushinteger(L, index);
	lua_pushvalue(L, -1);
	lua_rawseti(L, r->names, index);
}

static int netns_fd(struct codec *c, int idx, const char *key)
{
	struct rtnl *r = c->data;

	return r->netns_fd(r, idx, key);
}

void rtnl_init(struct rtnl *r, lua_State *L, const struct rtnl_object *object, struct nlsock *sock, const char *op, const char *netns)
{
	*r = (struct rtnl){ .L = L, .object = object, .sock = sock, .netns = netns };
	luaL_checkstack(L, 20, "rtnl");
	r->codec = (struct codec){
		.L = L,
		.op = op,
		.out = nlbuf_push(L),
		.ifindex = ifindex,
		.push_ifname = push_ifname,
		.netns_fd = netns_fd,
		.data = r,
	};
	r->answer = nlbuf_push(L);
	lua_newtable(L);
	r->names = lua_gettop(L);
}

int rtnl_spec(struct rtnl *r, int idx)
{
	lua_State *L = r->L;
	int type = lua_type(L, idx);

	if (type == LUA_TTABLE)
		return lua_absindex(L, idx);
	if (type != LUA_TSTRING && type != LUA_TNUMBER)
		args_misuse(L, &(struct args_at){ .op = r->codec.op, .key = "spec", .index = r->codec.index },
			    "table or %s expected, got %s", r->object->key, luaL_typename(L, idx));
	lua_pushvalue(L, idx);
	lua_createtable(L, 0, 1);
	lua_insert(L, -2);
	lua_setfield(L, -2, r->object->key);
	return lua_gettop(L);
}

/* ---- encoding and sending ---- */

size_t rtnl_encode(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const struct rtnl_object *o = r->object;
	struct codec *c = &r->codec;
	size_t start = c->out->size;
	bool lenient = r->lenient;

	c->family = AF_UNSPEC;
	c->present = (struct codec_span){ NULL, 0 };
	c->create = verb == RTNL_ADD || verb == RTNL_REPLACE;
	c->replace = verb == RTNL_REPLACE;
	c->postponed = false;
	r->lenient = lenient || (verb == RTNL_DELETE && o->by_key);
	codec_begin(c, verb == RTNL_DELETE ? o->del : verb != RTNL_ADD && o->set ? o->set : o->new, o->flags[verb], o->header);
	if (o->begin)
		o->begin(r, spec, verb);
	codec_encode(c, spec, o->rows);
	if (o->end)
		o->end(r, spec, verb);
	codec_finish(c);
	r->lenient = lenient;
	return start;
}

/* Raise what is wrong with a spec, send nothing. A link may stand on one that is not there yet. */
static void check(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	r->codec.out->size = 0;
	r->lenient = true;
	rtnl_encode(r, spec, verb);
	r->lenient = false;
}

/* Push the spec of element `i`: a table, or a key for `delete`. */
static int element(struct rtnl *r, int array, lua_Integer i, enum rtnl_verb verb)
{
	lua_State *L = r->L;

	r->codec.index = i;
	lua_rawgeti(L, array, i);
	if (verb != RTNL_DELETE && !lua_istable(L, -1))
		args_misuse(L, &(struct args_at){ .op = r->codec.op, .key = "spec", .index = i }, "table expected, got %s",
			    luaL_typename(L, -1));
	return rtnl_spec(r, -1);
}

/* Does the spec say which entry it means? A family and what is false fit many. */
static bool names_one(struct rtnl *r, int spec)
{
	lua_State *L = r->L;
	bool names = false;

	for (lua_pushnil(L); lua_next(L, spec); lua_pop(L, 1))
		names = names || (lua_toboolean(L, -1) && !args_is(L, -2, "family"));
	return names;
}

/* An address to delete may be given without its link: find the rest of it in the listing. */
static int complete(struct rtnl *r, int spec)
{
	lua_Integer index = r->codec.index;
	int found;

	if (!r->object->whole || r->object->whole(r, spec))
		return spec;
	if (!names_one(r, spec))
		args_misuse(r->L, &(struct args_at){ .op = r->codec.op, .key = "spec", .index = index },
			    "what to delete must be named, by %s or another field", r->object->key);
	rtnl_get(r, spec);
	r->codec.index = index;
	found = lua_gettop(r->L);
	if (lua_isnil(r->L, found))
		error_raise(r->L, &(struct error){ .op = r->codec.op, .subject = subject_of(r, spec), .netns = r->netns,
			.errnum = EADDRNOTAVAIL, .index = index, .message = "nothing here fits" });
	return found;
}

/* Carry out one spec. */
static void apply_one(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	const struct rtnl_object *o = r->object;
	size_t start;

	if (verb == RTNL_REPLACE && o->passed_over && o->passed_over(r, spec))
		return;
	if (verb == RTNL_REPLACE && o->adapt)
		spec = o->adapt(r, spec);
	if (verb == RTNL_DELETE)
		spec = complete(r, spec);
	r->codec.out->size = 0;
	start = rtnl_encode(r, spec, verb);
	if (!o->otherwise || !o->otherwise(r, spec, verb))
		rtnl_send(r, start, subject_of(r, spec), false);
	if (o->done)
		o->done(r, spec, verb);
}

static void one_by_one(struct rtnl *r, int array, lua_Integer n, enum rtnl_verb verb)
{
	int top = lua_gettop(r->L), again;

	/* First pass: every spec is checked, nothing is sent. A link may stand on one that this very array makes. */
	for (lua_Integer i = 1; i <= n; i++) {
		int spec = element(r, array, i, verb);

		check(r, verb == RTNL_DELETE ? complete(r, spec) : spec, verb);
		lua_settop(r->L, top);
	}
	if (verb == RTNL_REPLACE && r->object->must_wait) {
		rtnl_sort(r, array);
		array = ++top;
	}
	lua_newtable(r->L); /* those that name a link which comes later: once more, when all are there */
	again = ++top;
	for (lua_Integer i = 1; i <= n; i++) {
		r->codec.may_postpone = verb == RTNL_REPLACE;
		apply_one(r, element(r, array, i, verb), verb);
		lua_settop(r->L, top);
		if (!r->codec.postponed)
			continue;
		lua_pushinteger(r->L, i);
		lua_rawseti(r->L, again, (lua_Integer)lua_rawlen(r->L, again) + 1);
	}
	r->codec.may_postpone = false;
	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(r->L, again); i++) {
		lua_rawgeti(r->L, again, i);
		apply_one(r, element(r, array, lua_tointeger(r->L, -1), verb), verb);
		lua_settop(r->L, top);
	}
}

/* Take back what a batch made behind the message that was refused: the deletion of a thing has the same fields as its creation. */
static void take_back(struct rtnl *r, char *data, unsigned int from, unsigned int n, const struct nlerror *errors)
{
	for (unsigned int i = 0; i < n; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		struct nlerror ignored;

		data += NLMSG_ALIGN(h->nlmsg_len);
		if (i <= from || errors[i].errnum)
			continue;
		h->nlmsg_type = r->object->del;
		h->nlmsg_flags = 0;
		nlsock_talk(r->sock, h, NULL, &ignored);
	}
}

static void many_at_once(struct rtnl *r, int array, lua_Integer n)
{
	struct nlerror errors[NLSOCK_BATCH];
	struct nlbuf *out = r->codec.out;
	int top = lua_gettop(r->L);
	size_t at = 0, used;

	for (lua_Integer i = 1; i <= n; i++) {
		rtnl_encode(r, element(r, array, i, RTNL_ADD), RTNL_ADD);
		lua_settop(r->L, top);
	}
	for (lua_Integer sent = 0; sent < n;) {
		int count = nlsock_batch(r->sock, out->data + at, out->size - at, (unsigned int)(n - sent), errors, &used);
		struct nlmsghdr *h = (struct nlmsghdr *)(out->data + at);

		if (count < 0)
			error_raise(r->L, &(struct error){ .op = r->codec.op, .netns = r->netns, .errnum = -count });
		for (int i = 0; i < count; i++) {
			if (errors[i].errnum) {
				int spec = element(r, array, sent + i + 1, RTNL_ADD);

				take_back(r, out->data + at, (unsigned int)i, (unsigned int)count, errors);
				rtnl_refuse(r, &errors[i], h, subject_of(r, spec));
			}
			h = (struct nlmsghdr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
		}
		at += used;
		sent += count;
	}
}

static void not_mixed(struct rtnl *r, int array, lua_Integer n)
{
	lua_State *L = r->L;

	for (lua_pushnil(L); lua_next(L, array); lua_pop(L, 1))
		if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n)
			args_misuse(L, &(struct args_at){ .op = r->codec.op, .key = "spec" },
				    "a table with elements is an array of specs, and has no keys of its own");
}

void rtnl_apply(struct rtnl *r, int idx, enum rtnl_verb verb)
{
	lua_State *L = r->L;
	lua_Integer n = lua_istable(L, idx) ? (lua_Integer)lua_rawlen(L, idx) : 0;
	int spec;

	if (n > 0) {
		not_mixed(r, idx, n);
		if (verb == RTNL_ADD && r->object->batch)
			many_at_once(r, idx, n);
		else
			one_by_one(r, idx, n, verb);
		return;
	}
	if (lua_istable(L, idx)) {
		lua_pushnil(L);
		if (!lua_next(L, idx))
			return; /* an empty array */
		lua_pop(L, 2);
	}
	if (verb != RTNL_DELETE)
		args_table(L, idx, &(struct args_at){ .op = r->codec.op, .key = "spec" });
	spec = rtnl_spec(r, idx);
	r->codec.index = 0;
	if (verb == RTNL_REPLACE) /* which looks at what is there first, or passes over it */
		check(r, spec, verb);
	apply_one(r, spec, verb);
}

void rtnl_flush(struct rtnl *r, int filter)
{
	lua_State *L = r->L;
	int array;

	rtnl_list(r, filter);
	array = lua_gettop(L);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, array); i <= n; i++) {
		struct nlerror error;
		size_t start;

		lua_rawgeti(L, array, i);
		if (!r->object->stays || !r->object->stays(r, array + 1)) {
			r->codec.index = 0;
			r->codec.out->size = 0;
			start = rtnl_encode(r, array + 1, RTNL_DELETE);
			/* What went away with something else (a peer, a secondary address) is gone, which is what was asked for. */
			if (nlsock_talk(r->sock, (struct nlmsghdr *)(r->codec.out->data + start), NULL, &error) < 0 &&
			    error.errnum != ENODEV && error.errnum != ESRCH && error.errnum != EADDRNOTAVAIL && error.errnum != ENOENT)
				rtnl_refuse(r, &error, NULL, subject_of(r, array + 1));
		}
		lua_settop(L, array);
	}
}
