/* SPDX-License-Identifier: MIT */
/*
 * child.c - what runs in a program's child until it is the program, and the helper that makes its mounts
 *
 * Nothing here, nor in reaper.c, may call libc (see rawcall.h).
 */
#include "child.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the child, until it is the program ---- */

BARE int child_fail(struct child_job *job, enum child_step step, long error)
{
	job->error = (int)-error;
	job->step = (int)step;
	return 127;
}

/* Put job->stdio on 0, 1 and 2. One of them may itself be another's number (stdout = io.stderr and the reverse), so first move those away. */
BARE static long set_stdio(struct child_job *job)
{
	int from[3];
	long code;

	for (int i = 0; i < 3; i++) {
		code = job->stdio[i];
		if (code < 3 && code != i)
			code = RAW(fcntl, code, F_DUPFD_CLOEXEC, 3);
		if (code < 0)
			return code;
		from[i] = (int)code;
	}
	for (int i = 0; i < 3; i++) {
		code = from[i] == i ? RAW(fcntl, i, F_SETFD, 0) : RAW(dup3, from[i], i, 0);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Executing gives back what has a handler, but what is ignored would stay so; and a handler of the host's must not run in between. */
BARE static void reset_signals(const struct child_job *job)
{
	struct raw_sigaction fresh;
	unsigned long none = 0;

	fresh.handler = fresh.flags = fresh.restorer = fresh.mask = 0;
	for (int i = 1; i <= CHILD_SIGNALS; i++)
		RAW(rt_sigaction, i, &fresh, NULL, SIGSET_SIZE);
	for (uint64_t left = job->changed; left; left &= left - 1)
		RAW(rt_sigaction, __builtin_ctzll(left) + 1, &fresh, NULL, SIGSET_SIZE);
	RAW(rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGSET_SIZE);
}

/* As execvp() searches, but never a shell for what has no known format, and a directory that is closed to us is passed over. */
BARE static long execute(const struct child_job *job)
{
	long code = -ENOENT, seen = 0;

	for (const char *const *path = job->paths; *path; path++) {
		code = RAW(execve, *path, job->argv, job->envp);
		if (code == -EACCES && RAW(faccessat, AT_FDCWD, *path, F_OK) == 0)
			seen = code;
		else if (code != -EACCES && code != -ENOENT && code != -ENOTDIR)
			return code;
	}
	return seen ? seen : -ENOENT;
}

BARE int child_program(struct child_job *job, bool alone)
{
	long code;

	if (job->session)
		RAW(setsid, 0);
	code = RAW(chdir, job->cwd);
	if (code < 0 && job->container && job->container->anywhere)
		code = RAW(chdir, "/");
	if (code < 0)
		return child_fail(job, CHILD_CWD, code);
	code = set_stdio(job);
	if (code < 0)
		return child_fail(job, CHILD_STDIO, code);
	if (job->pty) {
		code = RAW(ioctl, 0, TIOCSCTTY, 0);
		if (code >= 0 && job->confine.has_user)
			code = RAW(fchown, 0, job->confine.uid, -1);
		if (code < 0)
			return child_fail(job, CHILD_PTY, code);
	}
	code = RAW(close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (code < 0)
		return child_fail(job, CHILD_FILES, code);
	if (job->confine.any) {
		if (child_confine(job) != 0)
			return 127;
		RAW(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (!alone && RAW(getppid, 0) != job->supervisor)
			return 127;
	}
	/* Until the program is executed nobody may look into what is left of us in it. */
	if (job->own_memory)
		RAW(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	reset_signals(job);
	if (job->confine.filter && child_filter(job) != 0)
		return 127;
	return child_fail(job, CHILD_EXEC, execute(job));
}

BARE int child_main(void *arg)
{
	struct child_job *job = arg;
	long code;

	RAW(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (RAW(getppid, 0) != job->supervisor)
		return 127;
	code = job->user >= 0 ? RAW(setns, job->user, CLONE_NEWUSER) : 0;
	if (code >= 0 && job->net >= 0)
		code = RAW(setns, job->net, CLONE_NEWNET);
	if (code < 0)
		return child_fail(job, CHILD_SETNS, code);
	if (job->mounts >= 0) {
		code = RAW(setns, job->mounts, CLONE_NEWNS);
		if (code < 0)
			return child_fail(job, CHILD_MOUNTS, code);
	}
	/* setns() to a mount namespace moved us to its root; the working directory follows. */
	return job->container ? child_contain(job) : child_program(job, false);
}

/* ---- the mount helper ---- */

/*
 * The names of namespaces are everybody's: a copy of the shared /run/netns, which stays a peer when everything else becomes a slave, so
 * that what `ip netns add` does under a program of ours is seen by the script. -1 where it is no shared mount of its own.
 */
BARE static long copy_names(void)
{
	struct statx st;

	st.stx_attributes = 0;
	if (RAW(statx, AT_FDCWD, "/run/netns", AT_SYMLINK_NOFOLLOW, 0, &st) < 0 || !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return -1;
	return RAW(open_tree, AT_FDCWD, "/run/netns", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* Lay the text over /etc/hosts: by way of a tmpfs that nobody sees, at a place that is mounted over next. */
BARE static long lay_hosts(const struct child_mounts *job)
{
	long code = RAW(mount, "none", "/sys", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755"), fd, n;
	size_t done = 0;

	if (code < 0)
		return code;
	fd = RAW(openat, AT_FDCWD, "/sys/hosts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	while (fd >= 0 && done < job->hosts_size) {
		n = RAW(write, (int)fd, job->hosts + done, job->hosts_size - done);
		if (n < 0 && n != -EINTR) {
			RAW(close, (int)fd);
			fd = n;
		} else if (n > 0) {
			done += (size_t)n;
		}
	}
	code = fd;
	if (fd >= 0) {
		RAW(close, (int)fd);
		code = RAW(mount, "/sys/hosts", "/etc/hosts", NULL, MS_BIND, NULL);
		if (code == -ENOENT) /* who has no /etc/hosts asks nobody there */
			code = 0;
	}
	RAW(umount2, "/sys", MNT_DETACH);
	return code;
}

BARE static int mounts_main(void *arg)
{
	struct child_mounts *job = arg;
	struct statfs fs;
	long code, names, flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	job->failed = "entering the network namespace";
	code = job->user >= 0 ? RAW(setns, job->user, CLONE_NEWUSER) : 0;
	if (code >= 0)
		code = RAW(setns, job->net, CLONE_NEWNET);
	if (code >= 0) {
		job->failed = "making a mount namespace";
		code = RAW(unshare, CLONE_NEWNS);
	}
	if (code >= 0) {
		/* Mounts that are made later still arrive, but none of ours goes back. */
		job->failed = "making the mounts slaves";
		names = copy_names();
		code = RAW(mount, "none", "/", NULL, MS_REC | MS_SLAVE, NULL);
		if (names >= 0) {
			if (code >= 0)
				code = RAW(move_mount, names, "", AT_FDCWD, "/run/netns", MOVE_MOUNT_F_EMPTY_PATH);
			RAW(close, names);
		}
	}
	if (code >= 0 && job->hosts) {
		job->failed = "/etc/hosts";
		code = lay_hosts(job);
	}
	if (code >= 0) {
		/* Over the old one: where only a visible sysfs entitles us to a new one, it must not go first. */
		job->failed = "mounting /sys";
		fs.f_flags = 0;
		RAW(statfs, "/sys", &fs);
		flags |= fs.f_flags & MS_RDONLY;
		code = RAW(mount, "sysfs", "/sys", "sysfs", flags, NULL);
		/* Where none may be mounted, an empty directory is right: the old one would show another namespace's links. */
		if (code == -EBUSY) /* it is this namespace's own already */
			code = 0;
		if (code == -EPERM)
			code = RAW(mount, "none", "/sys", "tmpfs", flags | MS_RDONLY, "size=0");
	}
	for (const struct child_bind *bind = job->binds; code >= 0 && bind->source; bind++) {
		job->failed = bind->source;
		code = RAW(mount, bind->source, bind->target, NULL, MS_BIND, NULL);
	}
	if (code >= 0) {
		job->failed = "/proc/thread-self/ns/mnt";
		code = RAW(openat, AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	}
	if (code >= 0) {
		job->failed = NULL;
		job->fd = (int)code;
	} else {
		job->error = (int)-code;
	}
	return 0;
}

BARE int child_mounts(struct child_mounts *job)
{
	unsigned long all = ~0ul, before;
	long pid;

	job->fd = -1;
	job->failed = NULL;
	job->error = 0;
	RAW(rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_SIZE);
	pid = raw_clone(CLONE_VM | CLONE_VFORK | CLONE_FILES, (char *)(&job->stack_room + 1), NULL, mounts_main, job);
	if (pid > 0)
		while (RAW(wait4, pid, NULL, __WALL, NULL) == -EINTR)
			;
	RAW(rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_SIZE);
	if (pid < 0)
		job->error = (int)-pid;
	return -job->error;
}
