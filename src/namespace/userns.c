/* SPDX-License-Identifier: MIT */
/*
 * userns.c - a user namespace of our own, in which a program without privilege can have network namespaces
 *
 * Theory. Who may not make a network namespace may still make a user namespace, and in that one everything. But a program that enters one
 * cannot come back, and a program with several threads cannot enter at all; so ours never does. Each thing that has to be done in there
 * is done by a helper that lives for that one system call: it shares our memory and our descriptor table, so that the descriptor it opens
 * is ours, and has credentials of its own. The namespaces live by those descriptors alone. Netlink on such a socket works from outside,
 * since the owner of a user namespace has every capability over it.
 *
 * The helpers' functions are BARE (rawcall.h): they share the storage of the thread that waits for them.
 */
#include "userns.h"

#include "../lua/error.h"
#include "../lua/handle.h"
#include "furnish.h"
#include "obstacle.h"
#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USERNS_TYPE "netns.userns"

enum { STACK = 4096 };

struct errand {
	int user, net;             /* to enter, in this order; -1: not that */
	int domain, type, protocol;
	const char *path;
	int flags;
	void (*what)(void *);      /* BARE, too */
	void *arg;
	const char *uid_map, *gid_map;
	long out;                  /* descriptor, or -errno */
	struct {
		char bytes[STACK];
	} stack __attribute__((aligned(16)));
};

/* ---- in the helper ---- */

BARE static long write_file(const char *path, const char *text)
{
	long fd = RAW(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC), size = 0, code;

	if (fd < 0)
		return fd;
	while (text[size])
		size++;
	code = RAW(write, fd, text, size);
	RAW(close, fd);
	return code < 0 ? code : 0;
}

/* It was cloned into the new user namespace: say who its root is outside. */
BARE static int make_user(void *arg)
{
	struct errand *e = arg;
	long code = write_file("/proc/self/setgroups", "deny");

	if (code == 0 || code == -ENOENT)
		code = write_file("/proc/self/uid_map", e->uid_map);
	if (code == 0)
		code = write_file("/proc/self/gid_map", e->gid_map);
	e->out = code < 0 ? code : RAW(openat, AT_FDCWD, "/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	return 0;
}

BARE static long enter(const struct errand *e)
{
	long code = RAW(setns, e->user, CLONE_NEWUSER);

	if (code == 0 && e->net >= 0)
		code = RAW(setns, e->net, CLONE_NEWNET);
	return code;
}

BARE static int make_net(void *arg)
{
	struct errand *e = arg;
	long code = enter(e);

	if (code == 0)
		code = RAW(unshare, CLONE_NEWNET);
	e->out = code < 0 ? code : RAW(openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return 0;
}

BARE static int make_socket(void *arg)
{
	struct errand *e = arg;
	long code = enter(e);

	e->out = code < 0 ? code : RAW(socket, e->domain, e->type | SOCK_CLOEXEC, e->protocol);
	return 0;
}

BARE static int open_path(void *arg)
{
	struct errand *e = arg;
	long code = enter(e);

	e->out = code < 0 ? code : RAW(openat, AT_FDCWD, e->path, e->flags | O_CLOEXEC);
	return 0;
}

BARE static int run_there(void *arg)
{
	struct errand *e = arg;

	e->out = enter(e);
	if (e->out == 0)
		e->what(e->arg);
	return 0;
}

/* ---- outside ---- */

/* Have `what` done: its descriptor, or -errno. No signal handler of ours may run in the helper. */
BARE static int run(struct errand *e, int (*what)(void *), unsigned long flags)
{
	unsigned long all = ~0ul, before;
	long pid;

	e->out = -ECHILD;
	RAW(rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_SIZE);
	pid = raw_clone(CLONE_VM | CLONE_VFORK | CLONE_FILES | flags, (char *)(&e->stack + 1), NULL, what, e);
	if (pid > 0)
		while (RAW(wait4, pid, NULL, __WALL, NULL) == -EINTR)
			;
	RAW(rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_SIZE);
	return pid < 0 ? (int)pid : (int)e->out;
}

static int make(const char **step)
{
	char uid_map[40], gid_map[40];
	struct errand e = { .user = -1, .net = -1, .uid_map = uid_map, .gid_map = gid_map };
	int fd;

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	fd = handle_safefd(run(&e, make_user, CLONE_NEWUSER));
	*step = e.out == -ECHILD ? OBSTACLE_MAKE : FURNISH_MAP;
	return fd;
}

int userns_net(int user)
{
	struct errand e = { .user = user, .net = -1 };

	return handle_safefd(run(&e, make_net, 0));
}

int userns_socket(int user, int net, int domain, int type, int protocol)
{
	struct errand e = { .user = user, .net = net, .domain = domain, .type = type, .protocol = protocol };

	return handle_safefd(run(&e, make_socket, 0));
}

int userns_open(int user, int net, const char *path, int flags)
{
	struct errand e = { .user = user, .net = net, .path = path, .flags = flags };

	return handle_safefd(run(&e, open_path, 0));
}

int userns_run(int user, int net, void (*what)(void *), void *arg)
{
	struct errand e = { .user = user, .net = net, .what = what, .arg = arg };

	return run(&e, run_there, 0);
}

static int mm_gc(lua_State *L)
{
	handle_closefd(luaL_checkudata(L, 1, USERNS_TYPE));
	return 0;
}

/* The state's descriptor, in a userdata of the registry; NULL while it has none. */
static int *stored(lua_State *L)
{
	int *fd;

	lua_getfield(L, LUA_REGISTRYINDEX, USERNS_TYPE ".fd");
	fd = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return fd;
}

bool userns_may(unsigned caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & caps) == caps;
}

bool userns_is_needed(void)
{
	return geteuid() != 0 || !userns_may(1U << CAP_SYS_ADMIN | 1U << CAP_NET_ADMIN);
}

static bool same(int fd, const char *path, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && (path ? stat(path, &b) : fstat(other, &b)) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int userns_owner(lua_State *L, int net, bool *ours)
{
	const int *own = stored(L);
	int owner = ioctl(net, NS_GET_USERNS);

	*ours = false;
	if (owner < 0)
		return -1;
	if (own && *own >= 0 && same(owner, NULL, *own)) {
		close(owner);
		return *own;
	}
	if (same(owner, "/proc/self/ns/user", -1)) {
		close(owner);
		return -1;
	}
	owner = handle_safefd(owner);
	*ours = owner >= 0;
	return owner >= 0 ? owner : -1;
}

/* Does not return. */
static void refuse(lua_State *L, const char *op, const char *subject, const char *step, int errnum)
{
	const struct obstacle *o = obstacle_find(step, errnum);
	char text[512];

	snprintf(text, sizeof(text), "no privilege to make one here, nor in a user namespace of our own: %s",
		 o ? o->why : strerrordesc_np(errnum));
	error_raise(L, &(struct error){ .op = op, .subject = subject, .errnum = errnum, .message = text, .hint = o ? o->remedy : NULL });
}

int userns_of(lua_State *L, const char *op, const char *subject)
{
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };
	bool off = lua_getfield(L, LUA_REGISTRYINDEX, USERNS_OFF) != LUA_TNIL;
	const char *step;
	int *fd, made;

	lua_pop(L, 1);
	if (off)
		error_errno(L, EPERM, op, subject);
	fd = stored(L);
	if (!fd) {
		fd = lua_newuserdatauv(L, sizeof(*fd), 0);
		*fd = -1;
		handle_type(L, USERNS_TYPE, meta);
		lua_setmetatable(L, -2);
		lua_setfield(L, LUA_REGISTRYINDEX, USERNS_TYPE ".fd");
	}
	if (*fd >= 0)
		return *fd;
	made = make(&step);
	if (made < 0)
		refuse(L, op, subject, step, -made);
	*fd = made;
	return made;
}
