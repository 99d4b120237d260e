/* SPDX-License-Identifier: MIT */
/*
 * gone.c - wait until the kernel has freed the network namespaces that were given up before
 *
 * It frees them in the background, in the order in which they were given up, and holds the lock of all links meanwhile: whoever measures
 * at once, measures that. So one more namespace is made and given up, in a user namespace that may have only one: when another can be
 * made there, that one is gone, and so are those before it. A netlink socket gives its namespace up only after a grace period; therefore
 * the namespace is held by one, and twice, since the sockets of others may have waited on another CPU.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	int fd = floor_check(open(path, O_WRONLY | O_CLOEXEC), path);

	floor_check((int)write(fd, text, strlen(text)), path);
	close(fd);
}

static void own_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];

	floor_check(unshare(CLONE_NEWUSER), "user namespace");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	write_file("/proc/sys/user/max_net_namespaces", "1");
}

/* Make one, hold it by a socket, and go. */
static int make_one(void)
{
	while (unshare(CLONE_NEWNET) < 0) {
		if (errno != ENOSPC)
			floor_die("unshare");
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	floor_netlink();
	return 0;
}

int main(void)
{
	own_user_namespace();
	for (int i = 0; i < 3; i++) {
		int status = 0;
		pid_t pid = floor_check(fork(), "fork");

		if (pid == 0)
			_exit(make_one());
		floor_check(waitpid(pid, &status, 0), "wait");
		if (status)
			return 1;
	}
	return 0;
}
