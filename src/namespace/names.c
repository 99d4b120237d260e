/* SPDX-License-Identifier: MIT */
/*
 * names.c - the names of namespaces in /run/netns, as `ip netns` keeps them (ip-netns(8)), and who is in which
 *
 * A name is an empty file on which the namespace is mounted. The directory is a shared mount, so that a name that goes away does so in
 * every mount namespace, and keeps no namespace alive in a forgotten one. The mount comes last: who watches the directory finds
 * the namespace complete. All changes are made under the journal's lock.
 */
#include "names.h"

#include "../lua/args.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "../netlink/buffer.h"
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = sizeof(NS_RUN_DIR) + 1 + NS_NAME_MAX + 1 };

/* The mode of a file of ours that has no namespace yet, or no more: nobody else's has it. */
enum { OUR_MODE = S_ISVTX };

/* How often the lock is tried while somebody else has it. */
static const double lock_again = 0.002;

static void path_of(const char *name, char out[static PATH_ROOM])
{
	snprintf(out, PATH_ROOM, NS_RUN_DIR "/%s", name);
}

/* ---- without a lua_State ---- */

/* /run/netns, a mount point of its own whose mounts are shared. */
static int make_directory(struct fault *fault)
{
	bool is_mount = false;

	if (mkdir(NS_RUN_DIR, 0755) < 0 && errno != EEXIST)
		return fault_set(fault, errno, "mkdir " NS_RUN_DIR);
	while (mount("", NS_RUN_DIR, "none", MS_SHARED | MS_REC, NULL) < 0) {
		if (errno != EINVAL || is_mount)
			return fault_set(fault, errno, "making " NS_RUN_DIR " a shared mount");
		if (mount(NS_RUN_DIR, NS_RUN_DIR, "none", MS_BIND | MS_REC, NULL) < 0)
			return fault_set(fault, errno, "mounting " NS_RUN_DIR " on itself");
		is_mount = true;
	}
	return 0;
}

/* Give the name under the lock; on failure nothing of it is left. */
static int bind_locked(int lock, const char *name, const struct ns *ns, struct fault *fault)
{
	char path[PATH_ROOM], source[64];
	int code, fd;

	code = make_directory(fault);
	if (code < 0)
		return code;
	path_of(name, path);
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fault_set(fault, EEXIST, "%s", "");
	code = journal_write(lock, name, ns);
	if (code < 0)
		return fault_set(fault, -code, "writing to " JOURNAL_DIR);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, OUR_MODE);
	if (fd < 0) {
		int error = errno;

		journal_forget(lock, name);
		return fault_set(fault, error, "%s", error == EEXIST ? "" : "making the file in " NS_RUN_DIR);
	}
	close(fd);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", ns->fd);
	if (mount(source, path, "none", MS_BIND, NULL) < 0) {
		int error = errno;

		unlink(path);
		journal_forget(lock, name);
		return fault_set(fault, error, "mounting the namespace in " NS_RUN_DIR);
	}
	return 0;
}

static int remove_locked(int lock, const char *name, struct fault *fault)
{
	char path[PATH_ROOM];

	path_of(name, path);
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return fault_set(fault, errno, "%s", errno == ENOENT ? "" : path);
	/* EINVAL: a file on which nothing is mounted, left by whoever was killed in between */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
		return fault_set(fault, errno, "unmounting %s", path);
	if (unlink(path) < 0)
		return fault_set(fault, errno, "removing %s", path);
	journal_forget(lock, name);
	return 0;
}

/* Is the namespace that is mounted at `path` the one of the entry, and not one that got its inode's number? */
static bool is_same(const char *path, const struct journal_entry *e)
{
	struct ns ns = { .fd = -1, .user = -1, .mounts = -1, .route = { .fd = -1 } };
	struct fault fault;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	bool same;

	if (fd < 0 || ns_adopt(&ns, fd, &fault) < 0)
		return false;
	same = ns.dev == e->dev && ns.inode == e->inode && journal_cookie(&ns) == e->cookie;
	ns_release(&ns);
	return same;
}

/* Remove `name` if it is what a dead program of ours left. 1: removed, 0: left alone. */
static int prune_one(int lock, const char *name)
{
	struct journal_entry e;
	struct fault fault;
	char path[PATH_ROOM];
	struct stat st;

	if (journal_read(lock, name, &e) < 0 || !journal_is_orphan(&e))
		return 0;
	path_of(name, path);
	if (lstat(path, &st) < 0) {
		journal_forget(lock, name);
		return 0;
	}
	/* Ours: that namespace, or the file on which it is not mounted. Else the name has passed to somebody else. */
	if ((S_ISREG(st.st_mode) && (st.st_mode & 07777) == OUR_MODE) || is_same(path, &e))
		return remove_locked(lock, name, &fault) == 0;
	journal_forget(lock, name);
	return 0;
}

/* A list of names in memory that is ours to free; n = -errno when the directory could not be read. */
struct names {
	char **name;
	int n;
};

static int is_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
}

static struct names names_read(const char *directory)
{
	struct names names = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(directory);
	int error = 0;

	if (!dir)
		return (struct names){ .n = errno == ENOENT ? 0 : -errno };
	while (!error && (entry = readdir(dir))) {
		char **more;

		if (!is_name(entry))
			continue;
		more = realloc(names.name, ((size_t)names.n + 1) * sizeof(*more));
		if (more)
			names.name = more;
		if (!more || !(more[names.n] = strdup(entry->d_name)))
			error = ENOMEM;
		else
			names.n++;
	}
	closedir(dir);
	if (error) {
		names_free(&names);
		return (struct names){ .n = -error };
	}
	if (names.n)
		qsort(names.name, (size_t)names.n, sizeof(*names.name), compare);
	return names;
}

/* ---- with one ---- */

#define NAMES_TYPE "netns.names"

static int mm_gc(lua_State *L)
{
	struct names *names = luaL_checkudata(L, 1, NAMES_TYPE);

	names_free(names);
	*names = (struct names){ 0 };
	return 0;
}

/* Push a box that frees the list, whatever happens next. */
static struct names *push_names(lua_State *L, const char *op, const char *directory)
{
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };
	struct names *names = lua_newuserdatauv(L, sizeof(*names), 0);

	*names = (struct names){ 0 };
	handle_type(L, NAMES_TYPE, meta);
	lua_setmetatable(L, -2);
	*names = names_read(directory);
	if (names->n < 0) {
		int error = -names->n;

		names->n = 0;
		error_errno(L, error, op, directory);
	}
	return names;
}

/* Hold the lock; who is stopped while he has it must not make us wait for ever. */
static int take_lock(lua_State *L, const char *op)
{
	int lock;

	while ((lock = journal_lock()) == -EWOULDBLOCK)
		wait_poll(L, NULL, 0, wait_deadline(lock_again));
	if (lock < 0)
		error_raise(L, &(struct error){ .op = op, .errnum = -lock, .message = "locking " JOURNAL_DIR });
	return lock;
}

static int bind_name(lua_State *L, const char *op, const char *name, const struct ns *ns, struct fault *fault)
{
	int lock = take_lock(L, op), code = bind_locked(lock, name, ns, fault);

	close(lock);
	return code;
}

static int remove_name(lua_State *L, const char *op, const char *name, struct fault *fault)
{
	int lock = take_lock(L, op), code = remove_locked(lock, name, fault);

	close(lock);
	return code;
}

static int refuse(lua_State *L, const char *op, const char *name, const struct fault *fault)
{
	return error_raise(L, &(struct error){ .op = op, .subject = name, .errnum = fault->errnum, .message = fault->text });
}

static const char *name_argument(lua_State *L, int idx, const char *op)
{
	return args_netns_name(L, idx, &(struct args_at){ .op = op, .key = "name" });
}

/* netns.add(name) -> ns */
static int l_add(lua_State *L)
{
	const char *name = name_argument(L, 1, "netns add");
	struct fault fault = { 0 };
	struct ns *ns;

	lua_settop(L, 1);
	ns = ns_make(L, "netns add", name);
	if (bind_name(L, "netns add", name, ns, &fault) < 0) {
		ns_release(ns);
		return refuse(L, "netns add", name, &fault);
	}
	return 1;
}

/* ns:attach(name): give a namespace that has none (or another) a name */
static int m_attach(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "netns attach", "self");
	const char *name = name_argument(L, 2, "netns attach");
	struct fault fault = { 0 };

	if (bind_name(L, "netns attach", name, ns, &fault) < 0)
		return refuse(L, "netns attach", name, &fault);
	snprintf(ns->name, sizeof(ns->name), "%s", name);
	return 0;
}

/* netns.delete(name) */
static int l_delete(lua_State *L)
{
	const char *name = name_argument(L, 1, "netns delete");
	struct fault fault = { 0 };

	if (remove_name(L, "netns delete", name, &fault) < 0)
		return refuse(L, "netns delete", name, &fault);
	return 0;
}

/* ns:delete(): remove the name, if it has one, and give up the handle */
static int m_delete(lua_State *L)
{
	struct ns *ns = ns_check(L, 1, "netns delete", "self");
	struct fault fault = { 0 };

	if (ns->name[0] && remove_name(L, "netns delete", ns->name, &fault) < 0)
		return refuse(L, "netns delete", ns->name, &fault);
	ns_release(ns);
	return 0;
}

/* netns.list() -> sorted array of names */
static int l_list(lua_State *L)
{
	const struct names *names = push_names(L, "netns list", NS_RUN_DIR);

	lua_createtable(L, names->n, 0);
	for (int i = 0; i < names->n; i++) {
		lua_pushstring(L, names->name[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* netns.identify(pid) -> the name of its namespace | nil */
static int l_identify(lua_State *L)
{
	lua_Integer pid = args_integer(L, 1, &(struct args_at){ .op = "netns identify", .key = "pid" }, 1, INT_MAX);
	const struct names *names;
	char path[PATH_ROOM];
	struct stat own, st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &own) < 0) {
		int error = errno == ENOENT ? ESRCH : errno;

		lua_pushfstring(L, "%d", (int)pid);
		return error_errno(L, error, "netns identify", lua_tostring(L, -1));
	}
	names = push_names(L, "netns identify", NS_RUN_DIR);
	for (int i = 0; i < names->n; i++) {
		path_of(names->name[i], path);
		if (stat(path, &st) == 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino) {
			lua_pushstring(L, names->name[i]);
			return 1;
		}
	}
	lua_pushnil(L);
	return 1;
}

/* ns:pids() -> array of the processes that are in it, as far as /proc shows them */
static int m_pids(lua_State *L)
{
	const struct ns *ns = ns_check(L, 1, "netns pids", "self");
	struct nlbuf *found = nlbuf_push(L);
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int error = proc ? 0 : errno;

	/* No Lua call until the directory is closed: an error would leave it open. */
	while (proc && !error && (entry = readdir(proc))) {
		lua_Integer pid = strtol(entry->d_name, NULL, 10);
		char path[300];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		if (pid <= 0 || stat(path, &st) < 0 || st.st_dev != ns->dev || st.st_ino != ns->inode)
			continue;
		if (nlbuf_reserve(found, sizeof(pid)) < 0) {
			error = ENOMEM;
			break;
		}
		memcpy(found->data + found->size, &pid, sizeof(pid));
		found->size += sizeof(pid);
	}
	if (proc)
		closedir(proc);
	if (error)
		return error_errno(L, error, "netns pids", "/proc");
	lua_newtable(L);
	for (size_t at = 0; at < found->size; at += sizeof(lua_Integer)) {
		lua_Integer pid;

		memcpy(&pid, found->data + at, sizeof(pid));
		lua_pushinteger(L, pid);
		lua_rawseti(L, -2, (lua_Integer)(at / sizeof(pid)) + 1);
	}
	return 1;
}

/* netns.prune() -> array of the names that dead programs of ours had left, and that are now gone */
static int l_prune(lua_State *L)
{
	const struct names *names = push_names(L, "netns prune", JOURNAL_DIR);
	lua_Integer n = 0;

	lua_newtable(L);
	for (int i = 0; i < names->n; i++) {
		int lock = take_lock(L, "netns prune"), removed;

		journal_tidy(lock);
		removed = prune_one(lock, names->name[i]);
		close(lock);
		if (removed) {
			lua_pushstring(L, names->name[i]);
			lua_rawseti(L, -2, ++n);
		}
	}
	return 1;
}

void names_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "add", l_add }, { "list", l_list }, { "delete", l_delete }, { "identify", l_identify }, { "prune", l_prune }, { NULL, NULL },
	};
	static const luaL_Reg methods[] = { { "attach", m_attach }, { "delete", m_delete }, { "pids", m_pids }, { NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
	ns_add_methods(L, methods);
}
