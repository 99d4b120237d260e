/* SPDX-License-Identifier: MIT */
/*
 * child_contain.c - in a program's child: enters namespaces of its own, and starts the init of a PID namespace
 *
 * Theory. unshare() moves the caller into all the new namespaces but the PID namespace, which only its next children are in. The first of
 * those is init, which reaps orphans and whose death ends everything in it; the second becomes the program. Both are cloned with
 * CLONE_PARENT, so they are children of the supervisor, which waits for the program as for any other, and kills init when that
 * has ended.
 *
 *	supervisor ── child: setns, unshare, user map, hostname; ends when the program was executed
 *	     ├─────── init: pid 1 inside
 *	     └─────── program: pid 2 inside; mounts, then as any other
 *
 * One user and one group are mapped, that of the child: so it is the same for everybody, with and without privilege. The child writes the
 * map itself, before there is anybody else in the namespace.
 *
 * Init runs nothing of others and keeps nothing of ours: it unmaps the copy of our memory but for this code and its stack, so a program
 * inside finds no secrets in it, and is not dumpable, so /proc/1/exe is closed where the program has no power over our user namespace.
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* ---- init ---- */

/* Init sets it when it is ready. At the far end of its stack, it is the last memory that both share. */
BARE static _Atomic uint32_t *ready_flag(const struct child_job *job)
{
	return (_Atomic uint32_t *)(void *)(job->init_stack - CHILD_STACK);
}

/* False when it has died, or dies before we get the signal that this sets. */
BARE static bool tie_to(int parent)
{
	struct pollfd fd;
	struct timespec now;

	RAW(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	fd.fd = parent;
	fd.events = POLLIN;
	now.tv_sec = now.tv_nsec = 0;
	return RAW(ppoll, &fd, 1, &now, NULL, 0) == 0;
}

/* Everything but two ranges, the lower one first. The end of the address space is the largest that the kernel accepts. */
BARE static void unmap_but(uintptr_t from, uintptr_t to, uintptr_t from2, uintptr_t to2, uintptr_t page)
{
	RAW(munmap, 0, from);
	RAW(munmap, to, from2 - to);
	for (int bits = 56; bits > 38; bits--) {
		uintptr_t end = ((uintptr_t)1 << bits) - page;

		if (end > to2 && RAW(munmap, to2, end - to2) == 0)
			return;
	}
}

/* The stack is the only memory that it has; everything else was unmapped. */
BARE static void reap_for_ever(void)
{
	unsigned long chld = 1ul << (SIGCHLD - 1);

	for (;;) {
		siginfo_t info;

		do
			info.si_pid = 0;
		while (RAW(waitid, P_ALL, 0, &info, WEXITED | WNOHANG | __WALL, NULL) == 0 && info.si_pid != 0);
		RAW(rt_sigtimedwait, &chld, NULL, NULL, SIGSET_SIZE);
	}
}

BARE static int init_main(void *arg)
{
	const struct child_job *job = arg;
	const struct child_container *c = job->container;
	uintptr_t stack = ((uintptr_t)job->init_stack - CHILD_STACK) & ~(c->page - 1);
	uintptr_t stack_end = ((uintptr_t)job->init_stack + c->page - 1) & ~(c->page - 1);
	_Atomic uint32_t *ready = ready_flag(job);
	struct raw_sigaction fresh;

	if (!tie_to(c->parent))
		return 1;
	fresh.handler = fresh.flags = fresh.restorer = fresh.mask = 0;
	RAW(rt_sigaction, SIGCHLD, &fresh, NULL, SIGSET_SIZE);
	RAW(prctl, PR_SET_NAME, "netns-init", 0, 0, 0);
	RAW(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	RAW(close_range, 0, ~0u, 0);
	RAW(setsid, 0);
	if (c->code < stack)
		unmap_but(c->code, c->code_end, stack, stack_end, c->page);
	else
		unmap_but(stack, stack_end, c->code, c->code_end, c->page);
	*ready = 1;
	RAW(futex, ready, FUTEX_WAKE, INT32_MAX, NULL);
	reap_for_ever();
	return 0;
}

/* ---- the program ---- */

/* Before the program is executed, init has let go of all that is ours. Should it die, so do we. */
BARE static void await_init(_Atomic uint32_t *ready)
{
	struct timespec patience;

	patience.tv_sec = 0;
	patience.tv_nsec = 10000000; /* in case that it could not wake us */
	while (!*ready)
		RAW(futex, ready, FUTEX_WAIT, 0, &patience);
}

BARE static int program_main(void *arg)
{
	struct child_job *job = arg;

	if (!tie_to(job->container->parent) || child_furnish(job) != 0)
		return 127;
	await_init(ready_flag(job));
	return child_program(job, true);
}

/* ---- the child that starts both ---- */

BARE static long write_file(const char *path, const char *text, size_t size)
{
	long fd = RAW(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC), code;

	if (fd < 0)
		return fd;
	code = RAW(write, fd, text, size);
	RAW(close, fd);
	return code < 0 ? code : 0;
}

BARE static char *put_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	*at = 0;
	return at;
}

/* Append the decimal digits of n, and a text. */
BARE static char *put_id(char *at, uint32_t n, const char *text)
{
	uint32_t unit = 1;

	while (n / unit >= 10)
		unit *= 10;
	for (; unit > 0; unit /= 10)
		*at++ = (char)('0' + n / unit % 10);
	return put_text(at, text);
}

BARE static long map_id(const char *path, uint32_t inside, uint32_t outside)
{
	char text[32];
	const char *at = put_id(put_id(text, inside, " "), outside, " 1");

	return write_file(path, text, (size_t)(at - text));
}

/* Namespaces are freed in the background: a limit that is reached may yet give way. */
BARE static long unshare_patiently(unsigned long flags)
{
	struct timespec nap;
	long code;

	nap.tv_sec = 0;
	nap.tv_nsec = 50000000;
	for (int tries = 0; (code = RAW(unshare, flags)) == -ENOSPC && tries < 40; tries++)
		RAW(nanosleep, &nap, NULL);
	return code;
}

BARE static int enter(struct child_job *job)
{
	const struct child_container *c = job->container;
	uint32_t uid = (uint32_t)RAW(geteuid, 0), gid = (uint32_t)RAW(getegid, 0);
	long code;

	/* Groups cannot be given up inside; who may not do so outside either keeps those he has. */
	if (c->flags & CLONE_NEWUSER)
		RAW(setgroups, 0, NULL);
	code = unshare_patiently(c->flags);
	if (code < 0)
		return child_fail(job, CHILD_UNSHARE, code);
	if (c->flags & CLONE_NEWUSER) {
		code = write_file("/proc/self/setgroups", "deny", 4);
		if (code >= 0)
			code = map_id("/proc/self/uid_map", job->confine.has_user ? job->confine.uid : 0, uid);
		if (code >= 0)
			code = map_id("/proc/self/gid_map", job->confine.has_user ? job->confine.gid : 0, gid);
		if (code < 0)
			return child_fail(job, CHILD_USER_MAP, code);
	}
	if (c->hostname_size > 0) {
		code = RAW(sethostname, c->hostname, c->hostname_size);
		if (code < 0)
			return child_fail(job, CHILD_HOSTNAME, code);
	}
	/* Keys belong to no namespace. Where the call is denied to us, it is to the program; where there is none, there are no keys. */
	code = RAW(keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (code < 0 && code != -ENOSYS && code != -EPERM)
		return child_fail(job, CHILD_KEYRING, code);
	return 0;
}

BARE int child_contain(struct child_job *job)
{
	struct child_container *c = job->container;
	unsigned long quiet = job->quiet ? 0 : CLONE_PIDFD;
	long code;

	if (enter(job) != 0)
		return 127;
	RAW(chdir, "/");
	put_id(put_text(c->mountinfo, "/proc/"), (uint32_t)RAW(getpid, 0), "/mountinfo");
	if (!(c->flags & CLONE_NEWPID))
		return child_furnish(job) != 0 ? 127 : child_program(job, false);
	code = RAW(pidfd_open, job->supervisor, 0);
	if (code < 0)
		return child_fail(job, CHILD_INIT, code);
	if (RAW(getppid, 0) != job->supervisor)
		return 127;
	c->parent = (int)code;
	code = raw_clone(CLONE_PARENT | SIGCHLD, job->init_stack, NULL, init_main, job);
	if (code > 0) {
		c->init = (int)code;
		code = raw_clone(
			CLONE_PARENT | CLONE_VM | CLONE_VFORK | SIGCHLD | quiet, job->program_stack, &job->pidfd, program_main, job);
	}
	RAW(close, c->parent);
	if (code < 0)
		return child_fail(job, CHILD_INIT, code);
	c->program = (int)code;
	return 0;
}
