/* SPDX-License-Identifier: MIT */
/*
 * ns.c - a network namespace held by a descriptor
 *
 * Theory. A namespace lives as long as something refers to it: a process, a mount, a descriptor, a socket. A handle is such a descriptor,
 * so an anonymous namespace is gone when its handle is, however the program ends.
 *
 * The thread enters a namespace for as short as possible: to open a socket there (a socket belongs for ever to the namespace in which it
 * was made, so one netlink socket per namespace does all of `ns.link`, `ns.addr` ... from outside), to read /proc/sys/net, or for the
 * length of ns:call(). In between no Lua code may run, except in ns:call (inside.c).
 */
#include "ns.h"

#include "../lua/args.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "hosts.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define THREAD_NET "/proc/thread-self/ns/net"

/* How long a refused unshare is tried again: the kernel frees closed namespaces in the background, one after the other. */
static const double freed_within = 2;

const char *ns_label(const struct ns *ns, char buf[static NS_LABEL_SIZE])
{
	if (ns->label[0])
		return ns->label;
	if (ns->name[0])
		return ns->name;
	snprintf(buf, NS_LABEL_SIZE, "%llu", (unsigned long long)ns->inode);
	return buf;
}

/* ---- without a lua_State ---- */

bool ns_is_here(const struct ns *ns)
{
	struct stat st;

	return stat(THREAD_NET, &st) == 0 && st.st_dev == ns->dev && st.st_ino == ns->inode;
}

/*
 * Root of a user namespace that does not own it (of a container that has the machine's network, say) could leave it, and for ever: whether
 * the way back is open is found out by going it.
 */
int ns_returns(void)
{
	int home = open(THREAD_NET, O_RDONLY | O_CLOEXEC), error;

	if (home < 0)
		return -errno;
	error = setns(home, CLONE_NEWNET) < 0 ? -errno : 0;
	close(home);
	return error;
}

/* home->fd stays -1 where there is no way to go. */
int ns_enter(const struct ns *ns, struct ns_home *home)
{
	int error = ns->returns ? 0 : ns_returns();

	home->fd = error < 0 ? -1 : open(THREAD_NET, O_RDONLY | O_CLOEXEC);
	if (home->fd >= 0 && setns(ns->fd, CLONE_NEWNET) == 0)
		return 0;
	error = error < 0 ? error : -errno;
	handle_closefd(&home->fd);
	return error == -EPERM && ns_is_here(ns) ? 0 : error;
}

void ns_leave(struct ns_home *home)
{
	if (home->fd >= 0 && setns(home->fd, CLONE_NEWNET) < 0) {
		static const char text[] = "netns: cannot return to the caller's network namespace; ending the process\n";

		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			abort();
		abort();
	}
	handle_closefd(&home->fd);
}

int ns_socket(const struct ns *ns, int domain, int type, int protocol)
{
	struct ns_home home;
	int fd;

	if (ns->user >= 0)
		return userns_socket(ns->user, ns->fd, domain, type, protocol);
	fd = ns_enter(ns, &home);
	if (fd < 0)
		return fd;
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	ns_leave(&home);
	return handle_safefd(fd);
}

int ns_file(const struct ns *ns, const char *path, int flags)
{
	struct ns_home home;
	int fd;

	if (ns->user >= 0)
		return userns_open(ns->user, ns->fd, path, flags);
	fd = ns_enter(ns, &home);
	if (fd < 0)
		return fd;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	ns_leave(&home);
	return handle_safefd(fd);
}

int ns_netlink(const struct ns *ns, int protocol, struct nlsock *s)
{
	int fd = ns_socket(ns, AF_NETLINK, SOCK_RAW, protocol);

	return fd < 0 ? fd : nlsock_init(s, fd);
}

struct nlsock *ns_route(struct ns *ns, struct fault *fault)
{
	int code;

	/* A copy of us that fork() made shares the socket, and each would read the other's answers. */
	if (ns->route.fd >= 0 && ns->route_owner == getpid())
		return &ns->route;
	nlsock_close(&ns->route);
	code = ns_netlink(ns, NETLINK_ROUTE, &ns->route);
	ns->route_owner = getpid();
	if (code >= 0)
		return &ns->route;
	fault_set(fault, -code, "opening a netlink socket in the namespace: %s", strerrordesc_np(-code));
	return NULL;
}

void ns_release(struct ns *ns)
{
	hosts_drop(ns->hosts);
	ns->hosts = NULL;
	nlsock_close(&ns->route);
	handle_closefd(&ns->mounts);
	if (ns->user_ours)
		handle_closefd(&ns->user);
	handle_closefd(&ns->fd);
}

int ns_adopt(struct ns *ns, int fd, struct fault *fault)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0) {
		int error = errno;

		close(fd);
		return fault_set(fault, error, "%s", strerrordesc_np(error));
	}
	if (fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(fd);
		return fault_set(fault, EINVAL, "not a network namespace");
	}
	fd = handle_safefd(fd);
	if (fd < 0)
		return fault_set(fault, -fd, "%s", strerrordesc_np(-fd));
	ns->fd = fd;
	ns->dev = st.st_dev;
	ns->inode = st.st_ino;
	return 0;
}

static int make_here(void)
{
	int error = ns_returns(), home, fd;

	if (error < 0)
		return error;
	home = open(THREAD_NET, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0) {
		error = -errno;
		close(home);
		return error;
	}
	fd = open(THREAD_NET, O_RDONLY | O_CLOEXEC);
	error = -errno;
	ns_leave(&(struct ns_home){ .fd = home });
	return fd < 0 ? error : fd;
}

/* A fresh namespace: its descriptor, or -errno. Who may not make one here makes it in a user namespace of his own. */
static int make(lua_State *L, int *user, const char *op, const char *name)
{
	int fd = make_here();

	if (fd != -EPERM)
		return fd;
	*user = userns_of(L, op, name);
	return userns_net(*user);
}

static int open_pid(pid_t pid, struct fault *fault)
{
	char path[64];
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd, error;

	if (pidfd < 0)
		return fault_set(fault, errno, errno == ESRCH ? "no such process" : "pidfd_open");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	error = errno;
	/* The number may have passed to another process between the two: the pidfd tells whether ours was still alive. */
	if (fd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 && errno == ESRCH) {
		close(fd);
		fd = -1;
		error = ESRCH;
	}
	close(pidfd);
	if (fd < 0)
		return fault_set(fault, error, "%s: %s", path, strerrordesc_np(error));
	return fd;
}

/* ---- handles ---- */

struct ns *ns_push(lua_State *L, const char *name)
{
	struct ns *ns = lua_newuserdatauv(L, sizeof(*ns), 1);

	*ns = (struct ns){ .fd = -1, .user = -1, .mounts = -1, .route = { .fd = -1 } };
	if (name)
		snprintf(ns->name, sizeof(ns->name), "%s", name);
	luaL_setmetatable(L, NS_TYPE);
	return ns;
}

struct ns *ns_test(lua_State *L, int idx, const char *op, const char *field)
{
	struct ns *ns = luaL_testudata(L, idx, NS_TYPE);

	if (!ns && luaL_getmetafield(L, idx, "__netns") != LUA_TNIL) {
		if (lua_isfunction(L, -1)) {
			lua_pushvalue(L, idx);
			lua_call(L, 1, 1);
		}
		ns = luaL_testudata(L, -1, NS_TYPE);
		lua_pop(L, 1);
	}
	if (ns && ns->fd < 0)
		error_raise(L, &(struct error){ .op = op, .attr = field, .errnum = EBADF, .message = "the namespace is closed", .misuse = true });
	return ns;
}

struct ns *ns_check(lua_State *L, int idx, const char *op, const char *field)
{
	struct ns *ns = ns_test(L, idx, op, field);

	if (!ns)
		error_misuse(L, op, field, "a namespace expected, got %s", luaL_typename(L, idx));
	return ns;
}

static int fail(lua_State *L, const char *op, const char *subject, const struct fault *fault)
{
	return error_raise(L, &(struct error){ .op = op, .subject = subject, .errnum = fault->errnum, .message = fault->text });
}

struct ns *ns_make(lua_State *L, const char *op, const char *name)
{
	double deadline = wait_deadline(freed_within);
	struct ns *ns = ns_push(L, name);
	struct fault fault = { 0 };
	int fd;

	while ((fd = make(L, &ns->user, op, name)) == -ENOSPC && wait_clock() < deadline)
		wait_poll(L, NULL, 0, wait_deadline(0.01));
	if (fd < 0)
		error_errno(L, -fd, op, name);
	if (ns_adopt(ns, fd, &fault) < 0)
		fail(L, op, name, &fault);
	ns->returns = ns->user < 0;
	return ns;
}

/* netns.new() -> ns */
static int l_new(lua_State *L)
{
	ns_make(L, "netns new", NULL);
	return 1;
}

struct ns *ns_ref(lua_State *L, int idx, const char *op, const char *field)
{
	const struct args_at at = { .op = op, .key = field };
	struct ns *ns = ns_test(L, idx, op, field);
	struct fault fault = { 0 };
	const char *subject;
	char path[PATH_MAX];
	int fd;

	luaL_checkstack(L, 6, op);
	if (ns) {
		lua_pushvalue(L, idx);
		return ns;
	}
	if (lua_type(L, idx) == LUA_TNUMBER) {
		pid_t pid = (pid_t)args_integer(L, idx, &at, 1, INT32_MAX);

		subject = lua_pushfstring(L, "%d", (int)pid);
		ns = ns_push(L, NULL);
		fd = open_pid(pid, &fault);
		if (fd < 0)
			fail(L, op, subject, &fault);
	} else {
		size_t n;

		subject = args_string(L, idx, &at, &n);
		if (*subject != '/')
			args_netns_name(L, idx, &at);
		if (n + sizeof(NS_RUN_DIR) + 1 > sizeof(path))
			args_misuse(L, &at, "the path is too long");
		lua_pushvalue(L, idx);
		ns = ns_push(L, *subject == '/' ? NULL : subject);
		snprintf(path, sizeof(path), "%s%s", *subject == '/' ? "" : NS_RUN_DIR "/", subject);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			error_errno(L, errno, op, subject);
	}
	if (ns_adopt(ns, fd, &fault) < 0)
		fail(L, op, subject, &fault);
	ns->returns = ns_returns() == 0;
	if (!ns->returns)
		ns->user = userns_owner(L, ns->fd, &ns->user_ours);
	lua_remove(L, -2); /* the subject */
	return ns;
}

/* netns.open(name | "/path" | pid) -> ns; the facade adds { container = ... } */
static int l_open(lua_State *L)
{
	lua_settop(L, 1);
	if (luaL_testudata(L, 1, NS_TYPE))
		return error_misuse(L, "netns open", "ref", "a name, a path or a pid expected, got a namespace");
	ns_ref(L, 1, "netns open", "ref");
	return 1;
}

/* netns.current() -> ns, the calling thread's */
static int l_current(lua_State *L)
{
	struct fault fault = { 0 };
	struct ns *ns;
	int fd;

	lua_settop(L, 0);
	ns = ns_push(L, NULL);
	fd = open(THREAD_NET, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(L, errno, "netns current", THREAD_NET);
	if (ns_adopt(ns, fd, &fault) < 0)
		return fail(L, "netns current", NULL, &fault);
	return 1;
}

/* ns:close() */
static int m_close(lua_State *L)
{
	ns_release(args_self(L, NS_TYPE, "netns close"));
	return 0;
}

/* core.check(ns, op): raises if the namespace is closed */
static int l_check(lua_State *L)
{
	ns_check(L, 1, luaL_checkstring(L, 2), "self");
	return 0;
}

/* core.label(ns [, label]) -> what errors call it, "closed" where it is; with a label, from now on that */
static int l_label(lua_State *L)
{
	const struct ns *own = luaL_testudata(L, 1, NS_TYPE);
	char label[NS_LABEL_SIZE];
	struct ns *ns;

	if (own && own->fd < 0) {
		lua_pushliteral(L, "closed");
		return 1;
	}
	ns = ns_check(L, 1, "label", "ns");
	if (!lua_isnoneornil(L, 2))
		snprintf(ns->label, sizeof(ns->label), "%s", args_string(L, 2, &(struct args_at){ .op = "label", .key = "label" }, NULL));
	lua_pushstring(L, ns_label(ns, label));
	return 1;
}

static int mm_tostring(lua_State *L)
{
	const struct ns *ns = luaL_checkudata(L, 1, NS_TYPE);
	char label[NS_LABEL_SIZE];

	lua_pushfstring(L, NS_TYPE " (%s)", ns->fd < 0 ? "closed" : ns_label(ns, label));
	return 1;
}

static int mm_eq(lua_State *L)
{
	const struct ns *a = luaL_testudata(L, 1, NS_TYPE), *b = luaL_testudata(L, 2, NS_TYPE);

	lua_pushboolean(L, a && b && a->inode == b->inode && a->dev == b->dev && a->inode != 0);
	return 1;
}

/*
 * ns.KEY: a method, `inode`, `name`, or a field that core.fields knows to make: a table from a name to the function(ns) that returns
 * its value on first use (ns.link, ns.nft ...); what it returned is kept in the handle's user value.
 * Upvalues: 1 the methods, 2 core.fields.
 */
static int mm_index(lua_State *L)
{
	const struct ns *ns = luaL_checkudata(L, 1, NS_TYPE);
	const char *key;

	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
	if (strcmp(key, "inode") == 0) {
		lua_pushinteger(L, (lua_Integer)ns->inode);
		return 1;
	}
	if (strcmp(key, "name") == 0) {
		lua_pushstring(L, ns->name[0] ? ns->name : NULL);
		return 1;
	}
	lua_settop(L, 2);
	if (lua_getiuservalue(L, 1, 1) != LUA_TTABLE) { /* 3 */
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, 1, 1);
	}
	lua_pushvalue(L, 2);
	if (lua_rawget(L, 3) != LUA_TNIL)
		return 1;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) == LUA_TNIL)
		return 1;
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 3);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "new", l_new },
	{ "open", l_open },
	{ "current", l_current },
	{ "check", l_check },
	{ "label", l_label },
	{ NULL, NULL },
};

static const luaL_Reg methods[] = {
	{ "close", m_close },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", mm_tostring },
	{ "__eq", mm_eq },
	{ "__gc", m_close },
	{ "__close", m_close },
	{ NULL, NULL },
};

void ns_add_methods(lua_State *L, const luaL_Reg *more)
{
	luaL_getmetatable(L, NS_TYPE);
	lua_getfield(L, -1, "__index");
	lua_getupvalue(L, -1, 1);
	luaL_setfuncs(L, more, 0);
	lua_pop(L, 3);
}

/* core.fields is on top of the methods, and those on the metatable; what mm_index answers by itself comes before it. */
static void declare_fields(lua_State *L)
{
	lua_createtable(L, 0, 2);
	lua_pushboolean(L, true);
	lua_setfield(L, -2, "inode");
	lua_pushboolean(L, true);
	lua_setfield(L, -2, "name");
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_setfield(L, -4, HANDLE_FIELDS);
}

void ns_open(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
	if (handle_new(L, NS_TYPE, meta)) {
		lua_newtable(L);
		luaL_setfuncs(L, methods, 0);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, HANDLE_METHODS);
		lua_newtable(L);
		declare_fields(L);
		lua_pushcclosure(L, mm_index, 2);
		lua_setfield(L, -2, "__index");
		handle_register(L, NS_TYPE);
	}
	lua_getfield(L, -1, "__index");
	lua_getupvalue(L, -1, 2);
	lua_setfield(L, -4, "fields");
	lua_pop(L, 2);
}
