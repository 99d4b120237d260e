/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - the three processes of a sandbox: stub, init and the child that runs inside
 *
 * Theory. The process that the user started becomes the *stub*: it stays outside, does nothing but pass signals in and the exit status
 * out, and so can be killed at any instant without harm. It clones *init*, pid 1 of the new namespaces, which furnishes them, starts the
 * *child*, and then reaps whatever is orphaned. The child runs the caller's function. The stub's death kills init (PDEATHSIG, and the
 * channel between them hangs up); init's death makes the kernel kill every process in the PID namespace, and with the last process the
 * mounts, namespaces and links go. No process can leave, so nothing needs to be found and cleaned.
 *
 * The three share session, controlling terminal and process group, so that job control works as if there were one process: what the
 * terminal sends (Ctrl-C, Ctrl-Z, a new window size) reaches the child directly. What one process sends to the stub alone is passed on.
 * What is sent to the whole group reaches all three, and must not arrive in the child twice, since a second SIGINT kills: init, which
 * holds its own copy, tells the two cases apart. The kernel signals the newest member of a group first, so init has it before the stub.
 * A stop of the child is mirrored by the stub, which is what the shell watches.
 */
#include "sandbox.h"

#include "../lua/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What travels on the channel between stub and init, one datagram each. */
struct note {
	enum { NOTE_FAILED, NOTE_RUNNING, NOTE_STOPPED, NOTE_EXITED, NOTE_KILLED, NOTE_SIGNAL } kind;
	int value;  /* failed: the step; exited: the status; else a signal */
	int errnum;
};

/* What must be known before the namespaces are new. */
struct origin {
	bool new_user;
	uid_t uid;
	gid_t gid;
	char cwd[4096]; /* "" where it has no path */
	sigset_t mask;
	struct sigaction chld;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/*
 * The steps of furnishing. Each returns 0 or -errno.
 */

static int map_user(const struct origin *origin)
{
	char line[64];
	int err;

	if (!origin->new_user)
		return 0;
	/* An ordinary user may map its group only after giving up setgroups(2), user_namespaces(7). */
	err = write_file("/proc/self/setgroups", "deny");
	if (err)
		return err;
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)origin->uid);
	err = write_file("/proc/self/uid_map", line);
	if (err)
		return err;
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)origin->gid);
	return write_file("/proc/self/gid_map", line);
}

/*
 * Private first, so that no mount goes out to the machine. Then shared among ourselves: mount namespaces that are later made inside can
 * follow this one's mounts by being its slaves.
 */
static int seclude_mounts(const struct origin *origin)
{
	(void)origin;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return -errno;
	return 0;
}

static int mount_proc(const struct origin *origin)
{
	(void)origin;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? -errno : 0;
}

/* Inside a container /sys is often read-only, and then the kernel allows an ordinary user only a read-only one. */
static int mount_sys(const struct origin *origin)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	(void)origin;
	if (mount("sysfs", "/sys", "sysfs", flags, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return mount("sysfs", "/sys", "sysfs", flags | MS_RDONLY, NULL) < 0 ? -errno : 0;
}

/* A /run of its own, where ip(8) keeps names (/run/netns) and iptables its lock. */
static int mount_run(const struct origin *origin)
{
	(void)origin;
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -errno;
	if (mkdir("/run/netns", 0755) < 0 || mkdir("/run/lock", 0755) < 0 || chmod("/run/netns", 0755) < 0 ||
	    chmod("/run/lock", 01777) < 0)
		return -errno;
	/* A mount of its own, as `ip netns add` would make it: then programs that run inside can share it (child.c). */
	if (mount("/run/netns", "/run/netns", NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}

static int bring_lo_up(const struct origin *origin)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	(void)origin;
	if (sock < 0)
		return -errno;
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		err = -errno;
	ifr.ifr_flags |= IFF_UP;
	if (!err && ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		err = -errno;
	close(sock);
	return err;
}

/* By path, to come out on top of the new mounts. A directory that they hide stays what it was. */
static int restore_cwd(const struct origin *origin)
{
	if (*origin->cwd && chdir(origin->cwd) < 0 && errno != ENOENT && errno != EACCES)
		return -errno;
	return 0;
}

/* The steps around those, which have no function of their own */
enum { STEP_CHANNEL, STEP_CLONE, STEP_FORK, STEP_FURNISH };

static const struct step {
	const char *what;
	int (*take)(const struct origin *);
} steps[] = {
	[STEP_CHANNEL] = { "make a socket pair" },
	[STEP_CLONE] = { "create the namespaces" },
	[STEP_FORK] = { "start a process inside" },
	[STEP_FURNISH] = { "write the user map", map_user },
	{ "make the mounts private", seclude_mounts },
	{ "mount /proc", mount_proc },
	{ "mount /sys", mount_sys },
	{ "mount /run", mount_run },
	{ "bring lo up", bring_lo_up },
	{ "return to the working directory", restore_cwd },
};
#define NSTEPS (int)(sizeof(steps) / sizeof(*steps))

/*
 * When it cannot be done: what to tell the user. Each row is a known obstacle with the way to see it.
 */
#define APPARMOR_PROFILE "profile nslua /usr/bin/nslua flags=(unconfined) { userns, }"

static const struct obstacle {
	int errnum;       /* 0: any */
	const char *file; /* in /proc */
	const char *key;  /* "Key:" in a file of lines; NULL: the file holds one number */
	long value;       /* what it reads then */
	const char *why, *remedy;
} obstacles[] = {
	{ ENOSPC, "/proc/sys/user/max_user_namespaces", NULL, 0, "user namespaces are switched off (user.max_user_namespaces = 0)",
	  "sysctl -w user.max_user_namespaces=15000" },
	{ ENOSPC, "/proc/sys/user/max_net_namespaces", NULL, 0, "network namespaces are switched off (user.max_net_namespaces = 0)",
	  "sysctl -w user.max_net_namespaces=15000" },
	{ ENOSPC, "/proc/sys/user/max_mnt_namespaces", NULL, 0, "mount namespaces are switched off (user.max_mnt_namespaces = 0)",
	  "sysctl -w user.max_mnt_namespaces=15000" },
	{ ENOSPC, "/proc/sys/user/max_pid_namespaces", NULL, 0, "PID namespaces are switched off (user.max_pid_namespaces = 0)",
	  "sysctl -w user.max_pid_namespaces=15000" },
	{ 0, "/proc/sys/kernel/unprivileged_userns_clone", NULL, 0,
	  "ordinary users may not create user namespaces (kernel.unprivileged_userns_clone = 0)",
	  "sysctl -w kernel.unprivileged_userns_clone=1" },
	{ 0, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", NULL, 1,
	  "AppArmor takes the privileges away in user namespaces of ordinary users\n"
	  "  (kernel.apparmor_restrict_unprivileged_userns = 1)",
	  "allow it for nslua, as root: put\n"
	  "      abi <abi/4.0>,\n"
	  "      include <tunables/global>\n"
	  "      " APPARMOR_PROFILE "\n"
	  "    into /etc/apparmor.d/nslua (with the path of this nslua), then: apparmor_parser -r /etc/apparmor.d/nslua" },
	{ EPERM, "/proc/self/status", "Seccomp:", 2, "a seccomp filter, as containers have one, forbids it",
	  "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or as privileged" },
	{ ENOSPC, "/proc/self/status", NULL, 0, "a limit on namespaces is reached, or they are nested too deep (32 levels)",
	  "see the limits with: sysctl user" },
	{ EINVAL, "/proc/self/status", NULL, 0,
	  "the kernel lacks a kind of namespace (CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS), or / is no mount point (a chroot)",
	  "use another kernel, or leave the chroot" },
	{ EPERM, "/proc/self/status", NULL, 0,
	  "something keeps this process from it: a chroot, a container that masks parts of /proc, or a security module",
	  "run it outside, or as root" },
};

/* The number in a file of /proc, or after "Key:" in it; -1 if there is none. Without a key, a file that holds no number reads 0. */
static long read_number(const char *path, const char *key)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	const char *at = key ? strstr(text, key) : text;
	return at ? strtol(at + (key ? strlen(key) : 0), NULL, 10) : -1;
}

static void explain(const struct sandbox_options *options, int step, int errnum)
{
	fprintf(stderr, "%s: no sandbox: cannot %s: %s (%s)\n", options->progname, steps[step].what, strerror(errnum), error_code(errnum));
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++) {
		const struct obstacle *o = &obstacles[i];

		if ((o->errnum && o->errnum != errnum) || read_number(o->file, o->key) != o->value)
			continue;
		fprintf(stderr, "  why: %s\n  remedy: %s\n", o->why, o->remedy);
		break;
	}
	fprintf(stderr, "  or use --host to work on the machine's own namespaces, without a sandbox (most of it needs root)\n");
}

/*
 * The channel, and what stub and init have in common
 */

static void send_note(int channel, struct note note)
{
	/* A failure means that the other end is dead, which shows as a hang-up, too. */
	while (send(channel, &note, sizeof(note), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* False when the other end is gone. */
static bool receive_note(int channel, struct note *note)
{
	ssize_t n;

	while ((n = recv(channel, note, sizeof(*note), 0)) < 0 && errno == EINTR)
		;
	return n == (ssize_t)sizeof(*note);
}

/*
 * Let go of every descriptor but the channel, which becomes 0: a pipe must end when the child closes it, not when the sandbox is over.
 */
static int keep_only(int channel)
{
	if (channel != 0 && dup3(channel, 0, O_CLOEXEC) < 0)
		return channel;
	if (syscall(SYS_close_range, 1U, ~0U, 0U) < 0)
		for (int fd = (int)sysconf(_SC_OPEN_MAX); fd > 0; fd--)
			close(fd);
	return 0;
}

/*
 * Is this a signal to pass on? Not if the terminal sent it, since that goes to the child itself; but a hang-up may be for the leader of
 * the session alone.
 */
static bool is_relayed(const struct signalfd_siginfo *info)
{
	return info->ssi_signo != SIGCHLD && (info->ssi_code <= 0 || info->ssi_signo == SIGHUP);
}

static int open_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * Init: pid 1 inside
 */

/* Signals that came to init itself, from outside; one for the whole process group comes to the stub as well. */
static void note_own(int signals, bool own[static _NSIG])
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (is_relayed(&info) && info.ssi_pid == 0)
			own[info.ssi_signo] = true;
}

static void relay(pid_t child, int signo, bool own[static _NSIG])
{
	bool has_it = own[signo] && getpgid(child) == getpgrp();

	own[signo] = false;
	if (!has_it)
		kill(child, signo);
}

/* Reap what ended; report a stop or the end of the child. True when it has ended. */
static bool reap(int channel, pid_t child)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
		send_note(channel, (struct note){ .kind = NOTE_STOPPED, .value = info.si_status });
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
			return false;
		if (info.si_pid != child)
			continue;
		send_note(channel, (struct note){ .kind = info.si_code == CLD_EXITED ? NOTE_EXITED : NOTE_KILLED, .value = info.si_status });
		return true;
	}
}

static _Noreturn void run_init(int channel, pid_t child)
{
	bool own[_NSIG] = { false };
	int signals;

	prctl(PR_SET_NAME, "nslua-init");
	channel = keep_only(channel);
	signals = open_signals();
	send_note(channel, (struct note){ .kind = NOTE_RUNNING });
	for (;;) {
		struct pollfd fds[] = { { .fd = channel, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
		struct note note;

		if (poll(fds, 2, -1) < 0)
			continue;
		note_own(signals, own);
		if (reap(channel, child))
			_exit(0);
		if (!fds[0].revents)
			continue;
		if (!receive_note(channel, &note))
			_exit(1); /* the stub is dead */
		relay(child, note.value, own);
	}
}

/* Returns only in the child; *step and the result say what failed. */
static int furnish(int channel, const struct origin *origin, int *step)
{
	struct pollfd hangup = { .fd = channel };
	pid_t child;
	int err;

	/*
	 * Nothing below clears the death signal (a change of user would). If the stub died before it was set, the channel has hung up: a
	 * process closes its descriptors before it sends death signals.
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&hangup, 1, 0) != 0)
		_exit(1);
	for (*step = STEP_FURNISH; *step < NSTEPS; ++*step) {
		err = steps[*step].take(origin);
		if (err)
			return err;
	}
	*step = STEP_FORK;
	child = fork();
	if (child < 0)
		return -errno;
	if (child > 0)
		run_init(channel, child);
	close(channel);
	sigaction(SIGCHLD, &origin->chld, NULL);
	sigprocmask(SIG_SETMASK, &origin->mask, NULL);
	return 0;
}

/*
 * Stub: the process that the user sees
 */

/* Stop as the child did, for the shell that waits for this process. */
static void stop_by(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, signo);
	if (signo != SIGSTOP)
		sigaction(signo, &dfl, &old);
	raise(signo);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_BLOCK, &only, NULL);
	if (signo != SIGSTOP)
		sigaction(signo, &old, NULL);
}

/* End by the signal that ended the child, so that `$?` and the shell's message are the same; the core, if any, is the child's. */
static int die_by(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t only;

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(signo, &dfl, NULL);
	raise(signo);
	sigemptyset(&only);
	sigaddset(&only, signo);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	return 128 + signo; /* a signal whose default is to be ignored cannot have killed */
}

static int run_stub(const struct sandbox_options *options, int channel, pid_t init)
{
	int signals = open_signals(), status = 1, killed = SIGKILL;
	siginfo_t info;

	for (;;) {
		struct pollfd fds[] = { { .fd = channel, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
		struct signalfd_siginfo got;
		struct note note;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents && read(signals, &got, sizeof(got)) == (ssize_t)sizeof(got) && is_relayed(&got))
			send_note(channel, (struct note){ .kind = NOTE_SIGNAL, .value = (int)got.ssi_signo });
		if (!fds[0].revents)
			continue;
		if (!receive_note(channel, &note))
			break; /* init is dying, and with it everything inside */
		switch (note.kind) {
		case NOTE_FAILED:
			explain(options, note.value, note.errnum);
			killed = 0;
			break;
		case NOTE_RUNNING:
			channel = keep_only(channel);
			signals = open_signals();
			break;
		case NOTE_STOPPED:
			stop_by(note.value);
			break;
		case NOTE_EXITED:
			status = note.value;
			killed = 0;
			break;
		case NOTE_KILLED:
			killed = note.value;
			break;
		case NOTE_SIGNAL:
			break;
		}
	}
	while (waitid(P_PID, (id_t)init, &info, WEXITED) < 0 && errno == EINTR)
		;
	return killed ? die_by(killed) : status;
}

/* May this process make the namespaces and work in them without a user namespace? */
static bool is_privileged(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	const unsigned need = 1U << CAP_SYS_ADMIN | 1U << CAP_NET_ADMIN;

	return geteuid() == 0 && syscall(SYS_capget, &header, data) == 0 && (data[0].effective & need) == need;
}

/* fork() into new namespaces: no stack, so the child goes on here. glibc has no wrapper for that. */
static pid_t fork_into(unsigned long flags)
{
#ifdef __s390__
	return (pid_t)syscall(SYS_clone, 0, flags | SIGCHLD, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
#endif
}

/* Namespaces are freed by a worker of the kernel, later than their processes: a limit that is reached may yet give way. */
static pid_t fork_patiently(unsigned long flags)
{
	pid_t pid;

	for (int tries = 0; (pid = fork_into(flags)) < 0 && errno == ENOSPC && tries < 40; tries++)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	return pid;
}

int sandbox_run(const struct sandbox_options *options, int (*inside)(void *), void *arg)
{
	struct origin origin = { .new_user = !is_privileged(), .uid = geteuid(), .gid = getegid() };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int channel[2], step = STEP_CHANNEL, err;
	sigset_t all;
	pid_t init;

	if (!getcwd(origin.cwd, sizeof(origin.cwd)) || origin.cwd[0] != '/')
		origin.cwd[0] = '\0';
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		goto fail;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &origin.mask);
	sigaction(SIGCHLD, &dfl, &origin.chld); /* an ignored one would reap by itself */

	step = STEP_CLONE;
	init = fork_patiently(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | (origin.new_user ? CLONE_NEWUSER : 0));
	if (init < 0)
		goto fail;
	if (init > 0) {
		close(channel[1]);
		return run_stub(options, channel[0], init);
	}
	close(channel[0]);
	err = furnish(channel[1], &origin, &step);
	if (err) {
		send_note(channel[1], (struct note){ .kind = NOTE_FAILED, .value = step, .errnum = -err });
		_exit(1);
	}
	exit(inside(arg));
fail:
	explain(options, step, errno);
	return 1;
}
