/* SPDX-License-Identifier: MIT */
/*
 * wireguard.c - keys and peers of wireguard links (wg(8), include/uapi/linux/wireguard.h)
 *
 * rtnetlink makes the link and knows nothing of what is in it: that goes through a family of generic netlink, in a message of its own. Its
 * attributes have rows as any other's have. In the link's message they are only checked.
 *
 * The peers of a spec are all that there are. A peer that is there already is changed in place, which keeps its session; what it is not
 * given (a key that both share, a keepalive, networks) it has not.
 */
#include "wireguard.h"
#include "buffer.h"
#include "link_kinds.h"

#include <errno.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <string.h>

static const struct codec_row network[] = { { .type = CODEC_SUBNET }, { .type = CODEC_END } };

static const struct codec_row peer_rows[] = {
	{ .key = "public_key", .attr = WGPEER_A_PUBLIC_KEY, .type = CODEC_KEY, .flags = CODEC_NEEDED },
	{ .key = "preshared_key", .attr = WGPEER_A_PRESHARED_KEY, .type = CODEC_KEY },
	{ .key = "endpoint", .attr = WGPEER_A_ENDPOINT, .type = CODEC_ENDPOINT },
	{ .key = "persistent_keepalive", .attr = WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, .type = CODEC_U16, .flags = CODEC_QUIET },
	{ .key = "allowed_ips", .attr = WGPEER_A_ALLOWEDIPS, .type = CODEC_LIST, .sub = network },
	{ .key = "last_handshake", .attr = WGPEER_A_LAST_HANDSHAKE_TIME, .type = CODEC_U64, .flags = CODEC_RO | CODEC_QUIET,
	  CODEC_PART(__kernel_timespec, tv_sec) },
	{ .key = "rx_bytes", .attr = WGPEER_A_RX_BYTES, .type = CODEC_U64, .flags = CODEC_RO },
	{ .key = "tx_bytes", .attr = WGPEER_A_TX_BYTES, .type = CODEC_U64, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

static const struct codec_row peer[] = { { .type = CODEC_NEST, .sub = peer_rows }, { .type = CODEC_END } };

#define DEVICE(how) \
	{ .key = "private_key", .attr = WGDEVICE_A_PRIVATE_KEY, .type = CODEC_KEY, .flags = how }, \
	{ .key = "public_key", .attr = WGDEVICE_A_PUBLIC_KEY, .type = CODEC_KEY, .flags = CODEC_RO }, \
	{ .key = "listen_port", .attr = WGDEVICE_A_LISTEN_PORT, .type = CODEC_U16, .flags = how }, \
	{ .key = "fwmark", .attr = WGDEVICE_A_FWMARK, .type = CODEC_U32, .flags = CODEC_QUIET | (how) }
#define PEERS(how) { .key = "peers", .attr = WGDEVICE_A_PEERS, .type = CODEC_LIST, .sub = peer, .flags = how }

const struct codec_row link_wireguard[] = { DEVICE(CODEC_APART), PEERS(CODEC_APART), { .type = CODEC_END } };
static const struct codec_row device[] = { DEVICE(0), { .type = CODEC_END } }; /* peers are written by put_peers() */
static const struct codec_row listed[] = { DEVICE(0), PEERS(0), { .type = CODEC_END } };
static const struct codec_row more[] = { PEERS(0), { .type = CODEC_END } };

/* ---- the family ---- */

static void begin(struct codec *c, uint16_t type, uint8_t command, uint8_t version)
{
	struct genlmsghdr *genl;

	codec_begin(c, type, 0, sizeof(*genl));
	genl = codec_header(c);
	genl->cmd = command;
	genl->version = version;
}

static struct nlmsghdr *finish(struct codec *c)
{
	codec_finish(c);
	return (struct nlmsghdr *)(c->out->data + c->start);
}

/* Which number the family has; 0, with `error` filled, when this kernel has none of that name. */
static uint16_t family(struct rtnl *r, struct nlsock *sock, struct nlerror *error)
{
	static const char name[] = WG_GENL_NAME;
	struct codec_span id;

	r->codec.out->size = 0;
	begin(&r->codec, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	codec_put(&r->codec, CTRL_ATTR_FAMILY_NAME, name, sizeof(name));
	r->answer->size = 0;
	if (nlsock_talk(sock, finish(&r->codec), r->answer, error) < 0 || !rtnl_answer(r, sizeof(struct genlmsghdr)))
		return 0;
	id = codec_inner(codec_attrs(rtnl_answer(r, sizeof(struct genlmsghdr)), sizeof(struct genlmsghdr)), CTRL_ATTR_FAMILY_ID);
	return id.size >= sizeof(uint16_t) ? (uint16_t)codec_load(id.data, sizeof(uint16_t)) : 0;
}

/* What the kernel says of a device, by index or by name: its messages, in `in`. */
static int ask(struct rtnl *r, struct nlsock *sock, uint16_t type, uint32_t index, const char *name, struct nlbuf *in, struct nlerror *error)
{
	r->codec.out->size = 0;
	begin(&r->codec, type, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
	if (name)
		codec_put(&r->codec, WGDEVICE_A_IFNAME, name, strlen(name) + 1);
	else
		codec_put(&r->codec, WGDEVICE_A_IFINDEX, &index, sizeof(index));
	return nlsock_dump(sock, finish(&r->codec), in, error);
}

/* The next message of an answer, NULL at its end; `*at` goes on. */
static const struct nlmsghdr *next(const struct nlbuf *in, size_t *at)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + *at);

	if (*at + NLMSG_LENGTH(sizeof(struct genlmsghdr)) > in->size || h->nlmsg_len > in->size - *at ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct genlmsghdr)))
		return NULL;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

/* ---- writing ---- */

static struct codec_span key_of(const struct nlattr *a)
{
	return codec_inner((struct codec_span){ (const char *)(a + 1), a->nla_len - NLA_HDRLEN }, WGPEER_A_PUBLIC_KEY);
}

static bool in_spec(const struct codec *c, size_t nest, struct codec_span key)
{
	struct codec_span rest = { c->out->data + nest + NLA_HDRLEN, c->out->size - nest - NLA_HDRLEN };
	const struct nlattr *a;

	while ((a = codec_next(&rest))) {
		struct codec_span written = key_of(a);

		if (written.size == key.size && memcmp(written.data, key.data, key.size) == 0)
			return true;
	}
	return false;
}

/* Those that are there, and not in the nest of the spec's, go. */
static void put_gone(struct codec *c, size_t nest, const struct nlbuf *present)
{
	const struct nlmsghdr *h;
	const struct nlattr *a;

	for (size_t at = 0; (h = next(present, &at));) {
		struct codec_span rest = codec_inner(codec_attrs(h, sizeof(struct genlmsghdr)), WGDEVICE_A_PEERS);

		while ((a = codec_next(&rest))) {
			struct codec_span key = key_of(a);
			size_t gone;

			if (!key.data || in_spec(c, nest, key))
				continue;
			gone = codec_nest(c, 0);
			codec_put(c, WGPEER_A_PUBLIC_KEY, key.data, key.size);
			codec_put(c, WGPEER_A_FLAGS, &(uint32_t){ WGPEER_F_REMOVE_ME }, sizeof(uint32_t));
			codec_nest_end(c, gone);
		}
	}
}

static void put_peers(struct rtnl *r, int array, const struct nlbuf *present)
{
	struct codec *c = &r->codec;
	size_t nest = codec_nest(c, WGDEVICE_A_PEERS);
	int top = lua_gettop(r->L);

	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(r->L, array); i++) {
		size_t inner = codec_nest(c, 0);

		lua_rawgeti(r->L, array, i);
		codec_fields(c, top + 1, peer_rows);
		codec_put(c, WGPEER_A_FLAGS, &(uint32_t){ WGPEER_F_REPLACE_ALLOWEDIPS }, sizeof(uint32_t));
		if (!rtnl_has(r, top + 1, "preshared_key"))
			codec_put(c, WGPEER_A_PRESHARED_KEY, NULL, WG_KEY_LEN);
		if (!rtnl_has(r, top + 1, "persistent_keepalive"))
			codec_put(c, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, &(uint16_t){ 0 }, sizeof(uint16_t));
		codec_nest_end(c, inner);
		lua_settop(r->L, top);
	}
	put_gone(c, nest, present);
	codec_nest_end(c, nest);
}

int wireguard_set(struct rtnl *r, struct nlsock *sock, const char *name, int data, struct nlerror *error)
{
	struct nlbuf *present = nlbuf_push(r->L);
	const struct codec outer = r->codec;
	uint16_t type;
	int top, code;

	luaL_checkstack(r->L, LUA_MINSTACK, r->codec.op);
	r->codec.out = nlbuf_push(r->L);
	top = lua_gettop(r->L);
	type = family(r, sock, error);
	code = type ? ask(r, sock, type, 0, name, present, error) : -ENOENT;
	if (code == 0) {
		r->codec.out->size = 0;
		r->codec.present = (struct codec_span){ NULL, 0 };
		r->codec.create = r->codec.replace = r->codec.may_postpone = false;
		begin(&r->codec, type, WG_CMD_SET_DEVICE, WG_GENL_VERSION);
		codec_put(&r->codec, WGDEVICE_A_IFNAME, name, strlen(name) + 1);
		codec_fields(&r->codec, data, device);
		lua_pushliteral(r->L, "peers");
		if (lua_rawget(r->L, data) != LUA_TNIL)
			put_peers(r, top + 1, present);
		code = nlsock_talk(sock, finish(&r->codec), NULL, error);
	}
	r->codec = outer;
	lua_settop(r->L, top - 2);
	return code;
}

/* ---- reading ---- */

/* A peer that did not fit a message goes on in the next one: put `from`, an array of peers, behind those of the array `to`. */
static void join(lua_State *L, int to, int from)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, to);
	int top = lua_gettop(L);

	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, from); i++, lua_settop(L, top)) {
		lua_rawgeti(L, from, i);
		lua_rawgeti(L, to, n);
		lua_getfield(L, top + 1, "public_key");
		if (i == 1 && n > 0)
			lua_getfield(L, top + 2, "public_key");
		else
			lua_pushnil(L);
		if (lua_isnil(L, -1) || !lua_rawequal(L, -1, -2)) {
			lua_pushvalue(L, top + 1);
			lua_rawseti(L, to, ++n);
			continue;
		}
		if (lua_getfield(L, top + 1, "allowed_ips") != LUA_TTABLE || lua_getfield(L, top + 2, "allowed_ips") != LUA_TTABLE)
			continue;
		for (lua_Integer k = 1; k <= (lua_Integer)lua_rawlen(L, -2); k++) {
			lua_rawgeti(L, -2, k);
			lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		}
	}
}

static void push_data(struct rtnl *r, const struct nlbuf *in)
{
	lua_State *L = r->L;
	const struct nlmsghdr *h;
	int data, peers;

	lua_newtable(L);
	data = lua_gettop(L);
	for (size_t at = 0; (h = next(in, &at));) {
		struct codec_span all = codec_attrs(h, sizeof(struct genlmsghdr));

		if (lua_getfield(L, data, "peers") != LUA_TTABLE) {
			lua_settop(L, data);
			codec_decode_attrs(&r->codec, all.data, all.size, NULL, listed);
			continue;
		}
		peers = lua_gettop(L);
		lua_newtable(L);
		codec_decode_attrs(&r->codec, all.data, all.size, NULL, more);
		if (lua_getfield(L, -1, "peers") == LUA_TTABLE)
			join(L, peers, lua_gettop(L));
		lua_settop(L, data);
	}
}

void wireguard_listed(struct rtnl *r, uint32_t index)
{
	struct nlsock *sock = r->generic ? r->generic(r, 0, "self") : NULL;
	const struct codec outer = r->codec;
	lua_State *L = r->L;
	int entry = lua_gettop(L);
	struct nlerror error;
	struct nlbuf *in;
	uint16_t type;

	if (!sock)
		return;
	luaL_checkstack(L, LUA_MINSTACK, r->codec.op);
	in = nlbuf_push(L);
	r->codec.out = nlbuf_push(L);
	type = family(r, sock, &error);
	if (type && ask(r, sock, type, index, NULL, in, &error) == 0) { /* who may not see it, sees the link all the same */
		push_data(r, in);
		lua_setfield(L, entry, "data");
	}
	r->codec = outer;
	lua_settop(L, entry);
}
