/* SPDX-License-Identifier: MIT */
/* exec.c - floor: run /bin/true SIZE times in another namespace, each time by vfork, setns, execve and a wait */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(int netns)
{
	char *const argv[] = { "true", NULL };
	extern char **environ;
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0) {
		if (setns(netns, CLONE_NEWNET) == 0)
			execve("/bin/true", argv, environ);
		_exit(127);
	}
	errno = 0;
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), home, netns;
	double start;

	home = floor_check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "/proc/thread-self/ns/net");
	netns = floor_netns();
	floor_check(setns(home, CLONE_NEWNET), "setns");
	start = floor_now();
	for (int i = 0; i < n; i++)
		floor_check(run(netns), "/bin/true");
	floor_print(start);
	return 0;
}
