/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - ns:monitor: a handle on what changes in a namespace
 *
 * It has two sockets of its own: one hears, with the other it asks for what an event does not say. What one look at the first brings is
 * kept, and handed out event by event. When more came than that socket could hold, the kernel says so before what is left of it; the
 * event "lost" stands behind that, so that who asks for the state itself then hears nothing older afterwards.
 */
#include "monitor.h"

#include "../namespace/ns.h"
#include "../netlink/buffer.h"
#include "../netlink/events.h"
#include "args.h"
#include "error.h"
#include "handle.h"
#include "wait.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define MONITOR_TYPE "netns.monitor"

enum { NAMES = 1, QUEUE, VALUES = QUEUE, RECEIVE_BUFFER = 4 << 20 };

struct monitor {
	struct nlsock events, questions; /* fd -1 once closed */
	uint32_t mask;                   /* of what is told */
	size_t at;                       /* where the next message of the queue begins */
	bool lost;                       /* it is to be told behind the queue */
	pid_t owner;
	char label[NS_LABEL_SIZE];       /* of the namespace */
};

static const struct args_row rows[] = {
	{ .key = "rcvbuf", .type = ARGS_INTEGER, .offset = 0, .min = 1, .max = INT_MAX },
	{ NULL },
};

static struct monitor *check(lua_State *L, const char *op)
{
	struct monitor *m = args_self(L, MONITOR_TYPE, op);

	if (m->events.fd < 0)
		error_closed(L, op);
	if (m->owner != getpid())
		error_raise(L, &(struct error){ .op = op, .attr = "self", .errnum = ECHILD, .message = "it belongs to the process that made it" });
	return m;
}

/* What the table at `idx` names; all, if it names nothing. */
static uint32_t mask_in(lua_State *L, int idx)
{
	struct args_at at = { .op = "monitor", .key = "object" };
	uint32_t mask = 0;
	int found;

	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, idx); i++) {
		at.index = i;
		lua_rawgeti(L, idx, i);
		found = events_find(args_string(L, -1, &at, NULL));
		if (found < 0)
			args_misuse(L, &at, "nothing is told of a '%.40s'", lua_tostring(L, -1));
		mask |= 1u << found;
		lua_pop(L, 1);
	}
	return mask ? mask : UINT32_MAX;
}

/* Open one of the sockets; raises what the kernel refuses. */
static void open_socket(lua_State *L, struct monitor *m, const struct ns *ns, struct nlsock *s)
{
	int code = ns_netlink(ns, NETLINK_ROUTE, s);

	if (code < 0)
		error_raise(L, &(struct error){ .op = "monitor", .netns = m->label, .errnum = -code, .message = "netlink socket" });
}

/* The engine's call for questions and decoding; r->names is what we keep. */
static void prepare(lua_State *L, struct monitor *m, int self, struct rtnl *r)
{
	rtnl_init(r, L, &rtnl_link, &m->questions, "monitor read", m->label);
	if (lua_getiuservalue(L, self, NAMES) == LUA_TTABLE)
		lua_replace(L, r->names);
	else
		lua_pop(L, 1);
}

/* Learn the names of links anew. */
static void look(int self, struct rtnl *r)
{
	events_names(r);
	lua_pushvalue(r->L, r->names);
	lua_setiuservalue(r->L, self, NAMES);
}

/* ns:monitor([{ object, ..., rcvbuf = }]) -> monitor */
static int m_monitor(lua_State *L)
{
	const struct ns *ns = ns_check(L, 1, "monitor", "self");
	int size = RECEIVE_BUFFER, self, code;
	lua_Integer asked = size;
	uint32_t mask = UINT32_MAX;
	char label[NS_LABEL_SIZE];
	struct monitor *m;
	struct rtnl r;

	lua_settop(L, 2);
	if (!lua_isnil(L, 2)) {
		args_read(L, 2, "monitor", rows, &asked, true);
		mask = mask_in(L, 2);
		size = (int)asked;
	}
	m = lua_newuserdatauv(L, sizeof(*m), VALUES);
	self = lua_gettop(L);
	*m = (struct monitor){ .events = { .fd = -1 }, .questions = { .fd = -1 }, .mask = mask, .owner = getpid() };
	luaL_setmetatable(L, MONITOR_TYPE);
	snprintf(m->label, sizeof(m->label), "%s", ns_label(ns, label));
	nlbuf_push(L);
	lua_setiuservalue(L, self, QUEUE);
	open_socket(L, m, ns, &m->events);
	open_socket(L, m, ns, &m->questions);
	handle_rcvbuf(m->events.fd, size);
	code = events_join(&m->events, mask);
	if (code < 0)
		return error_errno(L, -code, "monitor", "multicast groups");
	prepare(L, m, self, &r);
	look(self, &r);
	lua_settop(L, self);
	return 1;
}

static struct nlbuf *queue(lua_State *L, int self)
{
	struct nlbuf *in;

	lua_getiuservalue(L, self, QUEUE);
	in = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return in;
}

/* Push the next event of the queue; false: there is none. */
static bool next_queued(struct monitor *m, int self, struct rtnl *r)
{
	struct nlbuf *in = queue(r->L, self);
	bool pushed = false;

	while (!pushed && m->at + NLMSG_HDRLEN <= in->size) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + m->at);

		pushed = events_push(r, h, m->mask);
		m->at += NLMSG_ALIGN(h->nlmsg_len);
	}
	if (pushed || !m->lost)
		return pushed;
	look(self, r);
	lua_createtable(r->L, 0, 1);
	lua_pushliteral(r->L, "lost");
	lua_setfield(r->L, -2, "action");
	m->lost = false;
	return true;
}

/* Put what has come into the queue, which is empty. */
static void hear(lua_State *L, struct monitor *m, int self)
{
	struct nlbuf *in = queue(L, self);
	int code;

	in->size = m->at = 0;
	code = nlsock_events(&m->events, in);
	m->lost = code == -ENOBUFS;
	if (code < 0 && !m->lost)
		error_raise(L, &(struct error){ .op = "monitor read", .netns = m->label, .errnum = -code });
}

static int read_one(lua_State *L, double timeout)
{
	struct monitor *m = check(L, "monitor read");
	double deadline = wait_deadline(timeout);
	struct pollfd fd = { .fd = m->events.fd, .events = POLLIN };
	struct rtnl r;
	bool more;

	lua_settop(L, 1);
	prepare(L, m, 1, &r);
	do {
		if (next_queued(m, 1, &r))
			return 1;
		hear(L, m, 1);
		if (next_queued(m, 1, &r))
			return 1;
		/* also where what comes all the time is never what was asked for */
		more = wait_poll(L, &fd, 1, deadline) > 0 && (deadline < 0 || wait_clock() < deadline);
	} while (more);
	lua_pushnil(L);
	lua_pushliteral(L, "timeout");
	return 2;
}

/* m:read([timeout]) -> event | nil, "timeout" */
static int m_read(lua_State *L)
{
	return read_one(L, args_timeout(L, 2, "monitor read"));
}

/* for event in m do: the next event, whenever it comes */
static int mm_call(lua_State *L)
{
	return read_one(L, -1);
}

/* m:pollfd(), m:events(), m:timeout(): ready when something has come; the protocol of cqueues */
static int m_pollfd(lua_State *L)
{
	lua_pushinteger(L, check(L, "monitor pollfd")->events.fd);
	return 1;
}

static int m_events(lua_State *L)
{
	check(L, "monitor events");
	lua_pushliteral(L, "r");
	return 1;
}

/* What is queued can be read at once. */
static int m_timeout(lua_State *L)
{
	const struct monitor *m = check(L, "monitor timeout");

	if (m->lost || m->at < queue(L, 1)->size)
		lua_pushinteger(L, 0);
	else
		lua_pushnil(L);
	return 1;
}

static int m_close(lua_State *L)
{
	struct monitor *m = args_self(L, MONITOR_TYPE, "monitor close");

	nlsock_close(&m->events);
	nlsock_close(&m->questions);
	return 0;
}

static int mm_tostring(lua_State *L)
{
	const struct monitor *m = luaL_checkudata(L, 1, MONITOR_TYPE);

	lua_pushfstring(L, MONITOR_TYPE " (%s)", m->events.fd < 0 ? "closed" : m->label);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "read", m_read }, { "pollfd", m_pollfd }, { "events", m_events }, { "timeout", m_timeout },
	{ "close", m_close }, { NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__call", mm_call }, { "__tostring", mm_tostring }, { "__gc", m_close }, { "__close", m_close }, { NULL, NULL },
};

void monitor_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "monitor", m_monitor }, { NULL, NULL } };

	if (handle_new(L, MONITOR_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, MONITOR_TYPE);
	}
	lua_getfield(L, -1, "__index");
	lua_setfield(L, -3, "monitor");
	lua_pop(L, 1);
	lua_newtable(L);
	for (int i = 0; events_objects[i]; i++) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, events_objects[i]);
	}
	lua_setfield(L, -2, "monitored");
	ns_add_methods(L, functions);
}
