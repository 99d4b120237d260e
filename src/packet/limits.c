/* SPDX-License-Identifier: MIT */
/*
 * limits.c - how many ICMP errors a namespace held back, because their rate is limited
 *
 * Of IPv4 there is a line of names and one of numbers; the limit for all hosts together counts there for both families. Of IPv6 there is a
 * name and a number a line. (proc(5); net/ipv4/proc.c, net/ipv6/proc.c)
 */
#include "limits.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 16384 };

/* All of the file, as a string; false if it cannot be read. */
static bool read_file(int fd, char text[ROOM])
{
	size_t size = 0;
	ssize_t got;

	while (size < ROOM - 1 && (got = pread(fd, text + size, ROOM - 1 - size, (off_t)size)) > 0)
		size += (size_t)got;
	text[size] = '\0';
	return size > 0;
}

/* The number under `name`, of which `names` and `numbers` point behind "Icmp:"; 0 with *known unchanged if it is not there. */
static long column(const char *names, const char *numbers, const char *name, bool *known)
{
	size_t size = strlen(name);
	char *end;

	while (*names == ' ' && *numbers == ' ') {
		long value = strtol(numbers, &end, 10);

		if (strncmp(names + 1, name, size) == 0 && !isalnum((unsigned char)names[1 + size])) {
			*known = true;
			return value;
		}
		numbers = end;
		names += 1 + strcspn(names + 1, " \n");
	}
	return 0;
}

long limits_read(const int fd[LIMITS])
{
	static const char title[] = "\nIcmp:", line[] = "\nIcmp6OutRateLimitHost";
	char text[ROOM];
	const char *names, *numbers;
	bool known = false;
	long sum = 0;

	if (read_file(fd[0], text) && (names = strstr(text, title)) && (numbers = strstr(names + 1, title))) {
		names += sizeof(title) - 1;
		numbers += sizeof(title) - 1;
		sum += column(names, numbers, "OutRateLimitGlobal", &known) + column(names, numbers, "OutRateLimitHost", &known);
	}
	if (read_file(fd[1], text) && (names = strstr(text, line)))
		sum += strtol(names + sizeof(line) - 1, NULL, 10);
	return known ? sum : -1;
}
