/* SPDX-License-Identifier: MIT */
/*
 * freed.c - close namespaces and wait until the kernel has freed them
 *
 * Theory. Closing the last descriptor of a namespace only puts it on a list; one kernel thread takes the whole list, takes apart the
 * namespaces that are on it, and comes back for the next. When that thread begins with a namespace, every other one that has an id for it
 * (RTM_NEWNSID) loses that id and is told so (RTM_DELNSID). Hence two more namespaces, both new: an observer, in which those to be closed
 * get ids, and a sentinel. When all ids are gone, the thread is at work on the last of them; the sentinel is closed only then, so it is in
 * a later round, and when its id goes, the rounds before are over. Ids keep nothing alive, and are gone with the observer.
 *
 * Nothing of this tells who still holds a namespace: a process in it, a name, another handle. Then no id goes, and time runs out.
 */
#include "freed.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/wait.h"
#include "../netlink/buffer.h"
#include "ns.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static const char op[] = "netns close_wait";

/* What one call needs; `here[id]`: that namespace still has its id. The sentinel's is the last, n. */
struct watch {
	struct ns *observer, *sentinel;
	struct nlsock *events;
	struct nlbuf *in;
	bool *here;
	int n, left;
};

/* ---- without a lua_State ---- */

static const size_t header = sizeof(struct rtgenmsg);

/* Give `fd` an id in the observer; EEXIST: it has one. */
static int give_id(struct nlsock *s, int fd, int id, struct nlerror *error)
{
	char data[128];
	struct nlmsghdr *h = mnl_nlmsg_put_header(data);

	h->nlmsg_type = RTM_NEWNSID;
	mnl_nlmsg_put_extra_header(h, header);
	mnl_attr_put_u32(h, NETNSA_FD, (uint32_t)fd);
	mnl_attr_put_u32(h, NETNSA_NSID, (uint32_t)id);
	return nlsock_talk(s, h, NULL, error);
}

/* The next message's id (-1: none) and its type; false at the end. */
static bool next_id(const struct nlbuf *in, size_t *at, int *type, int *id)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(in->data + *at);
	const struct nlattr *attr;

	if (*at + NLMSG_HDRLEN > in->size)
		return false;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	*type = h->nlmsg_type;
	*id = -1;
	if (h->nlmsg_len < NLMSG_LENGTH(header))
		return true;
	mnl_attr_for_each(attr, h, header)
		if (mnl_attr_get_type(attr) == NETNSA_NSID && mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
			*id = (int)mnl_attr_get_u32(attr);
	return true;
}

static void is_gone(struct watch *w, int id)
{
	if (id < 0 || id > w->n || !w->here[id])
		return;
	w->here[id] = false;
	w->left -= id < w->n;
}

/* Some events were lost: ask which ids there are. */
static int ask(struct watch *w, struct nlerror *error)
{
	char data[64];
	struct nlmsghdr *h = mnl_nlmsg_put_header(data);
	size_t at = 0;
	int code, type, id;

	h->nlmsg_type = RTM_GETNSID;
	mnl_nlmsg_put_extra_header(h, header);
	code = nlsock_dump(&w->observer->route, h, w->in, error);
	if (code < 0)
		return code;
	memset(w->here, false, (size_t)w->n + 1);
	w->left = 0;
	while (next_id(w->in, &at, &type, &id))
		if (type == RTM_NEWNSID && id >= 0 && id <= w->n && !w->here[id]) {
			w->here[id] = true;
			w->left += id < w->n;
		}
	return 0;
}

/* Take what was told. */
static int take(struct watch *w, struct nlerror *error)
{
	size_t at = 0;
	int code, type, id;

	w->in->size = 0;
	code = nlsock_events(w->events, w->in);
	if (code == -ENOBUFS)
		return ask(w, error);
	while (next_id(w->in, &at, &type, &id))
		if (type == RTM_DELNSID)
			is_gone(w, id);
	return code;
}

/* ---- with one ---- */

/* Everything is made and every id given before anything is closed. */
static void begin(lua_State *L, struct watch *w, struct ns **list)
{
	struct fault fault = { 0 };
	struct nlerror error = { 0 };
	int code;

	w->observer = ns_make(L, op, NULL);
	w->sentinel = ns_make(L, op, NULL);
	w->in = nlbuf_push(L);
	w->events = nlsock_push(L);
	if (!ns_route(w->observer, &fault))
		error_raise(L, &(struct error){ .op = op, .errnum = fault.errnum, .message = fault.text });
	for (int id = 0; id <= w->n; id++) {
		code = give_id(&w->observer->route, id < w->n ? list[id]->fd : w->sentinel->fd, id, &error);
		if (code < 0 && code != -EEXIST)
			error_raise(L, &(struct error){ .op = op, .errnum = -code, .message = error.text, .index = id < w->n ? id + 1 : 0 });
		w->here[id] = code == 0;
		w->left += code == 0 && id < w->n;
	}
	code = ns_netlink(w->observer, NETLINK_ROUTE, w->events);
	if (code >= 0)
		code = nlsock_join(w->events, RTNLGRP_NSID);
	if (code < 0)
		error_errno(L, -code, op, NULL);
}

/* False: time ran out. */
static bool wait_for(lua_State *L, struct watch *w, double deadline)
{
	struct pollfd ready = { .fd = w->events->fd, .events = POLLIN };
	struct nlerror error = { 0 };
	int code;

	if (wait_poll(L, &ready, 1, deadline) == 0)
		return false;
	code = take(w, &error);
	if (code < 0)
		error_raise(L, &(struct error){ .op = op, .errnum = -code, .message = error.text });
	return true;
}

/* netns.close_wait(list [, timeout]) -> true | nil, "timeout" */
static int l_close_wait(lua_State *L)
{
	double deadline = wait_deadline(args_timeout(L, 2, op));
	struct watch w = { .n = (int)args_array(L, 1, &(struct args_at){ .op = op, .key = "list" }) };
	bool in_time = true;
	struct ns **list;

	lua_settop(L, 1);
	list = lua_newuserdatauv(L, (size_t)(w.n + 1) * sizeof(struct ns *), 0);
	w.here = lua_newuserdatauv(L, (size_t)w.n + 1, 0);
	luaL_checkstack(L, w.n + LUA_MINSTACK, op);
	for (int i = 0; i < w.n; i++) {
		lua_rawgeti(L, 1, i + 1);
		list[i] = ns_check(L, -1, op, "list"); /* it stays on the stack */
	}
	if (w.n > 0)
		begin(L, &w, list);
	for (int i = 0; i < w.n; i++)
		ns_release(list[i]);
	while (in_time && w.left > 0)
		in_time = wait_for(L, &w, deadline);
	if (w.n > 0)
		ns_release(w.sentinel);
	while (in_time && w.n > 0 && w.here[w.n])
		in_time = wait_for(L, &w, deadline);
	if (w.n > 0) {
		nlsock_close(w.events);
		ns_release(w.observer);
	}
	if (!in_time) {
		lua_pushnil(L);
		lua_pushliteral(L, "timeout");
		return 2;
	}
	lua_pushboolean(L, true);
	return 1;
}

void freed_open(lua_State *L)
{
	lua_pushcfunction(L, l_close_wait);
	lua_setfield(L, -2, "close_wait");
}
