/* SPDX-License-Identifier: MIT */
/* start.c - run the command behind SIZE that many times, and print the median of how long it took */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(char *const *argv)
{
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	errno = 0;
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv);
	double *times = calloc((size_t)n, sizeof(*times));

	if (argc < 3 || !times)
		floor_die("no command");
	for (int i = 0; i < n; i++) {
		double start = floor_now();

		floor_check(run(argv + 2), argv[2]);
		times[i] = floor_now() - start;
	}
	qsort(times, (size_t)n, sizeof(*times), compare);
	printf("%.4f\n", (times[n / 2] + times[(n - 1) / 2]) / 2);
	free(times);
	return 0;
}
