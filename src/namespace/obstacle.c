/* SPDX-License-Identifier: MIT */
/*
 * obstacle.c - why namespaces cannot be made here, and what helps
 *
 * What is possible is found out by doing it; only when the kernel has refused a step, the rows say what may have been the reason.
 */
#include "obstacle.h"

#include "furnish.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number in a file of /proc, or after "Key:" in it; -1 if there is none. */
static long read_number(const char *path, const char *key)
{
	char text[4096];
	const char *at;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = key ? strstr(text, key) : text;
	return at ? strtol(at + (key ? strlen(key) : 0), NULL, 10) : -1;
}

/*
 * Conditions
 */

static bool always(const struct obstacle *o)
{
	(void)o;
	return true;
}

static bool has_value(const struct obstacle *o)
{
	return read_number(o->file, o->key) == o->value;
}

/* For those who need a user namespace. */
static bool bars_users(const struct obstacle *o)
{
	return userns_is_needed() && has_value(o);
}

/* It bars who is confined by no profile; where AppArmor says nothing of us, that is so. */
static bool bars_unconfined(const struct obstacle *o)
{
	char label[64];
	int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, label, sizeof(label));

	if (fd >= 0)
		close(fd);
	return bars_users(o) && (n <= 0 || (n >= 10 && memcmp(label, "unconfined", 10) == 0));
}

/* Who maps uid 0 of the user namespace around needs a capability there. */
static bool is_weak_root(const struct obstacle *o)
{
	(void)o;
	return geteuid() == 0 && !userns_may(1U << CAP_SETFCAP);
}

/* / is no mount point. A chroot into one is not told from none. */
static bool is_chroot(const struct obstacle *o)
{
	struct statx st;

	(void)o;
	return statx(AT_FDCWD, "/", 0, 0, &st) == 0 && (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	       !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool bars_chroot(const struct obstacle *o)
{
	return userns_is_needed() && is_chroot(o);
}

/*
 * The table
 */

#define USER "/proc/sys/user/max_"
#define APPARMOR \
	bars_unconfined, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", NULL, 1, false, \
		"AppArmor takes the privileges away in user namespaces of ordinary users\n" \
		"  (kernel.apparmor_restrict_unprivileged_userns = 1)", \
		"allow it for nslua, as root: put\n" \
		"      abi <abi/4.0>,\n" \
		"      include <tunables/global>\n" \
		"      profile nslua /usr/bin/nslua flags=(unconfined) { userns, }\n" \
		"    into /etc/apparmor.d/nslua (with the path of this nslua), then: apparmor_parser -r /etc/apparmor.d/nslua"
#define MASKED \
	always, NULL, NULL, 0, false, "parts of the old one are hidden, as containers have it; then an ordinary user gets no new one", \
		"start the container with --security-opt systempaths=unconfined (Docker) or unmask=ALL (Podman), or as privileged"
#define NO_PROC always, NULL, NULL, 0, false, "/proc is not mounted, as in a bare chroot", "mount -t proc proc /proc"

/* clang-format off */
static const struct obstacle obstacles[] = {
	{ ENOSPC, NULL, has_value, USER "user_namespaces", NULL, 0, false,
	  "user namespaces are switched off (user.max_user_namespaces = 0)", "sysctl -w user.max_user_namespaces=15000" },
	{ ENOSPC, NULL, has_value, USER "net_namespaces", NULL, 0, false,
	  "network namespaces are switched off (user.max_net_namespaces = 0)", "sysctl -w user.max_net_namespaces=15000" },
	{ ENOSPC, NULL, has_value, USER "mnt_namespaces", NULL, 0, false,
	  "mount namespaces are switched off (user.max_mnt_namespaces = 0)", "sysctl -w user.max_mnt_namespaces=15000" },
	{ ENOSPC, NULL, has_value, USER "pid_namespaces", NULL, 0, false,
	  "PID namespaces are switched off (user.max_pid_namespaces = 0)", "sysctl -w user.max_pid_namespaces=15000" },
	{ ENOSPC, NULL, always, NULL, NULL, 0, true,
	  "a limit on namespaces is reached, or they are nested too deep (32 levels)", "see the limits with: sysctl user" },
	{ EAGAIN, NULL, always, NULL, NULL, 0, false,
	  "a limit on processes is reached: the user's (ulimit -u), or the container's (pids.max of its cgroup)", "raise it, or end some" },
	{ EPERM, NULL, bars_chroot, NULL, NULL, 0, false,
	  "a process in a chroot may make no user namespace", "run it outside of the chroot, or as root" },
	{ EINVAL, FURNISH_SECLUDE, is_chroot, NULL, NULL, 0, false,
	  "/ is no mount point, as in a chroot", "run it outside of the chroot, or first: mount --bind DIRECTORY DIRECTORY" },
	{ EINVAL, NULL, always, NULL, NULL, 0, false,
	  "the kernel lacks a kind of namespace (CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS)", "use another kernel" },
	{ EPERM, NULL, bars_users, "/proc/sys/kernel/unprivileged_userns_clone", NULL, 0, false,
	  "ordinary users may make no user namespaces (kernel.unprivileged_userns_clone = 0)", "sysctl -w kernel.unprivileged_userns_clone=1" },
	{ EPERM, FURNISH_MAP, is_weak_root, NULL, NULL, 0, false,
	  "root without CAP_SETFCAP, as some containers have it, cannot be root in a user namespace (Linux 5.12)",
	  "run it as another user than root, or start the container with --cap-add SETFCAP" },
	{ EPERM, NULL, APPARMOR },
	{ EACCES, NULL, APPARMOR },
	{ EPERM, NULL, has_value, "/proc/self/status", "Seccomp:", 2, false,
	  "a seccomp filter, as containers have one, forbids it",
	  "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or as privileged" },
	{ EPERM, FURNISH_PROC, MASKED },
	{ EPERM, FURNISH_SYS, MASKED },
	{ ENOENT, FURNISH_MAP, NO_PROC },
	{ ENOENT, FURNISH_PROC, NO_PROC },
	{ EACCES, FURNISH_MAP, always, NULL, NULL, 0, false,
	  "its own files in /proc are closed to this process, as they are after it changed its user (PR_SET_DUMPABLE in prctl(2))",
	  "have the program call prctl(PR_SET_DUMPABLE, 1) after it changed its user" },
	{ EACCES, NULL, always, NULL, NULL, 0, false,
	  "a security module (AppArmor, SELinux) forbids it, as in containers",
	  "start the container with --security-opt apparmor=unconfined or --security-opt label=disable, or as privileged" },
	{ EPERM, NULL, always, NULL, NULL, 0, false,
	  "something keeps this process from it: a chroot, a container, or a security module", "run it outside, or as root" },
};
/* clang-format on */

const struct obstacle *obstacle_find(const char *step, int errnum)
{
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++) {
		const struct obstacle *o = &obstacles[i];

		if (o->errnum == errnum && (!o->step || strcmp(o->step, step) == 0) && o->stands(o))
			return o;
	}
	return NULL;
}
