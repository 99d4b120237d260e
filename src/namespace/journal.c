/* SPDX-License-Identifier: MIT */
/*
 * journal.c - who made which name in /run/netns
 *
 * A name outlives the program that made it, as with `ip netns add`. So before a name is made, a file of the same name says who makes it
 * and for which namespace; it is put in place whole (rename), and both are changed only under one lock, which the kernel gives
 * back when its holder dies. netns.prune() can so remove exactly what a dead program of ours left, wherever it was killed, and never what
 * somebody else made under the same name since.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Where an entry is written before it is renamed. No namespace can bear the name: args_netns_name() allows no blank. */
static const char fresh[] = " new";

static int read_small(int dir, const char *path, char *text, size_t room)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, room - 1);
	error = -errno;
	close(fd);
	if (n < 0)
		return error;
	text[n] = 0;
	return 0;
}

/* When the process began; 0 or -errno. */
static int start_time(int pid, unsigned long long *start)
{
	char path[64], text[1024], *at;
	int code;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	code = read_small(AT_FDCWD, path, text, sizeof(text));
	if (code < 0)
		return code;
	/* "pid (name) state ...": the name may hold anything, so count from its end; the state is field 3 */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%llu", start) == 1 ? 0 : -EBADMSG;
}

static unsigned long long own_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

int journal_lock(void)
{
	int fd;

	if (mkdir(JOURNAL_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(JOURNAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

unsigned long long journal_cookie(const struct ns *ns)
{
	int sock = ns_socket(ns, AF_UNIX, SOCK_DGRAM, 0);
	unsigned long long cookie = 0;
	socklen_t size = sizeof(cookie);

	if (sock < 0)
		return 0;
	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
		cookie = 0;
	close(sock);
	return cookie;
}

int journal_write(int lock, const char *name, const struct ns *ns)
{
	unsigned long long start;
	char text[192];
	int size, fd, code = start_time(getpid(), &start);

	if (code < 0)
		return code;
	size = snprintf(text, sizeof(text), "%d %llu %llu %llu %llu %llu\n", getpid(), start, own_pidns(), (unsigned long long)ns->dev,
		(unsigned long long)ns->inode, journal_cookie(ns));
	fd = openat(lock, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	code = write(fd, text, (size_t)size) == size ? 0 : errno ? -errno : -EIO;
	close(fd);
	if (code == 0 && renameat(lock, fresh, lock, name) < 0)
		code = -errno;
	return code;
}

int journal_read(int lock, const char *name, struct journal_entry *e)
{
	char text[192];
	int code = read_small(lock, name, text, sizeof(text));

	if (code < 0)
		return code;
	if (sscanf(text, "%d %llu %llu %llu %llu %llu", &e->pid, &e->start, &e->pidns, &e->dev, &e->inode, &e->cookie) != 6)
		return -EBADMSG;
	return 0;
}

void journal_forget(int lock, const char *name)
{
	unlinkat(lock, name, 0);
}

void journal_tidy(int lock)
{
	journal_forget(lock, fresh);
}

int journal_is_orphan(const struct journal_entry *e)
{
	unsigned long long start;
	int code;

	if (e->pidns == 0 || e->pidns != own_pidns())
		return 0;
	code = start_time(e->pid, &start);
	return code == -ENOENT || code == -ESRCH || (code == 0 && start != e->start);
}
