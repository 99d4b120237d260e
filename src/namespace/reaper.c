/* SPDX-License-Identifier: MIT */
/*
 * reaper.c - the supervisor of a program: it ends all that descends from it
 *
 * Theory. Each program runs under a supervisor of its own, a process that shares our memory (so a large Lua heap costs nothing) but not
 * our descriptors, signals or fate. It is a child subreaper: whatever the program forks, however it detaches itself, ends up as the
 * supervisor's child. When we send it SIGTERM, close our end of its control pipe, or die in whatever way, it kills them generation by
 * generation until none is left, and exits. It also does so at the program's deadline, so a busy script cannot miss it.
 *
 *	we ── clone(VM|FILES) ──> supervisor ── clone(VM|VFORK) ──> child: setns, cwd, 0-2, signals, execve
 *	                             │ <─ SIGCHLD: the child, and orphans of its descendants
 *	we <── status: started/failed, ended ──┘
 *
 * A program with a PID namespace of its own has two processes besides (child_contain.c); all of them end with it.
 *
 * The supervisor first shares our descriptor table, so that the child's pidfd is born in it, and then leaves it with three of its own.
 * Its exit_signal is 0: no SIGCHLD, no wait() of the host program notices it. Should it be killed, PDEATHSIG takes the child along.
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

/* How long to wait for what passes by itself, and for what nobody tells of: nanoseconds. */
enum { TICK = 10000000 };

struct watch {
	struct child_job *job;
	struct child_report text;
	bool ended;    /* the child was reaped: `text` says how */
	bool reported;
	bool late;     /* it was killed at its deadline */
	bool nobody;   /* no child is left */
	int init;      /* of the program's own PID namespace, until it was reaped */
	bool contained; /* it has one */
};

BARE static int64_t now(void)
{
	struct timespec t;

	RAW(clock_gettime, CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

BARE static void nap(long ns)
{
	struct timespec t = { 0, ns };

	RAW(nanosleep, &t, NULL);
}

/* A pipe takes a report whole, and SIGPIPE is blocked. Who waits for it would do so for ever: a shortage of memory passes. */
BARE static void report(struct watch *w)
{
	w->text.late = w->late;
	w->text.left = !w->nobody;
	for (int tries = 0; tries < 200; tries++) {
		long code = RAW(write, w->job->status, &w->text, sizeof(w->text));

		if (code >= 0 || code == -EPIPE)
			return;
		nap(TICK);
	}
}

/* Take one that has ended, waiting for it if `flags` does not say WNOHANG; its pid, 0 for nobody yet. */
BARE static int reap(struct watch *w, int flags)
{
	siginfo_t info;
	long code;

	info.si_pid = 0;
	while ((code = RAW(waitid, P_ALL, 0, &info, WEXITED | __WALL | flags, NULL)) == -EINTR)
		;
	if (code == -ECHILD)
		w->nobody = true;
	if (code < 0)
		return 0;
	if (info.si_pid == w->init)
		w->init = 0;
	if (info.si_pid != 0 && info.si_pid == w->text.pid && !w->ended) {
		w->ended = true;
		w->text.event = w->job->error ? CHILD_FAILED : CHILD_ENDED;
		w->text.error = w->job->error;
		w->text.step = w->job->step;
		w->text.killed = info.si_code != CLD_EXITED;
		w->text.value = info.si_status;
		w->text.when = now();
	}
	return info.si_pid;
}

BARE static int digits(const char **text, const char *end)
{
	int n = 0;

	for (; *text < end && **text >= '0' && **text <= '9'; ++*text)
		n = n * 10 + (**text - '0');
	return n;
}

/* Send SIGKILL to every child that the kernel lists; how many, or -1 where it has no such list (CONFIG_PROC_CHILDREN). */
BARE static int kill_listed(struct watch *w)
{
	char *text = w->job->scratch;
	long fd = RAW(openat, AT_FDCWD, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC), size;
	int count = 0;

	if (fd < 0)
		return -1;
	/* A number cut in two by the end of the buffer waits for the next round: only what a blank follows is complete. */
	size = RAW(read, fd, text, sizeof(w->job->scratch));
	RAW(close, fd);
	for (const char *at = text, *end = text + (size > 0 ? size : 0); at < end; at++) {
		int pid = digits(&at, end);

		if (pid > 0 && at < end && *at == ' ' && RAW(kill, pid, SIGKILL) == 0)
			count++;
	}
	return count;
}

/* The parent's pid in "/proc/PID/stat": "pid (name) state ppid ...", where the name may hold anything, so look for its end from behind. */
BARE static int parent_of(const char *name)
{
	char path[32], text[512];
	const char *at = text;
	long fd, size;
	int i = 0;

	for (const char *part = "/proc/"; *part; part++)
		path[i++] = *part;
	for (; *name && i < 20; name++)
		path[i++] = *name;
	for (const char *part = "/stat"; *part; part++)
		path[i++] = *part;
	path[i] = 0;
	fd = RAW(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size = RAW(read, fd, text, sizeof(text));
	RAW(close, fd);
	if (size <= 0)
		return -1;
	for (at = text + size; at > text && *at != ')';)
		at--;
	at += 4;
	return at < text + size ? digits(&at, text + size) : -1;
}

struct raw_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

BARE static int kill_searched(struct watch *w)
{
	char *text = w->job->scratch;
	long fd = RAW(openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), size;
	int count = 0;

	if (fd < 0)
		return 0;
	while ((size = RAW(getdents64, fd, text, sizeof(w->job->scratch))) > 0)
		for (long at = 0; at < size;) {
			const struct raw_dirent *entry = (const void *)(text + at);
			const char *name = entry->name;
			int pid = digits(&name, name + 12);

			at += entry->reclen;
			if (pid > 0 && *name == 0 && parent_of(entry->name) == w->job->supervisor && RAW(kill, pid, SIGKILL) == 0)
				count++;
		}
	RAW(close, fd);
	return count;
}

/*
 * Kill all that descend from us. The children of a killed child become ours as it dies, so each round takes one generation, and it
 * is over when the kernel says that there is no child. Stopped processes, and those that ignore SIGTERM, die of SIGKILL as any.
 */
BARE static void kill_all(struct watch *w)
{
	for (int idle = 0; !w->nobody && idle < 1000;) {
		int count = kill_listed(w);

		if (count < 0)
			count = kill_searched(w);
		idle = count ? 0 : idle + 1; /* the list may miss one that is just moving; without /proc there is none */
		if (count)
			reap(w, 0);
		else if (!reap(w, WNOHANG))
			nap(TICK / 10);
		while (!w->nobody && reap(w, WNOHANG))
			;
	}
}

/* Leave the host's descriptor table with `job`'s three only. */
BARE static long keep_files(struct child_job *job)
{
	int keep[3], next = 0;
	long code;

	keep[0] = job->control;
	keep[1] = job->status;
	keep[2] = job->host;
	for (int i = 0; i < 2; i++)
		for (int j = i + 1; j < 3; j++)
			if (keep[j] < keep[i]) {
				int swap = keep[i];

				keep[i] = keep[j];
				keep[j] = swap;
			}
	code = RAW(close_range, keep[2] + 1, ~0u, CLOSE_RANGE_UNSHARE);
	for (int i = 0; i < 3 && code >= 0; i++) {
		if (keep[i] > next)
			code = RAW(close_range, next, keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	return code;
}

/* Read the signals away; is SIGTERM among them? */
BARE static bool told_to_end(struct watch *w, int fd)
{
	const struct signalfd_siginfo *info = (const void *)w->job->scratch;
	unsigned long pending = 0;
	bool told = false;
	long size;

	if (fd < 0)
		return RAW(rt_sigpending, &pending, SIGSET_SIZE) == 0 && (pending & 1ul << (SIGTERM - 1));
	do { /* there may be more only where the buffer is full */
		size = RAW(read, fd, w->job->scratch, sizeof(w->job->scratch));
		for (long i = 0; i < size / (long)sizeof(*info); i++)
			told |= info[i].ssi_signo == SIGTERM;
	} while (size == sizeof(w->job->scratch));
	return told;
}

/* Until no child is left, or all have to end. */
BARE static void watch(struct watch *w)
{
	struct child_job *job = w->job;
	unsigned long wanted = 1ul << (SIGCHLD - 1) | 1ul << (SIGTERM - 1);
	int64_t deadline = job->timeout < 0 ? -1 : w->text.when + job->timeout;
	struct pollfd fds[3];
	bool blind;

	fds[0].fd = job->control;
	fds[1].fd = job->host;
	fds[2].fd = (int)RAW(signalfd4, -1, &wanted, SIGSET_SIZE, SFD_CLOEXEC | SFD_NONBLOCK);
	blind = fds[2].fd < 0;
	fds[0].events = 0;
	fds[1].events = fds[2].events = POLLIN;
	for (;;) {
		bool timed = deadline >= 0 && !w->ended, ticks = false;
		struct timespec left;
		int64_t ns;
		long code;

		while (!w->nobody && reap(w, WNOHANG))
			;
		/* A PID namespace ends with its program, and it is over when nobody is left. */
		if (w->ended && w->init)
			RAW(kill, w->init, SIGKILL);
		if (w->ended && !w->reported && (!w->contained || w->nobody)) {
			w->reported = true;
			report(w);
		}
		if (w->nobody)
			return;
		ns = timed ? deadline - now() : 0;
		if (blind && (!timed || ns > TICK)) {
			ticks = true;
			ns = TICK;
		}
		left.tv_sec = ns > 0 ? ns / 1000000000 : 0;
		left.tv_nsec = ns > 0 ? ns % 1000000000 : 0;
		code = RAW(ppoll, fds, 3, timed || ticks ? &left : NULL, NULL, 0);
		if (code == -EINTR)
			continue;
		if (code < 0) {
			nap(TICK);
			continue;
		}
		w->late = code == 0 && !ticks;
		if (w->late || fds[0].revents || fds[1].revents || told_to_end(w, fds[2].fd)) {
			kill_all(w);
			if (w->ended && !w->reported)
				report(w);
			return;
		}
	}
}

BARE static void refuse(struct child_job *job, enum child_step step, long error)
{
	job->error = (int)-error;
	job->step = (int)step;
}

/* Start the child, or what becomes of it in a PID namespace of its own; the program's pid, or -errno. */
BARE static long start(struct watch *w)
{
	struct child_job *job = w->job;
	struct child_container *c = job->container;
	unsigned long flags = SIGCHLD | (job->own_memory ? 0 : CLONE_VM), pidfd = job->quiet ? 0 : CLONE_PIDFD;
	long code;

	/* Who wants to know when it started must wait until it executes; else it may do so while we arrange ourselves. */
	if (!c || !(c->flags & CLONE_NEWPID))
		return raw_clone(flags | pidfd | (pidfd ? CLONE_VFORK : 0), job->child_stack, &job->pidfd, child_main, job);
	/* The descriptor of the program is to be born in our table, though it is the child that makes it. */
	code = raw_clone(flags | CLONE_VFORK | CLONE_FILES, job->child_stack, NULL, child_main, job);
	if (code < 0)
		return code;
	while (RAW(wait4, code, NULL, __WALL, NULL) == -EINTR)
		;
	w->contained = true;
	w->init = c->init;
	return c->program ? c->program : -ECHILD;
}

BARE static int supervisor_main(void *arg)
{
	struct child_job *job = arg;
	struct watch w;
	struct raw_sigaction fresh;
	long code;
	int error;

	/* With SIGCHLD ignored, as a host program may have it, the kernel would throw exit codes away. */
	fresh.handler = fresh.flags = fresh.restorer = fresh.mask = 0;
	RAW(rt_sigaction, SIGCHLD, &fresh, NULL, SIGSET_SIZE);
	RAW(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	RAW(prctl, PR_SET_NAME, "netns-reaper", 0, 0, 0);
	w.job = job;
	w.ended = w.reported = w.late = w.nobody = w.contained = false;
	w.init = 0;
	job->error = 0;
	job->supervisor = (int)RAW(getpid, 0);
	code = start(&w);
	if (code < 0) {
		job->pidfd = -1;
		if (!job->error)
			refuse(job, CHILD_CLONE, code);
	}
	w.text.pid = (int)code;
	code = keep_files(job);
	if (code < 0 && !job->error)
		refuse(job, CHILD_FILES, code);
	job->apart = true;
	error = job->error; /* once: a quiet one's child may still be on its way, and then fails by ending */
	w.text.event = error ? CHILD_FAILED : CHILD_STARTED;
	w.text.error = error;
	w.text.step = job->step;
	w.text.killed = w.text.value = 0;
	w.text.when = now();
	if (error || !job->quiet)
		report(&w);
	if (error)
		kill_all(&w);
	else
		watch(&w);
	return 0;
}

BARE int child_start(struct child_job *job, int *pidfd)
{
	unsigned long all = ~0ul, before;
	long pid;

	RAW(rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_SIZE);
	pid = raw_clone(CLONE_VM | CLONE_FILES | CLONE_PIDFD, job->supervisor_stack, pidfd, supervisor_main, job);
	RAW(rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_SIZE);
	return (int)pid;
}
