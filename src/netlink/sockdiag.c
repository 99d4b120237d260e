/* SPDX-License-Identifier: MIT */
/*
 * sockdiag.c - the sockets of a namespace (sock_diag(7), ss(8), include/uapi/linux/inet_diag.h, unix_diag.h, packet_diag.h)
 *
 * Rows, listing and filters are those of rtnetlink's objects; only the question is another one for each protocol. Kernels without raw_diag
 * or packet_diag are asked by /proc/net, as `ss` does it.
 */
#include "sockdiag.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { SHOW_UID = 0x40, ATTR_UID = 7 /* of unix_diag, since Linux 5.3 */ };

static const struct codec_name families[] = {
	{ "inet", AF_INET }, { "inet6", AF_INET6 }, { "unix", AF_UNIX }, { "packet", AF_PACKET }, { NULL, 0 },
};

/* As `ss` has them; 12 is a connection that a listener has not made up its mind about. */
static const struct codec_name states[] = {
	{ "established", 1 }, { "syn-sent", 2 }, { "syn-recv", 3 }, { "fin-wait-1", 4 }, { "fin-wait-2", 5 }, { "time-wait", 6 },
	{ "unconnected", 7 }, { "close-wait", 8 }, { "last-ack", 9 }, { "listening", 10 }, { "closing", 11 }, { "syn-recv", 12 }, { NULL, 0 },
};

static const struct codec_name types[] = {
	{ "stream", SOCK_STREAM }, { "dgram", SOCK_DGRAM }, { "raw", SOCK_RAW }, { "seqpacket", SOCK_SEQPACKET }, { "packet", SOCK_PACKET },
	{ NULL, 0 },
};

#define PROTO { .key = "proto", .type = CODEC_CUSTOM, .as = CODEC_STRING, .flags = CODEC_RO }

/* `src` and `dst` are read by inet_listed(). */
#define INET \
	PROTO, \
	{ .key = "family", .type = CODEC_U8, .names = families, CODEC_HDR(inet_diag_msg, idiag_family) }, \
	{ .key = "state", .type = CODEC_U8, .names = states, CODEC_HDR(inet_diag_msg, idiag_state) }, \
	{ .key = "src", .type = CODEC_CUSTOM, .as = CODEC_ADDR, .flags = CODEC_RO }, \
	{ .key = "dst", .type = CODEC_CUSTOM, .as = CODEC_ADDR, .flags = CODEC_RO }, \
	{ .key = "dev", .type = CODEC_LINK, .flags = CODEC_QUIET, CODEC_HDR(inet_diag_msg, id.idiag_if) }, \
	{ .key = "recv_q", .type = CODEC_U32, CODEC_HDR(inet_diag_msg, idiag_rqueue) }, \
	{ .key = "send_q", .type = CODEC_U32, CODEC_HDR(inet_diag_msg, idiag_wqueue) }, \
	{ .key = "uid", .type = CODEC_U32, CODEC_HDR(inet_diag_msg, idiag_uid) }, \
	{ .key = "inode", .type = CODEC_U32, CODEC_HDR(inet_diag_msg, idiag_inode) }, \
	{ .key = "v6only", .attr = INET_DIAG_SKV6ONLY, .type = CODEC_BOOL }

static const struct codec_row port_rows[] = {
	INET,
	{ .key = "sport", .type = CODEC_BE16, CODEC_HDR(inet_diag_msg, id.idiag_sport) },
	{ .key = "dport", .type = CODEC_BE16, .flags = CODEC_QUIET, CODEC_HDR(inet_diag_msg, id.idiag_dport) },
	{ .type = CODEC_END },
};

static const struct codec_row raw_rows[] = {
	INET,
	{ .key = "protocol", .type = CODEC_BE16, CODEC_HDR(inet_diag_msg, id.idiag_sport) },
	{ .type = CODEC_END },
};

/* `path` is read by unix_listed(), since its attribute is number 0. */
static const struct codec_row unix_rows[] = {
	PROTO,
	{ .key = "family", .type = CODEC_U8, .names = families, CODEC_HDR(unix_diag_msg, udiag_family) },
	{ .key = "type", .type = CODEC_U8, .names = types, CODEC_HDR(unix_diag_msg, udiag_type) },
	{ .key = "state", .type = CODEC_U8, .names = states, CODEC_HDR(unix_diag_msg, udiag_state) },
	{ .key = "path", .type = CODEC_CUSTOM, .as = CODEC_STRING, .flags = CODEC_RO },
	{ .key = "peer", .attr = UNIX_DIAG_PEER, .type = CODEC_U32 },
	{ .key = "recv_q", .attr = UNIX_DIAG_RQLEN, .type = CODEC_U32, CODEC_PART(unix_diag_rqlen, udiag_rqueue) },
	{ .key = "send_q", .attr = UNIX_DIAG_RQLEN, .type = CODEC_U32, CODEC_PART(unix_diag_rqlen, udiag_wqueue) },
	{ .key = "uid", .attr = ATTR_UID, .type = CODEC_U32 },
	{ .key = "inode", .type = CODEC_U32, CODEC_HDR(unix_diag_msg, udiag_ino) },
	{ .type = CODEC_END },
};

/* `dev` is read by packet_listed(), likewise. */
static const struct codec_row packet_rows[] = {
	PROTO,
	{ .key = "family", .type = CODEC_U8, .names = families, CODEC_HDR(packet_diag_msg, pdiag_family) },
	{ .key = "type", .type = CODEC_U8, .names = types, CODEC_HDR(packet_diag_msg, pdiag_type) },
	{ .key = "protocol", .type = CODEC_U16, CODEC_HDR(packet_diag_msg, pdiag_num) },
	{ .key = "dev", .type = CODEC_CUSTOM, .as = CODEC_LINK, .flags = CODEC_RO },
	{ .key = "recv_q", .attr = PACKET_DIAG_MEMINFO, .type = CODEC_U32, .width = 4, .size = 4 },
	{ .key = "uid", .attr = PACKET_DIAG_UID, .type = CODEC_U32 },
	{ .key = "inode", .type = CODEC_U32, CODEC_HDR(packet_diag_msg, pdiag_ino) },
	{ .type = CODEC_END },
};

static void set_proto(struct rtnl *r)
{
	lua_pushstring(r->L, r->object->name);
	lua_setfield(r->L, -2, "proto");
}

static void set_address(struct rtnl *r, const char *key, const uint32_t *words, size_t size)
{
	codec_push_address(&r->codec, words, size);
	lua_setfield(r->L, -2, key);
}

static void inet_listed(struct rtnl *r, const struct nlmsghdr *h)
{
	static const uint32_t any[4] = { 0 };
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	size_t size = m->idiag_family == AF_INET6 ? 16 : 4;

	set_proto(r);
	set_address(r, "src", m->id.idiag_src, size);
	if (m->id.idiag_dport || memcmp(m->id.idiag_dst, any, size) != 0)
		set_address(r, "dst", m->id.idiag_dst, size);
}

static void unix_listed(struct rtnl *r, const struct nlmsghdr *h)
{
	struct codec_span name = codec_inner(codec_attrs(h, sizeof(struct unix_diag_msg)), UNIX_DIAG_NAME);
	lua_State *L = r->L;

	set_proto(r);
	if (name.size == 0)
		return;
	if (*name.data) {
		lua_pushlstring(L, name.data, strnlen(name.data, name.size));
	} else { /* no file's, and any bytes */
		lua_pushliteral(L, "@");
		lua_pushlstring(L, name.data + 1, name.size - 1);
		lua_concat(L, 2);
	}
	lua_setfield(L, -2, "path");
}

static void packet_listed(struct rtnl *r, const struct nlmsghdr *h)
{
	struct codec_span info = codec_inner(codec_attrs(h, sizeof(struct packet_diag_msg)), PACKET_DIAG_INFO);
	uint32_t index = info.size >= 4 ? (uint32_t)codec_load(info.data, 4) : 0;

	set_proto(r);
	if (!index)
		return;
	r->codec.push_ifname(&r->codec, index);
	lua_setfield(r->L, -2, "dev");
}

#define OBJECT(label, fields, message, complete) \
	{ .name = label, .key = "proto", .rows = fields, .header = sizeof(struct message), .get = SOCK_DIAG_BY_FAMILY, \
	  .new = SOCK_DIAG_BY_FAMILY, .listed = complete }

static const struct kind {
	struct rtnl_object object;
	int protocol;
	int families[2];
	const char *files[2]; /* that say it, too */
} kinds[] = {
	{ OBJECT("tcp", port_rows, inet_diag_msg, inet_listed), IPPROTO_TCP, { AF_INET, AF_INET6 } },
	{ OBJECT("udp", port_rows, inet_diag_msg, inet_listed), IPPROTO_UDP, { AF_INET, AF_INET6 } },
	{ OBJECT("raw", raw_rows, inet_diag_msg, inet_listed), IPPROTO_RAW, { AF_INET, AF_INET6 }, { "raw", "raw6" } },
	{ OBJECT("unix", unix_rows, unix_diag_msg, unix_listed), 0, { AF_UNIX } },
	{ OBJECT("packet", packet_rows, packet_diag_msg, packet_listed), 0, { AF_PACKET }, { "packet" } },
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static int dump(struct nlsock *diag, const struct kind *kind, int family, struct nlbuf *in, struct nlerror *error)
{
	union {
		struct inet_diag_req_v2 inet;
		struct unix_diag_req path;
		struct packet_diag_req packet;
	} body = { .inet = { .sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)kind->protocol } };
	size_t size = sizeof(body.inet);
	struct {
		struct nlmsghdr h;
		char body[sizeof(body)];
	} request = { .h = { .nlmsg_type = SOCK_DIAG_BY_FAMILY } };

	if (family == AF_UNIX) {
		body.path.udiag_states = UINT32_MAX;
		body.path.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | SHOW_UID;
		size = sizeof(body.path);
	} else if (family == AF_PACKET) {
		body.packet.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO;
		size = sizeof(body.packet);
	} else {
		body.inet.idiag_states = UINT32_MAX;
	}
	memcpy(request.body, &body, size);
	request.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	return nlsock_dump(diag, &request.h, in, error);
}

/* The same from a file of the namespace. */
static int read_file(struct rtnl *r, const struct kind *kind, int which, struct nlbuf *in)
{
	char path[40] = "/proc/thread-self/net/";
	int fd = r->open_in(r->home, strcat(path, kind->files[which]), O_RDONLY);

	in->size = 0;
	return fd < 0 ? fd : sockproc_read(fd, kind->families[which], in);
}

static void list_kind(struct rtnl *r, struct nlsock *diag, const struct kind *kind, int filter, int out)
{
	struct nlbuf *in = nlbuf_push(r->L);

	for (int i = 0; i < 2 && kind->families[i]; i++) {
		struct nlerror error;
		int code = dump(diag, kind, kind->families[i], in, &error);

		if (code == -ENOENT && kind->files[i])
			code = read_file(r, kind, i, in);
		if (code == -ENOENT)
			error_raise(r->L, &(struct error){ .op = r->codec.op, .subject = kind->object.name, .netns = r->netns,
				.errnum = EPROTONOSUPPORT, .message = "this kernel does not tell which sockets there are" });
		if (code < 0)
			error_raise(r->L, &(struct error){ .op = r->codec.op, .subject = kind->object.name, .netns = r->netns, .errnum = -code });
		rtnl_decode(r, in, filter, out);
	}
	lua_pop(r->L, 1);
}

/* Can a socket of the kind have all that the filter wants? */
static bool has_all(struct rtnl *r, const struct kind *kind, int filter)
{
	lua_State *L = r->L;
	bool all = true;

	for (lua_pushnil(L); lua_next(L, filter); lua_pop(L, 1))
		all = all && codec_find(kind->object.rows, lua_tostring(L, -2));
	return all;
}

/* Raise unless each key is one that sockets of some kind have, and `proto` one of the kinds. */
static void check_keys(struct rtnl *r, int filter)
{
	struct args_at at = { .op = r->codec.op, .key = "filter" };
	const char *proto, *key;
	lua_State *L = r->L;
	bool known = false;
	char text[48];
	size_t n;

	args_table(L, filter, &at);
	for (lua_pushnil(L); lua_next(L, filter); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &at, "a key of type %s has no meaning here", luaL_typename(L, -2));
		key = lua_tolstring(L, -2, &n);
		known = false;
		for (int i = 0; i < KINDS; i++)
			known = known || (strlen(key) == n && codec_find(kinds[i].object.rows, key));
		at.key = args_show(key, n, text, sizeof(text));
		if (!known)
			args_misuse(L, &at, "unknown key");
	}
	if (!rtnl_has(r, filter, "proto"))
		return;
	proto = rtnl_field(r, filter, "proto");
	known = false;
	for (int i = 0; i < KINDS; i++)
		known = known || (proto && strcmp(kinds[i].object.name, proto) == 0);
	at.key = "proto";
	if (!known)
		args_misuse(L, &at, "\"tcp\", \"udp\", \"raw\", \"unix\" or \"packet\" expected");
}

void sockdiag_list(struct rtnl *r, struct nlsock *diag, int filter)
{
	const char *proto = NULL;
	int out;

	luaL_checkstack(r->L, 20, r->codec.op);
	if (filter) {
		check_keys(r, filter);
		proto = rtnl_field(r, filter, "proto");
	}
	lua_newtable(r->L);
	out = lua_gettop(r->L);
	for (int i = 0; i < KINDS; i++) {
		r->object = &kinds[i].object;
		if (filter && !has_all(r, &kinds[i], filter))
			continue;
		if (filter)
			rtnl_check_filter(r, filter);
		if (!proto || strcmp(kinds[i].object.name, proto) == 0)
			list_kind(r, diag, &kinds[i], filter, out);
	}
}

void sockdiag_push_schema(lua_State *L)
{
	lua_createtable(L, 0, KINDS);
	for (int i = 0; i < KINDS; i++) {
		codec_push_schema(L, kinds[i].object.rows);
		lua_setfield(L, -2, kinds[i].object.name);
	}
}
