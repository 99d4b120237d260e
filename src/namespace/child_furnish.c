/* SPDX-License-Identifier: MIT */
/*
 * child_furnish.c - in a program's child: the mounts of a mount namespace of its own
 *
 * Theory. Private first, so that nothing goes out. All that needs something of the old root is made before it is left: a new /proc is
 * granted only while the old one is seen. What stands in the new root is not ours, so everything is attached by descriptor and without
 * following links (child_mount.c). The old root is then unmounted, and no descriptor of it is left when the program is executed.
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child_mount.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { PLAIN = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

/* What container runtimes hide, and protect from writing (the OCI's runtime-spec, runc); those that are not there are passed over. */
static const char hidden[][34] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
	"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
};
static const char protected[][20] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static const char nodes[][8] = { "null", "zero", "full", "random", "urandom", "tty" };

static const struct {
	char name[8], target[16];
} links[] = {
	{ "ptmx", "pts/ptmx" },
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

/* Attach, and give the descriptor up; an error to begin with stays one. */
BARE static long attach(long mount, long at, const char *name)
{
	long code = mount < 0 ? mount : child_attach(mount, at, name);

	if (mount >= 0)
		RAW(close, mount);
	return code;
}

BARE static long new_proc(const struct child_container *c)
{
	if (!(c->flags & CLONE_NEWPID))
		return child_copy_mount("/proc", true, false);
	return child_new_mount("proc", NULL, PLAIN | MOUNT_ATTR_NOEXEC);
}

/* A device of ours over an empty file; only a mount of the real one can be opened in a user namespace. */
BARE static long put_node(long dev, const char *name, const char *path)
{
	long fd = RAW(openat, dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0), code;

	if (fd < 0)
		return fd;
	RAW(close, fd);
	fd = child_copy_mount(path, false, false);
	if (fd < 0)
		return fd;
	code = RAW(move_mount, fd, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH);
	RAW(close, fd);
	return code;
}

BARE static long furnish_dev(struct child_container *c, long root)
{
	static const char *const dev_options[] = { "mode", "755", "size", "64k", NULL };
	static const char *const pts_options[] = { "mode", "620", "ptmxmode", "666", NULL };
	static const char *const shm_options[] = { "mode", "1777", NULL };
	long dev = child_new_mount("tmpfs", dev_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), code;

	if (dev < 0)
		return dev;
	code = child_attach(dev, root, "dev");
	for (unsigned i = 0; i < sizeof(nodes) / sizeof(*nodes) && code >= 0; i++) {
		code = child_join(c->from, sizeof(c->from), "/dev/", nodes[i], NULL);
		if (code >= 0)
			code = put_node(dev, nodes[i], c->from);
	}
	for (unsigned i = 0; i < sizeof(links) / sizeof(*links) && code >= 0; i++)
		code = RAW(symlinkat, links[i].target, dev, links[i].name);
	if (code >= 0 && c->terminal[0])
		code = put_node(dev, "console", c->terminal);
	if (code >= 0)
		code = attach(child_new_mount("devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), dev, "pts");
	if (code >= 0)
		code = attach(child_new_mount("tmpfs", shm_options, PLAIN | MOUNT_ATTR_NOEXEC), dev, "shm");
	if (code >= 0 && c->flags & CLONE_NEWIPC) {
		code = attach(child_new_mount("mqueue", NULL, PLAIN | MOUNT_ATTR_NOEXEC), dev, "mqueue");
		if (code == -ENODEV) /* the kernel has no message queues */
			code = 0;
	}
	RAW(close, dev);
	return code;
}

BARE static long furnish_sys(const struct child_container *c, long root)
{
	long code = attach(child_copy_mount("/sys", true, true), root, "sys");

	if (code < 0 || !(c->flags & CLONE_NEWCGROUP))
		return code;
	code = attach(child_new_mount("cgroup2", NULL, PLAIN | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY), root, "sys/fs/cgroup");
	return code == -ENODEV || code == -EPERM ? 0 : code; /* no control groups, or no /sys/fs */
}

BARE static long leave_old_root(long root)
{
	long code = RAW(fchdir, root);

	if (code >= 0)
		code = RAW(pivot_root, ".", ".");
	if (code >= 0)
		code = RAW(umount2, ".", MNT_DETACH);
	return code < 0 ? code : RAW(chdir, "/");
}

BARE static int change_root(struct child_job *job)
{
	static const char *const tmp_options[] = { "mode", "1777", NULL };
	static const char *const run_options[] = { "mode", "755", NULL };
	struct child_container *c = job->container;
	long proc = new_proc(c), root, code;

	if (proc < 0)
		return child_fail(job, CHILD_PROC, proc);
	job->detail = c->lower;
	code = root = child_make_root(c);
	if (code >= 0) {
		job->detail = "/proc";
		code = attach(proc, root, "proc");
	}
	if (code >= 0) {
		job->detail = "/sys";
		code = furnish_sys(c, root);
	}
	if (code >= 0) {
		job->detail = "/dev";
		code = furnish_dev(c, root);
	}
	if (code >= 0) {
		job->detail = "/run";
		code = attach(child_new_mount("tmpfs", run_options, PLAIN), root, "run");
	}
	if (code >= 0) {
		job->detail = "/tmp";
		code = attach(child_new_mount("tmpfs", tmp_options, PLAIN), root, "tmp");
	}
	if (code >= 0) {
		job->detail = "and leaving the old one";
		code = leave_old_root(root);
	}
	if (code < 0)
		return child_fail(job, CHILD_ROOT, code);
	RAW(close, root);
	job->detail = NULL;
	return 0;
}

/* ---- paths that are hidden, or protected from writing ---- */

BARE static long hide(const char *path)
{
	static const char *const options[] = { "mode", "755", "nr_inodes", "2", NULL };
	struct statx st;
	long code, mount;

	st.stx_mode = 0;
	code = RAW(statx, AT_FDCWD, path, 0, STATX_TYPE, &st);
	if (code < 0)
		return code;
	if (S_ISDIR(st.stx_mode))
		mount = child_new_mount("tmpfs", options, PLAIN | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
	else
		mount = child_copy_mount("/dev/null", false, false);
	if (mount < 0)
		return mount;
	code = child_attach_here(mount, path);
	RAW(close, mount);
	return code;
}

BARE static long protect(const char *path)
{
	struct mount_attr attr;
	long mount, code;

	if (path[0] == '/' && !path[1]) { /* the root itself, without what is mounted beneath */
		attr.attr_set = MOUNT_ATTR_RDONLY;
		attr.attr_clr = attr.propagation = attr.userns_fd = 0;
		return RAW(mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof(attr));
	}
	mount = child_copy_mount(path, true, true);
	if (mount < 0)
		return mount;
	code = child_attach_here(mount, path);
	RAW(close, mount);
	return code;
}

BARE static int cover_paths(struct child_job *job)
{
	const struct child_container *c = job->container;
	long code = 0;

	for (const char *const *path = c->readonly; *path && code >= 0; path++) {
		job->detail = *path;
		code = protect(*path);
	}
	if (code < 0)
		return child_fail(job, CHILD_READONLY, code);
	for (unsigned i = 0; c->protects && i < sizeof(protected) / sizeof(*protected) && code >= 0; i++) {
		job->detail = protected[i];
		code = protect(protected[i]);
		if (code == -ENOENT)
			code = 0;
	}
	if (code < 0)
		return child_fail(job, CHILD_READONLY, code);
	for (unsigned i = 0; c->hides && i < sizeof(hidden) / sizeof(*hidden) && code >= 0; i++) {
		job->detail = hidden[i];
		code = hide(hidden[i]);
		if (code == -ENOENT)
			code = 0;
	}
	for (const char *const *path = c->masked; *path && code >= 0; path++) {
		job->detail = *path;
		code = hide(*path);
	}
	if (code < 0)
		return child_fail(job, CHILD_MASKED, code);
	job->detail = NULL;
	return 0;
}

BARE static int furnish(struct child_job *job)
{
	struct child_container *c = job->container;
	long code = RAW(mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

	if (code < 0)
		return child_fail(job, CHILD_PROC, code);
	if (c->root != CHILD_ROOT_NONE)
		return change_root(job);
	if (!(c->flags & CLONE_NEWPID))
		return 0;
	code = new_proc(c);
	if (code >= 0) {
		long mount = code;

		code = child_attach_here(mount, "/proc");
		RAW(close, mount);
	}
	return code < 0 ? child_fail(job, CHILD_PROC, code) : 0;
}

BARE int child_furnish(struct child_job *job)
{
	int code, umask;

	if (!(job->container->flags & CLONE_NEWNS))
		return 0;
	umask = (int)RAW(umask, 0);
	code = furnish(job);
	RAW(umask, umask);
	return code ? code : cover_paths(job);
}
