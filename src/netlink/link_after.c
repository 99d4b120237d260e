/* SPDX-License-Identifier: MIT */
/*
 * link_after.c - what follows when the kernel has taken the message that makes or changes a link
 *
 * Some fields it does not take in a creation, others only in a message of their own: those of a port, which must be one already, and
 * other names. Where one of them is refused, a link that was made a moment ago goes again.
 */
#include "link.h"

#include "buffer.h"
#include "link_kinds.h"
#include "wireguard.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static const struct codec_row later[] = {
	{ .key = "alias", .attr = IFLA_IFALIAS, .type = CODEC_STRING },
	{ .attr = IFLA_AF_SPEC, .type = CODEC_INLINE, .sub = link_addressing },
	{ .type = CODEC_END },
};

/* addrgenmode counts when the link comes up, and the kernel reads the flags of a message first: so `up` comes behind it. */
static const struct codec_row last[] = {
	{ .key = "up", .type = CODEC_BIT, .mask = IFF_UP, CODEC_HDR(ifinfomsg, ifi_flags), .change = offsetof(struct ifinfomsg, ifi_change) },
	{ .type = CODEC_END },
};

/* What a master's kind adds to its ports. */
static const struct codec_row bridge_port[] = { LINK_PORT("bridge_slave", link_bridge_slave, &link_port_of_bridge, 0), { .type = CODEC_END } };
static const struct codec_row bond_port[] = { LINK_PORT("bond_slave", link_bond_slave, &link_port_of_bond, 0), { .type = CODEC_END } };
static const struct codec_row bridge_info[] = { { .attr = IFLA_LINKINFO, .type = CODEC_INLINE, .sub = bridge_port }, { .type = CODEC_END } };
static const struct codec_row bond_info[] = { { .attr = IFLA_LINKINFO, .type = CODEC_INLINE, .sub = bond_port }, { .type = CODEC_END } };

static const struct {
	const char *key, *master;
	const struct codec_row *rows;
} ports[] = {
	{ "bridge_slave", "bridge", bridge_info },
	{ "bond_slave", "bond", bond_info },
};

static bool has_later(struct rtnl *r, int spec)
{
	return rtnl_has(r, spec, "alias") || rtnl_has(r, spec, "addrgenmode");
}

bool link_up_is_last(struct rtnl *r, int spec)
{
	/* a bond takes no port that is up, and brings it up itself */
	if (rtnl_has(r, spec, "bond_slave"))
		return true;
	return r->codec.create ? has_later(r, spec) : rtnl_has(r, spec, "addrgenmode");
}

/* A link, called `name` by now, in the namespace of `there`; `made` is the spec that `by` made it from a moment ago, or 0. */
struct step {
	struct rtnl there, *by;
	const char *name;
	int made;
};

/* The namespace that spec.netns means, whose links have names of its own; or the one that the call is about. */
static void go_there(struct rtnl *there, struct rtnl *r, int spec, const char *key)
{
	lua_pushliteral(r->L, "netns");
	if (lua_rawget(r->L, spec) == LUA_TNIL) {
		*there = *r;
	} else {
		struct nlsock *sock = r->netns_sock(r, lua_gettop(r->L), key);

		rtnl_init(there, r->L, r->object, sock, r->codec.op, r->netns);
		there->codec.index = r->codec.index;
		there->codec.replace = r->codec.replace;
		there->codec.may_postpone = r->codec.may_postpone;
	}
	there->codec.data = there;
	there->codec.create = false;
	there->codec.present = (struct codec_span){ NULL, 0 };
}

static void first_step(struct step *step, struct rtnl *r, int spec, const char *key, int made)
{
	go_there(&step->there, r, spec, key);
	step->by = r;
	step->name = link_name_in(r, spec, rtnl_has(r, spec, "rename") ? "rename" : "name");
	step->made = made;
}

static size_t begin(struct rtnl *r, uint16_t type, const char *name)
{
	size_t start = r->codec.out->size;

	codec_begin(&r->codec, type, 0, sizeof(struct ifinfomsg));
	link_put_name(r, name);
	return start;
}

/* Does not return. What was made is removed first. */
static void refuse(struct step *step, const struct nlerror *error, size_t message)
{
	struct rtnl *r = &step->there, where;
	struct nlerror ignored;
	size_t start;

	if (step->made) {
		go_there(&where, step->by, step->made, "netns");
		start = begin(&where, RTM_DELLINK, link_name_in(&where, step->made, "name"));
		codec_finish(&where.codec);
		nlsock_talk(where.sock, (struct nlmsghdr *)(where.codec.out->data + start), NULL, &ignored);
	} else {
		link_undo(step->by);
	}
	rtnl_refuse(r, error, message ? (struct nlmsghdr *)(r->codec.out->data + message) : NULL, step->name);
}

static void send_step(struct step *step, size_t start)
{
	struct rtnl *r = &step->there;
	struct nlerror error;

	codec_finish(&r->codec);
	if (nlsock_talk(r->sock, (struct nlmsghdr *)(r->codec.out->data + start), NULL, &error) < 0)
		refuse(step, &error, start);
}

/* Set `which` rows of the spec. */
static void set(struct step *step, int spec, const struct codec_row *which)
{
	struct rtnl *r = &step->there;
	size_t start = begin(r, RTM_NEWLINK, step->name);

	codec_fields(&r->codec, spec, which);
	step->by->codec.postponed |= r->codec.postponed;
	send_step(step, start);
}

/* The attributes of the link as it is now, a copy that is pushed; empty if it is not there. */
static struct codec_span attributes(struct step *step)
{
	const size_t skip = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	struct rtnl *r = &step->there;
	const char *copy;
	size_t size = 0;

	if (rtnl_ifindex(r, step->name))
		size = ((const struct nlmsghdr *)r->answer->data)->nlmsg_len - skip;
	copy = lua_pushlstring(r->L, size ? r->answer->data + skip : "", size);
	return (struct codec_span){ copy, size };
}

/* The kernel would take the fields of one kind of port for those of another, or for nothing. */
static void set_port(struct step *step, int spec)
{
	struct rtnl *r = &step->there;

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		struct nlerror error = { .errnum = EINVAL };
		struct codec_span kind;

		if (!rtnl_has(r, spec, ports[i].key))
			continue;
		kind = codec_inner(codec_inner(attributes(step), IFLA_LINKINFO), IFLA_INFO_SLAVE_KIND);
		snprintf(error.text, sizeof(error.text), "%s: the link is no port of a %s", ports[i].key, ports[i].master);
		if (!kind.data || kind.size < strlen(ports[i].master) || strncmp(kind.data, ports[i].master, kind.size) != 0)
			refuse(step, &error, 0);
		lua_pop(r->L, 1);
		set(step, spec, ports[i].rows);
	}
}

/* ---- other names ---- */

static bool in_array(lua_State *L, int array, const char *name)
{
	bool found = false;

	for (lua_Integer i = 1; !found && i <= (lua_Integer)lua_rawlen(L, array); i++) {
		lua_rawgeti(L, array, i);
		found = strcmp(lua_tostring(L, -1), name) == 0;
		lua_pop(L, 1);
	}
	return found;
}

static bool in_list(struct codec_span list, const char *name)
{
	const struct nlattr *a;

	while ((a = codec_next(&list)))
		if (strncmp((const char *)(a + 1), name, a->nla_len - NLA_HDRLEN) == 0)
			return true;
	return false;
}

/* The beginning of a message whose names follow; `*empty` is its size without any. */
static size_t begin_names(struct rtnl *r, uint16_t type, const char *name, size_t *nest, size_t *empty)
{
	size_t start = begin(r, type, name);

	*nest = codec_nest(&r->codec, IFLA_PROP_LIST);
	*empty = r->codec.out->size;
	return start;
}

static void send_names(struct step *step, size_t start, size_t nest, size_t empty)
{
	struct codec *c = &step->there.codec;

	codec_nest_end(c, nest);
	if (c->out->size > empty)
		send_step(step, start);
	else
		c->out->size = start;
}

/* Of several new names the kernel takes those before the one that it refuses: each goes by itself, and what was taken goes again. */
static void add_name(struct step *step, int array, lua_Integer at, struct codec_span now)
{
	struct rtnl *r = &step->there;
	struct nlerror error, ignored;
	size_t start, message = 0, nest, empty;
	const char *name;

	for (lua_Integer i = at; i > 0; i--) {
		lua_rawgeti(r->L, array, i);
		name = lua_tostring(r->L, -1);
		lua_pop(r->L, 1);
		if (in_list(now, name)) {
			if (i == at)
				return;
			continue;
		}
		start = begin_names(r, i == at ? RTM_NEWLINKPROP : RTM_DELLINKPROP, step->name, &nest, &empty);
		codec_put(&r->codec, IFLA_ALT_IFNAME, name, strlen(name) + 1);
		codec_nest_end(&r->codec, nest);
		codec_finish(&r->codec);
		if (i != at) {
			nlsock_talk(r->sock, (struct nlmsghdr *)(r->codec.out->data + start), NULL, &ignored);
			continue;
		}
		message = start;
		if (nlsock_talk(r->sock, (struct nlmsghdr *)(r->codec.out->data + start), NULL, &error) == 0)
			return;
	}
	refuse(step, &error, message);
}

/* Make them exactly those of the spec. */
static void set_altnames(struct step *step, int spec)
{
	struct rtnl *r = &step->there;
	struct codec *c = &r->codec;
	lua_State *L = r->L;
	int top = lua_gettop(L), array = top + 1;
	struct codec_span now, rest;
	size_t start, nest, empty;
	const struct nlattr *a;

	lua_pushliteral(L, "altnames");
	if (lua_rawget(L, spec) == LUA_TNIL) {
		lua_settop(L, top);
		return;
	}
	now = rest = codec_inner(attributes(step), IFLA_PROP_LIST);
	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, array); i++)
		add_name(step, array, i, now);
	start = begin_names(r, RTM_DELLINKPROP, step->name, &nest, &empty);
	while ((a = codec_next(&rest)))
		if (!in_array(L, array, (const char *)(a + 1)))
			codec_put(c, IFLA_ALT_IFNAME, a + 1, a->nla_len - NLA_HDRLEN);
	send_names(step, start, nest, empty);
	lua_settop(L, top);
}

static bool is_wireguard(struct rtnl *r, int spec)
{
	const char *kind = rtnl_field(r, spec, "kind");

	return kind && strcmp(kind, "wireguard") == 0 && rtnl_has(r, spec, "data");
}

/* Keys and peers, which rtnetlink does not know. */
static void set_wireguard(struct step *step, int spec)
{
	struct rtnl *r = &step->there;
	lua_State *L = r->L;
	int top = lua_gettop(L);
	struct nlsock *sock;
	struct nlerror error = { .errnum = EOPNOTSUPP };

	lua_pushliteral(L, "netns");
	sock = step->by->generic ? step->by->generic(step->by, lua_rawget(L, spec) == LUA_TNIL ? 0 : top + 1, "netns") : NULL;
	lua_settop(L, top);
	lua_pushliteral(L, "data");
	lua_rawget(L, spec);
	if (!sock || wireguard_set(r, sock, step->name, top + 1, &error) < 0)
		refuse(step, &error, 0);
	lua_settop(L, top);
}

static bool needed(struct rtnl *r, int spec)
{
	static const char *const keys[] = { "alias", "addrgenmode", "bridge_slave", "bond_slave", "altnames" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (rtnl_has(r, spec, keys[i]))
			return true;
	return is_wireguard(r, spec);
}

/* A bridge takes the least mtu of its ports for its own, until it is told another one while they are there. */
static bool mtu_is_lost(struct rtnl *r, int spec)
{
	const char *kind = rtnl_field(r, spec, "kind");

	return r->codec.may_postpone && kind && strcmp(kind, "bridge") == 0 && rtnl_has(r, spec, "mtu");
}

void link_done(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	int top = lua_gettop(r->L), made = r->codec.create ? spec : 0;
	struct step step;

	if (verb == RTNL_DELETE)
		return;
	luaL_checkstack(r->L, LUA_MINSTACK, r->codec.op);
	if (needed(r, spec)) {
		first_step(&step, r, spec, "netns", made);
		if (made && has_later(r, spec))
			set(&step, spec, later);
		if (is_wireguard(r, spec))
			set_wireguard(&step, spec);
		set_port(&step, spec);
		set_altnames(&step, spec);
		if (link_up_is_last(r, spec) && rtnl_has(r, spec, "up"))
			set(&step, spec, last);
	}
	lua_settop(r->L, top);
	if (made && link_is_pair(r, spec)) {
		lua_pushliteral(r->L, "peer");
		if (lua_rawget(r->L, spec) == LUA_TTABLE && rtnl_has(r, top + 1, "up")) {
			first_step(&step, r, top + 1, "peer.netns", made);
			set(&step, top + 1, last);
		}
	}
	lua_settop(r->L, top);
	if (mtu_is_lost(r, spec))
		r->codec.postponed = true;
}
