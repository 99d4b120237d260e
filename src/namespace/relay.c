/* SPDX-License-Identifier: MIT */
/*
 * relay.c - between the process that a user started and the one that runs elsewhere in its stead
 *
 * Theory. The *stub* is the process that the user knows. The *server* is the parent of the *child*, which does the work: the init of a
 * sandbox, or who entered one. The three share session, controlling terminal and process group, so that job control works as if there
 * were one process: what the terminal sends (Ctrl-C, Ctrl-Z, a new window size) reaches the child directly. What one process sends to the
 * stub alone is passed on. What is sent to the whole group reaches all three, and must not arrive in the child twice, since a second
 * SIGINT kills: the server, which holds its own copy, tells the two cases apart. The kernel signals the newest member of a group first,
 * so the server has it before the stub. A stop of the child is mirrored by the stub, which is what the shell watches.
 *
 * By the time that the stub hears of a stop, the child may have been continued, and the stub must not stand then: nobody would continue
 * it. So it raises the stop's signal while that is blocked, asks whether the child still stands, and only then lets the signal act. Any
 * SIGCONT before the signal was raised has come to the child, too, and is seen by the server; any later one takes the signal away.
 */
#include "relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long after its own copy the server takes a signal for the same one: milliseconds. */
enum { SAME = 1000 };

/*
 * What both ends have in common
 */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static void send_note(int channel, struct note note)
{
	/* That the other end is dead shows as a hang-up, too. Anything else, as that memory is short, passes. */
	for (int tries = 0; tries < 200 && send(channel, &note, sizeof(note), MSG_NOSIGNAL) < 0; tries++) {
		if (errno == EPIPE || errno == ECONNRESET)
			return;
		if (errno != EINTR)
			nap();
	}
}

/* False when the other end is gone. That it left a note of ours unread is told first, and hides its last one. */
static bool receive_note(int channel, struct note *note)
{
	ssize_t n;

	while ((n = recv(channel, note, sizeof(*note), 0)) < 0 && (errno == EINTR || errno == ECONNRESET))
		;
	return n == (ssize_t)sizeof(*note);
}

int relay_open(struct relay *relay)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int ends[2], error;
	sigset_t all;

	sigfillset(&all);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	relay->stub = ends[0];
	relay->server = ends[1];
	relay->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (relay->signals < 0) {
		error = errno;
		close(ends[0]);
		close(ends[1]);
		errno = error;
		return -1;
	}
	terminal_note(&relay->terminal);
	sigprocmask(SIG_SETMASK, &all, &relay->mask);
	sigaction(SIGCHLD, &dfl, &relay->chld); /* an ignored one would reap by itself */
	return 0;
}

/* Have signals as relay_open() found them. */
static void restore(const struct relay *relay)
{
	sigaction(SIGCHLD, &relay->chld, NULL);
	sigprocmask(SIG_SETMASK, &relay->mask, NULL);
}

void relay_leave(struct relay *relay)
{
	close(relay->server);
	close(relay->signals);
	restore(relay);
}

void relay_follow(struct relay *relay)
{
	if (relay->stub >= 0)
		close(relay->stub);
	relay->stub = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Too late? Then the channel has hung up: a process closes its descriptors before it sends death signals. */
	if (poll(&(struct pollfd){ .fd = relay->server }, 1, 0) > 0)
		_exit(1);
}

int relay_refuse(struct note *why, const char *what, int errnum)
{
	*why = (struct note){ .kind = NOTE_FAILED, .value = errnum };
	snprintf(why->what, sizeof(why->what), "%s", what);
	return -1;
}

void relay_fail(const struct relay *relay, const char *what, int errnum)
{
	struct note failed;

	relay_refuse(&failed, what, errnum);
	send_note(relay->server, failed);
	_exit(1);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Let go of every descriptor but these (-1: none): a pipe must end when the child closes it, not when the sandbox is over. */
static void keep_only(int one, int two, int three)
{
	int keep[] = { one, two, three }, from = 0;

	qsort(keep, 3, sizeof(*keep), compare);
	for (int i = 0; i <= 3; i++) {
		int to = i < 3 ? keep[i] - 1 : INT_MAX;

		if (from <= to && syscall(SYS_close_range, from, to, 0U) < 0)
			for (int fd = (int)sysconf(_SC_OPEN_MAX); fd >= from; fd--)
				if (fd <= to)
					close(fd);
		from = i < 3 ? keep[i] + 1 : 0;
	}
}

/*
 * Is this a signal to pass on? Not if the terminal sent it, since that goes to the child itself; but a hang-up may be for the leader of
 * the session alone.
 */
static bool is_relayed(const struct signalfd_siginfo *info)
{
	return info->ssi_signo != SIGCHLD && (info->ssi_code <= 0 || info->ssi_signo == SIGHUP);
}

/*
 * The server
 */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When signals came to the server itself: one for the whole process group comes to the stub as well. */
static void note_own(int signals, int64_t own[static _NSIG])
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (is_relayed(&info))
			own[info.ssi_signo] = now();
}

static void pass_on(pid_t child, int signo, int64_t own[static _NSIG])
{
	bool stops = signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
	/* A SIGCONT takes away stops that nobody has read: ours, perhaps, and not yet the stub's. */
	int64_t when = stops && own[SIGCONT] > own[signo] ? own[SIGCONT] : own[signo];
	bool has_it = when && now() - when < SAME && getpgid(child) == getpgrp();

	own[signo] = 0;
	if (!has_it)
		kill(child, signo);
}

struct server {
	int channel;
	pid_t child;
	int init;
	bool stands; /* the child is stopped */
};

/* Has the child been stopped, or continued? A stop is told. */
static void look(struct server *s)
{
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)s->child, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 && info.si_pid) {
		s->stands = info.si_code != CLD_CONTINUED;
		if (s->stands)
			send_note(s->channel, (struct note){ .kind = NOTE_STOPPED, .value = info.si_status });
		info.si_pid = 0;
	}
}

/* Reap what ended; tell of the end of the child. True when it has ended. */
static bool reap(const struct server *s)
{
	siginfo_t info = { 0 };

	for (;;) {
		struct note note;

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
			continue;
		if (!info.si_pid)
			return false;
		if (info.si_pid != s->child)
			continue;
		note = (struct note){ .kind = info.si_code == CLD_EXITED ? NOTE_EXITED : NOTE_KILLED, .value = info.si_status };
		/* An init that is dying has no namespaces any more, long before it is dead. */
		if (info.si_code != CLD_EXITED && s->init >= 0 && setns(s->init, CLONE_NEWNET) < 0)
			note.kind = NOTE_OVER;
		send_note(s->channel, note);
		return true;
	}
}

void relay_serve(const struct relay *relay, pid_t child, int init)
{
	struct server s = { .channel = relay->server, .child = child, .init = init };
	int64_t own[_NSIG] = { 0 };

	keep_only(s.channel, relay->signals, init);
	send_note(s.channel, (struct note){ .kind = NOTE_RUNNING });
	for (;;) {
		struct pollfd fds[] = { { .fd = s.channel, .events = POLLIN }, { .fd = relay->signals, .events = POLLIN } };
		struct note note;

		if (poll(fds, 2, -1) < 0)
			continue;
		note_own(relay->signals, own);
		look(&s);
		if (reap(&s))
			_exit(0);
		if (!fds[0].revents)
			continue;
		if (!receive_note(s.channel, &note))
			_exit(1); /* the stub is dead */
		if (note.kind == NOTE_SIGNAL)
			pass_on(child, note.value, own);
		if (note.kind == NOTE_STOPPED) {
			look(&s);
			send_note(s.channel, (struct note){
				.kind = s.stands ? NOTE_STANDS : NOTE_RUNNING,
				.value = getpgid(child) == getpgrp(),
			});
		}
	}
}

/*
 * The stub
 */

/* What is raised for a stop by `signo`: SIGSTOP cannot be blocked. */
static int stop_signal(int signo)
{
	return signo == SIGSTOP ? SIGTSTP : signo;
}

/* Take a blocked signal away, before anybody sees it; false if it is not there. */
static bool take(int signo)
{
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, signo);
	return sigtimedwait(&only, NULL, &(struct timespec){ 0 }) == signo;
}

/* Stop as the child did, for the shell that waits for this process, unless the raised signal has been taken away. */
static void stop_by(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	sigset_t only;

	if (signo == SIGSTOP) {
		if (take(stop_signal(signo)))
			raise(signo);
		return;
	}
	sigemptyset(&only);
	sigaddset(&only, signo);
	sigaction(signo, &dfl, &old);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_BLOCK, &only, NULL);
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

static void wait_for(pid_t server)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)server, &info, WEXITED) < 0 && errno == EINTR)
		;
}

struct stop {
	int signo;     /* raised; 0: none */
	int questions; /* without an answer yet; only that to the last one counts */
};

static void mirror(struct stop *stop, int channel, struct note note)
{
	if (note.kind == NOTE_STOPPED) {
		if (stop->signo)
			take(stop_signal(stop->signo));
		stop->signo = note.value;
		raise(stop_signal(stop->signo));
		stop->questions++;
		send_note(channel, note);
	} else if (stop->questions && --stop->questions == 0) {
		bool stands = note.kind == NOTE_STANDS, regains = stands && note.value && terminal_regain(stop->signo);

		if (stands && !regains)
			stop_by(stop->signo);
		else if (take(stop_signal(stop->signo)) && regains)
			kill(0, SIGCONT); /* to all of the group, as the shell would have done */
		stop->signo = 0;
	}
}

/* Until the child ends: its exit status, or -1 with *why if it never ran. */
static int stand(const struct relay *relay, pid_t server, const char *over, struct note *why)
{
	int channel = relay->stub, signals = relay->signals, status = 1, killed = SIGKILL;
	bool speaks = over && isatty(STDERR_FILENO), runs = false, orderly = false;
	struct stop stop = { 0 };
	struct note note;

	*why = (struct note){ .kind = NOTE_KILLED };
	for (;;) {
		struct pollfd fds[] = { { .fd = channel, .events = POLLIN }, { .fd = runs && !stop.signo ? signals : -1, .events = POLLIN } };
		struct signalfd_siginfo got;

		if (poll(fds, 2, -1) < 0)
			continue;
		while (fds[1].revents && read(signals, &got, sizeof(got)) == (ssize_t)sizeof(got))
			if (is_relayed(&got))
				send_note(channel, (struct note){ .kind = NOTE_SIGNAL, .value = (int)got.ssi_signo });
		if (!fds[0].revents)
			continue;
		if (!receive_note(channel, &note))
			break; /* the server is dying, and with it everything inside */
		if (note.kind == NOTE_FAILED) {
			*why = note;
			break;
		}
		if (!runs)
			keep_only(channel, signals, speaks ? STDERR_FILENO : -1);
		runs = true;
		switch (note.kind) {
		case NOTE_STOPPED:
		case NOTE_STANDS:
		case NOTE_RUNNING:
			mirror(&stop, channel, note);
			break;
		case NOTE_EXITED:
			status = note.value;
			killed = 0;
			orderly = true;
			break;
		case NOTE_OVER:
			if (speaks)
				dprintf(STDERR_FILENO, "%s\n", over);
			status = 128 + SIGKILL;
			killed = 0;
			break;
		case NOTE_KILLED:
			killed = note.value;
			break;
		case NOTE_FAILED:
		case NOTE_SIGNAL:
			break;
		}
	}
	wait_for(server);
	if (!runs)
		return -1;
	if (!orderly)
		terminal_mend(&relay->terminal);
	return killed ? die_by(killed) : status;
}

int relay_stand(struct relay *relay, pid_t server, const char *what, const char *over, struct note *why)
{
	int error = errno, status = -1;

	close(relay->server);
	if (server < 0)
		relay_refuse(why, what, error);
	else
		status = stand(relay, server, over, why);
	if (status >= 0)
		_exit(status);
	close(relay->stub);
	close(relay->signals);
	restore(relay);
	return -1;
}
