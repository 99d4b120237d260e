/* SPDX-License-Identifier: MIT */
/*
 * enter.c - go on in a sandbox that is running already
 *
 * Theory. As for a new sandbox there are three processes (relay.c): the stub, the server and the child. The server enters the namespaces of
 * the sandbox's init all at once, through a pidfd, so that neither a number that passed to another process nor half of them can be
 * entered. A PID namespace can only be entered by a child: so the child is the first that is in it. It is killed by the kernel with
 * everything else there when init ends; the server, which is outside of it, then goes, too, and so holds nothing alive.
 *
 * A user namespace must be entered first, and gives all capabilities; but a user that has no number in it, as root has none in an ordinary
 * user's, loses them when a program is executed. So the server becomes root inside. That clears the death signal and, for somebody who did
 * not make the namespace, the right to read one's own files in /proc: both are set after.
 */
#include "enter.h"

#include "../lua/error.h"
#include "furnish.h"
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Room for /proc/PID/status, which has a line of groups. */
enum { STATUS = 16384 };

/*
 * Find it
 */

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool is_dead(int pidfd)
{
	return poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 0) > 0;
}

/* Which PID namespace; 0 if that cannot be told, with errno. */
static ino_t pidns_of(const char *pid)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* The start of what follows "Key:" in /proc/PID/status, read into `text`; NULL if it is not there. */
static const char *status_of(const char *pid, const char *key, char *text, size_t size)
{
	char path[300];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, size - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	at = strstr(text, key);
	return at ? at + strlen(key) : NULL;
}

/* Is it the first process of its PID namespace, and an init of ours? */
static bool is_init(const char *pid)
{
	char text[STATUS];
	const char *at = status_of(pid, "Name:\t", text, sizeof(text));
	size_t n;

	if (!at || strncmp(at, SANDBOX_INIT "\n", sizeof(SANDBOX_INIT)) != 0)
		return false;
	at = strstr(at, "\nNSpid:");
	n = at ? strcspn(at + 1, "\n") + 1 : 0;
	return n > 2 && strncmp(at + n - 2, "\t1", 2) == 0;
}

static pid_t parent_of(const char *pid)
{
	char text[STATUS];
	const char *at = status_of(pid, "\nPPid:\t", text, sizeof(text));

	return at ? (pid_t)atoi(at) : 0;
}

/* The init whose parent is `parent`, or that is in the PID namespace `pidns`: its number, or 0. */
static pid_t search_init(pid_t parent, ino_t pidns)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		const char *name = entry->d_name;

		if (*name < '1' || *name > '9' || !is_init(name))
			continue;
		if (pidns ? pidns_of(name) == pidns : parent_of(name) == parent)
			found = (pid_t)atoi(name);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* The init of the sandbox that `pid` is in, perhaps in a PID namespace that somebody made inside: its number, or 0 with errno (0: none). */
static pid_t search_around(pid_t pid)
{
	ino_t own = pidns_of("self");

	while (pid > 1) {
		char name[16];
		pid_t init;
		ino_t pidns;

		snprintf(name, sizeof(name), "%d", (int)pid);
		pidns = pidns_of(name);
		if (!pidns)
			return 0;
		init = pidns == own ? 0 : search_init(0, pidns);
		if (init || pidns == own) {
			errno = 0;
			return init;
		}
		pid = parent_of(name);
	}
	errno = 0;
	return 0;
}

int enter_find(pid_t pid, struct entrance *out, struct note *why)
{
	int pidfd = open_pidfd(pid), error = 0;
	char name[16];
	pid_t init;

	if (pidfd < 0)
		return relay_refuse(why, "find it", errno);
	init = search_init(pid, 0);
	if (!init) {
		init = search_around(pid);
		error = init ? 0 : errno;
	}
	if (is_dead(pidfd))
		error = ESRCH;
	close(pidfd);
	if (error)
		return relay_refuse(why, error == ESRCH ? "find it" : "see what it is", error);
	out->pidfd = init ? open_pidfd(init) : -1;
	/* The number may have passed on before that; what it names now, it names as long as it lives. */
	snprintf(name, sizeof(name), "%d", (int)init);
	if (out->pidfd < 0 || !is_init(name) || is_dead(out->pidfd)) {
		if (out->pidfd >= 0)
			close(out->pidfd);
		return relay_refuse(why, "", 0);
	}
	out->init = init;
	return 0;
}

void enter_explain(const char *progname, pid_t pid, const struct note *why)
{
	fprintf(stderr, "%s: cannot enter %d: ", progname, (int)pid);
	if (why->kind != NOTE_FAILED)
		fprintf(stderr, "the process that entered it was killed\n");
	else if (why->value == 0)
		fprintf(stderr, "it is no nslua that has a sandbox, nor in one\n");
	else
		fprintf(stderr, "cannot %s: %s (%s)\n", why->what, strerror(why->value), error_code(why->value));
	if (why->kind == NOTE_FAILED && (why->value == EACCES || why->value == EPERM))
		fprintf(stderr, "  remedy: do it as the user who runs the sandbox, or as root\n");
}

/*
 * Enter it
 */

/* Is there another user namespace around it than ours? */
static bool is_foreign(pid_t init)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)init);
	return stat("/proc/self/ns/user", &own) == 0 && stat(path, &other) == 0 && own.st_ino != other.st_ino;
}

/* In the server. Returns in the child only. */
static void settle(struct relay *relay, const struct entrance *entrance, const struct origin *origin)
{
	bool foreign = is_foreign(entrance->init);
	int self;
	pid_t child;

	relay_follow(relay);
	/* Who may lay groups down is somebody else than who made the namespace, where none of them can be given up. */
	if (foreign)
		setgroups(0, NULL);
	if (setns(entrance->pidfd, CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | (foreign ? CLONE_NEWUSER : 0)) < 0)
		relay_fail(relay, "enter its namespaces", errno);
	if (foreign) {
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			relay_fail(relay, "become root inside", errno);
		prctl(PR_SET_DUMPABLE, 1);
		relay_follow(relay);
	}
	if (*origin->cwd && chdir(origin->cwd) < 0 && errno != ENOENT && errno != EACCES)
		relay_fail(relay, "return to the working directory", errno);
	self = open_pidfd(getpid());
	child = self < 0 ? -1 : fork();
	if (child < 0)
		relay_fail(relay, "start a process inside", errno);
	if (child > 0)
		relay_serve(relay, child, entrance->pidfd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (is_dead(self))
		_exit(1);
	close(self);
	close(entrance->pidfd);
	relay_leave(relay);
}

int enter_move(const struct entrance *entrance, const char *over, struct note *why)
{
	struct origin origin;
	struct relay relay;
	pid_t server;

	furnish_note_origin(&origin, false);
	if (relay_open(&relay) < 0)
		return relay_refuse(why, "make a socket pair", errno);
	server = fork();
	if (server != 0)
		return relay_stand(&relay, server, "start a process", over, why);
	settle(&relay, entrance, &origin);
	return 0;
}
