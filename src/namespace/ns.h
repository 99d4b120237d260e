/* SPDX-License-Identifier: MIT */
/* ns.h - a network namespace held by a descriptor */
#ifndef NETNS_NS_H
#define NETNS_NS_H

#include "../lua/error.h"
#include "../netlink/socket.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <sys/types.h>

#define NS_TYPE "netns.ns"
#define NS_NAME_MAX 255
#define NS_LABEL_MAX 63
#define NS_RUN_DIR "/run/netns"

struct ns {
	int fd;                     /* nsfs descriptor; -1 once closed */
	int user;                   /* the user namespace to enter first (userns.h); -1: none */
	bool user_ours;             /* it is ours to close; else the Lua state's */
	bool returns;               /* who enters it comes back: known since the handle was made */
	struct hosts *hosts;        /* what its processes see as /etc/hosts; NULL: ours (hosts.h) */
	int mounts;                 /* nsfs descriptor of the mount namespace that its processes get, -1 until one is needed (see mounts.c) */
	dev_t dev;
	ino_t inode;                /* identity */
	char name[NS_NAME_MAX + 1]; /* "" while anonymous */
	char label[NS_LABEL_MAX + 1]; /* what its maker calls it in errors, "" for none: a lab's node */
	struct nlsock route;        /* NETLINK_ROUTE, opened inside on first use (ns_route) */
	pid_t route_owner;          /* the process that opened it */
};

/*
 * The open namespace at `idx`, or an error that names `field`. A table whose metatable has `__netns` (a function that returns the handle,
 * or raises) stands for that namespace: so a lab's node is one. The handle must stay reachable from the value at idx.
 */
struct ns *ns_check(lua_State *L, int idx, const char *op, const char *field);

/* Likewise, but NULL when the value is no namespace at all (closed ones still raise). */
struct ns *ns_test(lua_State *L, int idx, const char *op, const char *field);

/*
 * Push the namespace that the value at `idx` refers to: an open handle (itself), a name, a path, or a pid (then a handle of its own, which
 * lives as long as it is reachable).
 */
struct ns *ns_ref(lua_State *L, int idx, const char *op, const char *field);

/* How errors call it: its label, else its name, else its inode; valid while `buf` is. */
#define NS_LABEL_SIZE (NS_NAME_MAX + 1)
const char *ns_label(const struct ns *ns, char buf[static NS_LABEL_SIZE]);

/* A socket that belongs to the namespace (close-on-exec), or -errno. The caller's thread is back before it returns. */
int ns_socket(const struct ns *ns, int domain, int type, int protocol);

/* A netlink socket of it; 0 or -errno. */
int ns_netlink(const struct ns *ns, int protocol, struct nlsock *s);

/* A file opened by a thread in the namespace, for those that remember it (/dev/net/tun): a descriptor, or -errno. */
int ns_file(const struct ns *ns, const char *path, int flags);

/* Its rtnetlink socket, opened on first use; NULL with the reason in `fault`. */
struct nlsock *ns_route(struct ns *ns, struct fault *fault);

/* Could the thread come back to where it is? 0 or -errno: EPERM where it could not. */
int ns_returns(void);

/*
 * Enter and leave: only for C that takes no lua_State in between. ns_enter returns 0 or -errno (then nothing changed);
 * ns_leave aborts the process if it cannot go back, since going on in a foreign namespace would be worse.
 */
struct ns_home {
	int fd;
};
int ns_enter(const struct ns *ns, struct ns_home *home);
void ns_leave(struct ns_home *home);

/* Is the thread in it already? Then entering needs no privilege. */
bool ns_is_here(const struct ns *ns);

/* Push a handle that is still closed; ns_adopt() opens it. `name` may be NULL. */
struct ns *ns_push(lua_State *L, const char *name);

/* Read who `fd` is into *ns; it must be a network namespace: 0, or -errno with fd closed. */
int ns_adopt(struct ns *ns, int fd, struct fault *fault);

/* Push a handle of a fresh namespace. */
struct ns *ns_make(lua_State *L, const char *op, const char *name);

/* Close it; again is nothing. */
void ns_release(struct ns *ns);

/* Put the methods of `functions` into the namespaces' method table. */
void ns_add_methods(lua_State *L, const luaL_Reg *functions);

/* Module functions into the table on top of the stack, and the metatable. */
void ns_open(lua_State *L);

#endif
