/* SPDX-License-Identifier: MIT */
/*
 * frames.c - what crosses the interfaces of a namespace, as it is seen by a packet socket (packet(7))
 *
 * Theory. A packet socket sees an incoming frame before any hook of the firewall and an outgoing one behind all of them: it tells which
 * interfaces a packet got to, not what became of it. Frames wait in the socket's buffer until they are asked for; what did not fit is
 * counted, so whoever asks knows when the picture has holes.
 */
#include "frames.h"

#include "../lua/error.h"
#include "../lua/handle.h"
#include "../namespace/ns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAMES_TYPE "netns.frames"

enum { SNAPLEN = 256, RECEIVE_BUFFER = 4 << 20, MAX_FRAMES = 100000 };

struct frames {
	int fd; /* -1 once closed */
};

/* The parts of a packet that say whose it is. */
struct frame {
	int family;
	const uint8_t *src, *dst;
	unsigned int ttl, proto;
	bool ports;
	unsigned int sport, dport; /* of TCP and UDP; type and code of ICMP */
};

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* Read the network header and the four bytes behind it; false for what is neither IPv4 nor IPv6. */
static bool dissect(const uint8_t *p, size_t size, struct frame *f)
{
	size_t header;

	memset(f, 0, sizeof(*f));
	if (size >= 20 && p[0] >> 4 == 4) {
		f->family = AF_INET;
		f->src = p + 12;
		f->dst = p + 16;
		f->ttl = p[8];
		f->proto = p[9];
		header = (size_t)(p[0] & 15) * 4;
	} else if (size >= 40 && p[0] >> 4 == 6) {
		f->family = AF_INET6;
		f->src = p + 8;
		f->dst = p + 24;
		f->ttl = p[7];
		f->proto = p[6];
		header = 40;
	} else {
		return false;
	}
	if (size >= header + 4) {
		f->ports = true;
		f->sport = be16(p + header);
		f->dport = be16(p + header + 2);
	}
	return true;
}

static void set_address(lua_State *L, const char *key, const struct frame *f, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(f->family, bytes, text, sizeof(text)))
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
}

static void push_frame(lua_State *L, const struct frame *f, const struct sockaddr_ll *from)
{
	bool icmp = f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6;

	lua_createtable(L, 0, 12);
	set_integer(L, "index", from->sll_ifindex);
	lua_pushstring(L, from->sll_pkttype == PACKET_OUTGOING ? "out" : "in");
	lua_setfield(L, -2, "direction");
	lua_pushboolean(L, from->sll_pkttype == PACKET_HOST);
	lua_setfield(L, -2, "here"); /* its link-layer address is this interface's */
	lua_pushstring(L, f->family == AF_INET ? "inet" : "inet6");
	lua_setfield(L, -2, "family");
	set_address(L, "src", f, f->src);
	set_address(L, "dst", f, f->dst);
	set_integer(L, "proto", f->proto);
	set_integer(L, "ttl", f->ttl);
	if (f->ports) {
		set_integer(L, icmp ? "type" : "sport", icmp ? f->sport >> 8 : f->sport);
		set_integer(L, icmp ? "code" : "dport", icmp ? f->sport & 255 : f->dport);
	}
}

static struct frames *check(lua_State *L)
{
	struct frames *frames = luaL_checkudata(L, 1, FRAMES_TYPE);

	if (frames->fd < 0)
		error_closed(L, "frames");
	return frames;
}

/* core.frames(ns) -> handle: from now on, what crosses its interfaces */
static int l_frames(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "frames", "ns");
	struct frames *frames = lua_newuserdatauv(L, sizeof(*frames), 0);
	int fd;

	frames->fd = -1;
	luaL_setmetatable(L, FRAMES_TYPE);
	fd = ns_socket(ns, AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0)
		return error_errno(L, -fd, "frames", "packet socket");
	frames->fd = fd;
	handle_rcvbuf(fd, RECEIVE_BUFFER);
	return 1;
}

/* frames:read() -> array of what has come by since; never waits */
static int m_read(lua_State *L)
{
	struct frames *frames = check(L);
	lua_Integer n = 0;

	lua_newtable(L);
	while (n < MAX_FRAMES) {
		uint8_t data[SNAPLEN];
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		struct frame frame;
		ssize_t got = recvfrom(frames->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (got < 0 && (errno == EINTR || errno == ENETDOWN)) /* the latter: a link went down, and is told once */
			continue;
		if (got < 0)
			break;
		if (!dissect(data, (size_t)got, &frame))
			continue;
		push_frame(L, &frame, &from);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* frames:lost() -> how many did not fit into the buffer since the last call */
static int m_lost(lua_State *L)
{
	struct frames *frames = check(L);
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	getsockopt(frames->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	lua_pushinteger(L, stats.tp_drops);
	return 1;
}

static int m_close(lua_State *L)
{
	struct frames *frames = luaL_checkudata(L, 1, FRAMES_TYPE);

	handle_closefd(&frames->fd);
	return 0;
}

void frames_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "read", m_read }, { "lost", m_lost }, { "close", m_close }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	if (handle_new(L, FRAMES_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, FRAMES_TYPE);
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, l_frames);
	lua_setfield(L, -2, "frames");
}
