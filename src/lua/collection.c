/* SPDX-License-Identifier: MIT */
/*
 * collection.c - ns.link, ns.addr, ns.route ...: the verbs of rtnetlink as methods
 *
 * A collection is a userdata that names its object and keeps its namespace as user value. Every method has the object's descriptor as
 * upvalue and prepares the same call: the namespace's socket, the name of the operation for errors, and what the engine asks about other
 * namespaces that a spec mentions.
 */
#include "collection.h"

#include "../namespace/command.h"
#include "../namespace/ns.h"
#include "../netlink/buffer.h"
#include "../netlink/rtnl.h"
#include "args.h"
#include "error.h"
#include "handle.h"

#include <lauxlib.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#define COLLECTION_TYPE "netns.collection"

static const struct rtnl_object *const objects[] = {
	&rtnl_link, &rtnl_addr, &rtnl_route, &rtnl_rule, &rtnl_neigh, &rtnl_ntable, &rtnl_fdb, &rtnl_qdisc, &rtnl_class,
	&rtnl_filter, &rtnl_vlan,
};

struct collection {
	const struct rtnl_object *object;
};

/* One method call: everything a verb needs. */
struct call {
	struct rtnl rtnl;
	char op[32];
	char label[NS_LABEL_SIZE];
};

/* The namespace that a field of a spec means, kept alive by the call's own table. */
static struct ns *other(struct rtnl *r, int idx, const char *key)
{
	lua_State *L = r->L;
	struct ns *ns = ns_ref(L, idx, r->codec.op, key);

	lua_pushboolean(L, 1);
	lua_rawset(L, r->names); /* names[handle] = true */
	return ns;
}

static int netns_fd(struct rtnl *r, int idx, const char *key)
{
	return other(r, idx, key)->fd;
}

static struct nlsock *netns_sock(struct rtnl *r, int idx, const char *key)
{
	struct ns *ns = other(r, idx, key);
	struct fault fault = { 0 };
	struct nlsock *sock = ns_route(ns, &fault);

	if (!sock)
		error_raise(r->L, &(struct error){ .op = r->codec.op, .errnum = fault.errnum, .message = fault.text, .attr = key });
	return sock;
}

/* One for each namespace and call, closed with what keeps it. */
static struct nlsock *generic(struct rtnl *r, int idx, const char *key)
{
	const struct ns *ns = idx ? other(r, idx, key) : r->home;
	lua_State *L = r->L;
	struct nlsock *sock;
	int code;

	if (lua_rawgetp(L, r->names, ns) == LUA_TUSERDATA) {
		sock = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return sock;
	}
	lua_pop(L, 1);
	sock = nlsock_push(L);
	code = ns_netlink(ns, NETLINK_GENERIC, sock);
	if (code < 0)
		error_raise(L, &(struct error){ .op = r->codec.op, .errnum = -code, .attr = idx ? key : NULL, .message = "generic netlink socket" });
	lua_rawsetp(L, r->names, ns);
	return sock;
}

static const void *netns_of(struct rtnl *r, int idx, const char *key)
{
	return idx ? other(r, idx, key) : r->home;
}

int collection_open_in(const void *netns, const char *path, int flags)
{
	return ns_file(netns, path, flags);
}

/* Check `self` and make the call ready; the object is upvalue 1. */
static struct rtnl *prepare(lua_State *L, struct call *call, const char *verb)
{
	const struct rtnl_object *object = lua_touserdata(L, lua_upvalueindex(1));
	const struct collection *self = luaL_testudata(L, 1, COLLECTION_TYPE);
	struct fault fault = { 0 };
	struct nlsock *sock;
	struct ns *ns;

	snprintf(call->op, sizeof(call->op), "%s %s", object->name, verb);
	if (!self || self->object != object)
		error_misuse(L, call->op, "self", "call it as ns.%s:%s(...)", object->name, verb);
	lua_settop(L, 2);
	lua_getiuservalue(L, 1, 1);
	ns = ns_check(L, 3, call->op, "self");
	sock = ns_route(ns, &fault);
	if (!sock)
		error_raise(L, &(struct error){ .op = call->op, .netns = ns_label(ns, call->label), .errnum = fault.errnum, .message = fault.text });
	rtnl_init(&call->rtnl, L, object, sock, call->op, ns_label(ns, call->label));
	call->rtnl.netns_fd = netns_fd;
	call->rtnl.netns_sock = netns_sock;
	call->rtnl.generic = generic;
	call->rtnl.netns_of = netns_of;
	call->rtnl.open_in = collection_open_in;
	call->rtnl.home = ns;
	return &call->rtnl;
}

static int change(lua_State *L, const char *name, enum rtnl_verb verb)
{
	struct call call;

	rtnl_apply(prepare(L, &call, name), 2, verb);
	return 0;
}

/* :add(spec | array) */
static int m_add(lua_State *L)
{
	return change(L, "add", RTNL_ADD);
}

/* :replace(spec | array) */
static int m_replace(lua_State *L)
{
	return change(L, "replace", RTNL_REPLACE);
}

/* :set(spec | array) */
static int m_set(lua_State *L)
{
	return change(L, "set", RTNL_SET);
}

/* :delete(spec | key | array) */
static int m_delete(lua_State *L)
{
	return change(L, "delete", RTNL_DELETE);
}

/* :list([filter]) -> array */
static int m_list(lua_State *L)
{
	struct call call;
	struct rtnl *r = prepare(L, &call, "list");

	rtnl_list(r, lua_isnil(L, 2) ? 0 : 2);
	return 1;
}

/* :get(spec | key) -> table | nil */
static int m_get(lua_State *L)
{
	struct call call;
	struct rtnl *r = prepare(L, &call, "get");

	rtnl_get(r, rtnl_spec(r, 2));
	return 1;
}

/* :flush([filter]) */
static int m_flush(lua_State *L)
{
	struct call call;
	struct rtnl *r = prepare(L, &call, "flush");

	rtnl_flush(r, lua_isnil(L, 2) ? 0 : 2);
	return 0;
}

/* ns.route:lookup(addr) -> table */
static int m_lookup(lua_State *L)
{
	struct call call;
	struct rtnl *r = prepare(L, &call, "lookup");

	args_string(L, 2, &(struct args_at){ .op = call.op, .key = "addr" }, NULL);
	rtnl_route_lookup(r, 2);
	return 1;
}

static const luaL_Reg verbs[] = {
	{ "add", m_add }, { "replace", m_replace }, { "set", m_set }, { "delete", m_delete },
	{ "list", m_list }, { "get", m_get }, { "flush", m_flush }, { NULL, NULL },
};

static int mm_tostring(lua_State *L)
{
	const struct collection *self = luaL_checkudata(L, 1, COLLECTION_TYPE);

	lua_pushfstring(L, "netns.%s", self->object->name);
	return 1;
}

/* The methods of a collection; upvalue 1: the table `collections`, object name -> methods. */
static int mm_methods(lua_State *L)
{
	const struct collection *self = luaL_checkudata(L, 1, COLLECTION_TYPE);

	lua_getfield(L, lua_upvalueindex(1), self->object->name);
	return 1;
}

/* Upvalue 1 as there. */
static int mm_index(lua_State *L)
{
	lua_settop(L, 2);
	mm_methods(L);
	lua_insert(L, 2);
	lua_rawget(L, 2);
	return 1;
}

/* Maker of one field: function(ns) -> collection; upvalue 1 is the object */
static int make(lua_State *L)
{
	struct collection *self;

	lua_settop(L, 1);
	self = lua_newuserdatauv(L, sizeof(*self), 1);
	self->object = lua_touserdata(L, lua_upvalueindex(1));
	luaL_setmetatable(L, COLLECTION_TYPE);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

/* core.schema(object) -> the rows of an object as a table; "process": those of a program's spec */
static int l_schema(lua_State *L)
{
	const char *name = args_string(L, 1, &(struct args_at){ .op = "schema", .key = "object" }, NULL);

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		if (strcmp(objects[i]->name, name) == 0) {
			codec_push_schema(L, objects[i]->rows);
			return 1;
		}
	if (strcmp(name, "process") == 0) {
		command_push_schema(L);
		return 1;
	}
	return error_misuse(L, "schema", "object", "'%.40s' is no object", name);
}

/* core.home(collection, object, verb) -> its namespace, for a method in Lua that collections of that object have */
static int l_home(lua_State *L)
{
	const struct collection *self = luaL_testudata(L, 1, COLLECTION_TYPE);
	const char *object = luaL_checkstring(L, 2), *verb = luaL_checkstring(L, 3);
	const char *op = lua_pushfstring(L, "%s %s", object, verb);

	if (!self || strcmp(self->object->name, object) != 0)
		error_misuse(L, op, "self", "call it as ns.%s:%s(...)", object, verb);
	lua_getiuservalue(L, 1, 1);
	ns_check(L, -1, op, "self");
	return 1;
}

static void push_object(lua_State *L, const struct rtnl_object *object)
{
	lua_pushlightuserdata(L, (void *)object);
}

void collection_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__tostring", mm_tostring }, { NULL, NULL } };
	int core = lua_gettop(L);

	lua_getfield(L, core, "fields");
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		push_object(L, objects[i]);
		lua_pushcclosure(L, make, 1);
		lua_setfield(L, core + 1, objects[i]->name);
		lua_newtable(L);
		push_object(L, objects[i]);
		luaL_setfuncs(L, verbs, 1);
		if (objects[i] == &rtnl_route) {
			push_object(L, objects[i]);
			lua_pushcclosure(L, m_lookup, 1);
			lua_setfield(L, -2, "lookup");
		}
		lua_setfield(L, core + 2, objects[i]->name);
	}
	if (handle_new(L, COLLECTION_TYPE, meta)) {
		lua_pushvalue(L, core + 2);
		lua_pushcclosure(L, mm_index, 1);
		lua_setfield(L, -2, "__index");
		lua_pushvalue(L, core + 2);
		lua_pushcclosure(L, mm_methods, 1);
		lua_setfield(L, -2, HANDLE_METHODS);
		handle_register(L, COLLECTION_TYPE);
	} else {
		/* a second luaopen_: the methods that Lua added stay */
		lua_getfield(L, -1, "__index");
		lua_getupvalue(L, -1, 1);
		lua_replace(L, core + 2);
	}
	lua_settop(L, core + 2);
	lua_setfield(L, core, "collections");
	lua_pop(L, 1);
	lua_pushcfunction(L, l_schema);
	lua_setfield(L, core, "schema");
	lua_pushcfunction(L, l_home);
	lua_setfield(L, core, "home");
}
