/* SPDX-License-Identifier: MIT */
/* obstacle.c - why namespaces cannot be made here, and what helps */
#include "obstacle.h"

#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPARMOR_PROFILE "profile nslua /usr/bin/nslua flags=(unconfined) { userns, }"

/* Every system has /proc/self/status, which holds no number at its start: without a key it reads 0, and its rows fit always. */
static const struct obstacle obstacles[] = {
	{ ENOSPC, ANY_USER, "/proc/sys/user/max_user_namespaces", NULL, 0, "user namespaces are switched off (user.max_user_namespaces = 0)",
	  "sysctl -w user.max_user_namespaces=15000" },
	{ ENOSPC, ANY_USER, "/proc/sys/user/max_net_namespaces", NULL, 0, "network namespaces are switched off (user.max_net_namespaces = 0)",
	  "sysctl -w user.max_net_namespaces=15000" },
	{ ENOSPC, ANY_USER, "/proc/sys/user/max_mnt_namespaces", NULL, 0, "mount namespaces are switched off (user.max_mnt_namespaces = 0)",
	  "sysctl -w user.max_mnt_namespaces=15000" },
	{ ENOSPC, ANY_USER, "/proc/sys/user/max_pid_namespaces", NULL, 0, "PID namespaces are switched off (user.max_pid_namespaces = 0)",
	  "sysctl -w user.max_pid_namespaces=15000" },
	{ 0, ORDINARY_USER, "/proc/sys/kernel/unprivileged_userns_clone", NULL, 0,
	  "ordinary users may not create user namespaces (kernel.unprivileged_userns_clone = 0)",
	  "sysctl -w kernel.unprivileged_userns_clone=1" },
	{ 0, ORDINARY_USER, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", NULL, 1,
	  "AppArmor takes the privileges away in user namespaces of ordinary users\n"
	  "  (kernel.apparmor_restrict_unprivileged_userns = 1)",
	  "allow it for nslua, as root: put\n"
	  "      abi <abi/4.0>,\n"
	  "      include <tunables/global>\n"
	  "      " APPARMOR_PROFILE "\n"
	  "    into /etc/apparmor.d/nslua (with the path of this nslua), then: apparmor_parser -r /etc/apparmor.d/nslua" },
	{ EPERM, ANY_USER, "/proc/self/status", "Seccomp:", 2, "a seccomp filter, as containers have one, forbids it",
	  "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or as privileged" },
	{ ENOSPC, MAY_PASS, "/proc/self/status", NULL, 0, "a limit on namespaces is reached, or they are nested too deep (32 levels)",
	  "see the limits with: sysctl user" },
	{ EINVAL, ANY_USER, "/proc/self/status", NULL, 0,
	  "the kernel lacks a kind of namespace (CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS), or / is no mount point (a chroot)",
	  "use another kernel, or leave the chroot" },
	{ EACCES, ORDINARY_USER, "/proc/self/status", NULL, 0,
	  "its own files in /proc are closed to this process, as they are after it changed its user (PR_SET_DUMPABLE in prctl(2))",
	  "have the program call prctl(PR_SET_DUMPABLE, 1) after it changed its user" },
	{ EPERM, ANY_USER, "/proc/self/status", NULL, 0,
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

const struct obstacle *obstacle_find(int errnum)
{
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++) {
		const struct obstacle *o = &obstacles[i];

		if ((!o->errnum || o->errnum == errnum) && (o->kind != ORDINARY_USER || userns_is_needed()) && read_number(o->file, o->key) == o->value)
			return o;
	}
	return NULL;
}
