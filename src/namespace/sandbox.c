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
#include "furnish.h"
#include "obstacle.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What travels on the channel between stub and init, one datagram each. */
struct note {
	enum { NOTE_FAILED, NOTE_RUNNING, NOTE_STOPPED, NOTE_EXITED, NOTE_KILLED, NOTE_SIGNAL } kind;
	int value;     /* exited: the status; failed: errno; else a signal */
	char what[48]; /* failed: at what */
};

/* What the caller had, which the child gets back. */
struct habits {
	sigset_t mask;
	struct sigaction chld;
};

static void explain(const struct sandbox_options *options, const char *what, int errnum)
{
	const struct obstacle *o = obstacle_find(errnum);

	fprintf(stderr, "%s: no sandbox: cannot %s: %s (%s)\n", options->progname, what, strerror(errnum), error_code(errnum));
	if (o)
		fprintf(stderr, "  why: %s\n  remedy: %s\n", o->why, o->remedy);
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

/* Returns only in the child, or -errno with what failed in *what. */
static int settle(int channel, const struct origin *origin, const struct habits *habits, const char **what)
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
	err = furnish(origin, what);
	if (err)
		return err;
	*what = "start a process inside";
	child = fork();
	if (child < 0)
		return -errno;
	if (child > 0)
		run_init(channel, child);
	close(channel);
	sigaction(SIGCHLD, &habits->chld, NULL);
	sigprocmask(SIG_SETMASK, &habits->mask, NULL);
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

/*
 * An interactive shell inside takes the terminal for its own process group, and cannot give it back: ours has no number in its PID
 * namespace. So when the child is stopped for want of the terminal, and the group that has it is gone, take it back from here.
 */
static bool reclaim_terminal(int signo)
{
	int tty;
	pid_t foreground;
	bool reclaimed = false;

	if (signo != SIGTTIN && signo != SIGTTOU)
		return false;
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return false;
	foreground = tcgetpgrp(tty);
	if (foreground > 0 && kill(-foreground, 0) < 0 && errno == ESRCH)
		reclaimed = tcsetpgrp(tty, getpgrp()) == 0; /* SIGTTOU is blocked here, so this is allowed */
	close(tty);
	return reclaimed;
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
			explain(options, note.what, note.value);
			killed = 0;
			break;
		case NOTE_RUNNING:
			channel = keep_only(channel);
			signals = open_signals();
			break;
		case NOTE_STOPPED:
			if (reclaim_terminal(note.value))
				send_note(channel, (struct note){ .kind = NOTE_SIGNAL, .value = SIGCONT });
			else
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
	return geteuid() == 0 && userns_may(1U << CAP_SYS_ADMIN | 1U << CAP_NET_ADMIN);
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
	for (int tries = 0;; tries++) {
		pid_t pid = fork_into(flags);
		const struct obstacle *o;
		int saved = errno;

		if (pid >= 0 || tries == 40)
			return pid;
		o = obstacle_find(saved);
		errno = saved;
		if (!o || o->kind != MAY_PASS)
			return pid;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

int sandbox_run(const struct sandbox_options *options, int (*inside)(void *), void *arg)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct note failed = { .kind = NOTE_FAILED };
	const char *what = "make a socket pair";
	struct origin origin;
	struct habits habits;
	int channel[2], err;
	sigset_t all;
	pid_t init;

	furnish_note_origin(&origin, !is_privileged());
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		goto fail;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &habits.mask);
	sigaction(SIGCHLD, &dfl, &habits.chld); /* an ignored one would reap by itself */

	what = "create the namespaces";
	init = fork_patiently(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | (origin.new_user ? CLONE_NEWUSER : 0));
	if (init < 0)
		goto fail;
	if (init > 0) {
		close(channel[1]);
		return run_stub(options, channel[0], init);
	}
	close(channel[0]);
	err = settle(channel[1], &origin, &habits, &what);
	if (err) {
		failed.value = -err;
		snprintf(failed.what, sizeof(failed.what), "%s", what);
		send_note(channel[1], failed);
		_exit(1);
	}
	exit(inside(arg));
fail:
	explain(options, what, errno);
	return 1;
}
