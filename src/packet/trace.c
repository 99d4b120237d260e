/* SPDX-License-Identifier: MIT */
/* trace.c - a handle on what nftables does with traced packets of one namespace */
#include "trace.h"

#include "../lua/error.h"
#include "../lua/handle.h"
#include "../namespace/ns.h"
#include "../netlink/nftrace.h"

#include <errno.h>
#include <lauxlib.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <sys/socket.h>

#define TRACE_TYPE "netns.trace"

enum { RECEIVE_BUFFER = 4 << 20, READ_SIZE = 32768 };

struct trace {
	int fd;    /* -1 once closed */
	bool lost; /* the buffer was full once */
};

/* core.trace(ns) -> handle: hears from now on what rules do with packets for which `meta nftrace set 1` was said */
static int l_trace(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "trace", "ns");
	struct trace *trace = lua_newuserdatauv(L, sizeof(*trace), 0);
	struct sockaddr_nl kernel_chooses = { .nl_family = AF_NETLINK };
	int size = RECEIVE_BUFFER, group = NFNLGRP_NFTRACE, fd;

	*trace = (struct trace){ .fd = -1 };
	luaL_setmetatable(L, TRACE_TYPE);
	fd = ns_socket(ns, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		return error_errno(L, -fd, "trace", "netlink socket");
	trace->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* bound first: without a port of its own a socket counts as the kernel's, to which nothing is multicast */
	if (bind(fd, (struct sockaddr *)&kernel_chooses, sizeof(kernel_chooses)) < 0)
		return error_errno(L, errno, "trace", "netlink socket");
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return error_errno(L, errno, "trace", "multicast group of traces");
	return 1;
}

static struct trace *check(lua_State *L)
{
	struct trace *trace = luaL_checkudata(L, 1, TRACE_TYPE);

	if (trace->fd < 0)
		error_closed(L, "trace");
	return trace;
}

/* trace:read() -> array of steps, in their order, and whether some were lost; never waits */
static int m_read(lua_State *L)
{
	struct trace *trace = check(L);
	void *data = lua_newuserdatauv(L, READ_SIZE, 0);
	lua_Integer n = 0;

	lua_newtable(L);
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(trace->fd, data, READ_SIZE, 0, (struct sockaddr *)&from, &size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			trace->lost = true;
			continue;
		}
		if (got < 0)
			break;
		if (from.nl_pid == 0)
			n = nftrace_decode(L, data, (size_t)got, n);
	}
	lua_pushboolean(L, trace->lost);
	return 2;
}

static int m_close(lua_State *L)
{
	struct trace *trace = luaL_checkudata(L, 1, TRACE_TYPE);

	handle_closefd(&trace->fd);
	return 0;
}

void trace_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "read", m_read }, { "close", m_close }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	if (handle_new(L, TRACE_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, TRACE_TYPE);
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, l_trace);
	lua_setfield(L, -2, "trace");
}
