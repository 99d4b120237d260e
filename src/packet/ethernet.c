/* SPDX-License-Identifier: MIT */
/*
 * ethernet.c - whole frames, sent and seen on the interfaces of a namespace (packet(7))
 *
 * Below the network layer there is nobody to ask: who sends a frame must watch for it at the other end. What a frame says is the caller's.
 */
#include "ethernet.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../namespace/ns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdint.h>
#include <sys/socket.h>

#define ETHERNET_TYPE "netns.ethernet"

enum { SNAPLEN = 256, RECEIVE_BUFFER = 4 << 20, MAX_FRAMES = 100000, MIN_FRAME = ETH_HLEN, MAX_FRAME = 1514 };

struct ethernet {
	int fd; /* -1 once closed */
};

static struct ethernet *check(lua_State *L)
{
	struct ethernet *e = luaL_checkudata(L, 1, ETHERNET_TYPE);

	if (e->fd < 0)
		error_closed(L, "ethernet");
	return e;
}

/* core.ethernet(ns) -> handle: sees from now on what crosses the interfaces, and can send */
static int l_ethernet(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "ethernet", "ns");
	struct ethernet *e = lua_newuserdatauv(L, sizeof(*e), 0);
	int fd;

	e->fd = -1;
	luaL_setmetatable(L, ETHERNET_TYPE);
	fd = ns_socket(ns, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0)
		return error_errno(L, -fd, "ethernet", "packet socket");
	e->fd = fd;
	handle_rcvbuf(fd, RECEIVE_BUFFER);
	return 1;
}

/* e:send(index, frame) -> true | nil, "ENETDOWN" ...: a frame, from its destination on, by the interface of that index */
static int m_send(lua_State *L)
{
	struct ethernet *e = check(L);
	int index = (int)args_integer(L, 2, &(struct args_at){ .op = "ethernet send", .key = "index" }, 1, INT_MAX);
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index };
	size_t size;
	const char *frame = luaL_checklstring(L, 3, &size);

	if (size < MIN_FRAME || size > MAX_FRAME)
		return error_misuse(L, "ethernet send", "frame", "%zu bytes; from %d to %d are a frame", size, MIN_FRAME, MAX_FRAME);
	if (sendto(e->fd, frame, size, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		lua_pushnil(L);
		lua_pushstring(L, error_code(errno));
		return 2;
	}
	lua_pushboolean(L, 1);
	return 1;
}

/* e:read() -> array of { index, direction, data }, what has come by since; never waits */
static int m_read(lua_State *L)
{
	struct ethernet *e = check(L);
	lua_Integer n = 0;

	lua_newtable(L);
	while (n < MAX_FRAMES) {
		char data[SNAPLEN];
		struct sockaddr_ll from = { .sll_ifindex = 0 };
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(e->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (got < 0 && (errno == EINTR || errno == ENETDOWN)) /* the latter: a link went down, and is told once */
			continue;
		if (got < 0)
			break;
		lua_createtable(L, 0, 3);
		lua_pushinteger(L, from.sll_ifindex);
		lua_setfield(L, -2, "index");
		lua_pushstring(L, from.sll_pkttype == PACKET_OUTGOING ? "out" : "in");
		lua_setfield(L, -2, "direction");
		lua_pushlstring(L, data, (size_t)got);
		lua_setfield(L, -2, "data");
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* e:pollfd(), e:events(): ready when there is something to read; the protocol of cqueues */
static int m_pollfd(lua_State *L)
{
	lua_pushinteger(L, check(L)->fd);
	return 1;
}

static int m_events(lua_State *L)
{
	check(L);
	lua_pushliteral(L, "r");
	return 1;
}

static int m_close(lua_State *L)
{
	struct ethernet *e = luaL_checkudata(L, 1, ETHERNET_TYPE);

	handle_closefd(&e->fd);
	return 0;
}

void ethernet_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "send", m_send }, { "read", m_read }, { "pollfd", m_pollfd }, { "events", m_events }, { "close", m_close }, { NULL, NULL },
	};
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	if (handle_new(L, ETHERNET_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, ETHERNET_TYPE);
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, l_ethernet);
	lua_setfield(L, -2, "ethernet");
}
