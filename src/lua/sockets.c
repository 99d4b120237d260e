/* SPDX-License-Identifier: MIT */
/* sockets.c - ns:sockets: what `ss` shows */
#include "sockets.h"

#include "../namespace/ns.h"
#include "../netlink/buffer.h"
#include "../netlink/sockdiag.h"
#include "collection.h"
#include "error.h"

#include <linux/netlink.h>
#include <sys/socket.h>

/* ns:sockets([filter]) -> array */
static int m_sockets(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "sockets", "self");
	char label[NS_LABEL_SIZE];
	struct fault fault = { 0 };
	struct nlsock *diag, *route;
	struct rtnl r;
	int code;

	lua_settop(L, 2);
	diag = nlsock_push(L);
	route = ns_route(ns, &fault);
	if (!route)
		error_raise(L, &(struct error){ .op = "sockets", .netns = ns_label(ns, label), .errnum = fault.errnum, .message = fault.text });
	code = ns_netlink(ns, NETLINK_SOCK_DIAG, diag);
	if (code < 0)
		error_raise(L, &(struct error){ .op = "sockets", .netns = ns_label(ns, label), .errnum = -code, .message = "netlink socket" });
	rtnl_init(&r, L, &rtnl_link, route, "sockets", ns_label(ns, label));
	r.open_in = collection_open_in;
	r.home = ns;
	sockdiag_list(&r, diag, lua_isnil(L, 2) ? 0 : 2);
	nlsock_close(diag);
	return 1;
}

/* core.sockets() -> the rows of each protocol's sockets */
static int l_sockets(lua_State *L)
{
	sockdiag_push_schema(L);
	return 1;
}

void sockets_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "sockets", m_sockets }, { NULL, NULL } };

	lua_pushcfunction(L, l_sockets);
	lua_setfield(L, -2, "sockets");
	ns_add_methods(L, functions);
}
