/* SPDX-License-Identifier: MIT */
/* furnish.c - make new namespaces fit to live in */
#include "furnish.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void furnish_note_origin(struct origin *origin, bool new_user)
{
	origin->new_user = new_user;
	origin->uid = geteuid();
	origin->gid = getegid();
	if (!getcwd(origin->cwd, sizeof(origin->cwd)) || origin->cwd[0] != '/')
		origin->cwd[0] = '\0';
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/*
 * The steps. Each returns 0 or -errno.
 */

static int map_user(const struct origin *origin)
{
	char line[64];
	int err;

	if (!origin->new_user)
		return 0;
	/* An ordinary user may map its group only after giving up setgroups(2), user_namespaces(7). */
	err = write_file("/proc/self/setgroups", "deny");
	if (err)
		return err;
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)origin->uid);
	err = write_file("/proc/self/uid_map", line);
	if (err)
		return err;
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)origin->gid);
	return write_file("/proc/self/gid_map", line);
}

/*
 * Private first, so that no mount goes out to the machine. Then shared among ourselves: mount namespaces that are later made inside can
 * follow this one's mounts by being its slaves.
 */
static int seclude_mounts(const struct origin *origin)
{
	(void)origin;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return -errno;
	return 0;
}

static int mount_proc(const struct origin *origin)
{
	(void)origin;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? -errno : 0;
}

/* Inside a container /sys is often read-only, and then the kernel allows an ordinary user only a read-only one. */
static int mount_sys(const struct origin *origin)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	(void)origin;
	if (mount("sysfs", "/sys", "sysfs", flags, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return mount("sysfs", "/sys", "sysfs", flags | MS_RDONLY, NULL) < 0 ? -errno : 0;
}

/* A /run of its own, where ip(8) keeps names (/run/netns) and iptables its lock. */
static int mount_run(const struct origin *origin)
{
	(void)origin;
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -errno;
	if (mkdir("/run/netns", 0755) < 0 || mkdir("/run/lock", 0755) < 0 || chmod("/run/netns", 0755) < 0 ||
	    chmod("/run/lock", 01777) < 0)
		return -errno;
	/* A mount of its own, as `ip netns add` would make it: then programs that run inside can share it (child.c). */
	if (mount("/run/netns", "/run/netns", NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}

static int bring_lo_up(const struct origin *origin)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	(void)origin;
	if (sock < 0)
		return -errno;
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		err = -errno;
	ifr.ifr_flags |= IFF_UP;
	if (!err && ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		err = -errno;
	close(sock);
	return err;
}

/* By path, to come out on top of the new mounts. A directory that they hide stays what it was. */
static int restore_cwd(const struct origin *origin)
{
	if (*origin->cwd && chdir(origin->cwd) < 0 && errno != ENOENT && errno != EACCES)
		return -errno;
	return 0;
}

static const struct step {
	const char *what;
	int (*take)(const struct origin *);
} steps[] = {
	{ FURNISH_MAP, map_user },
	{ FURNISH_SECLUDE, seclude_mounts },
	{ FURNISH_PROC, mount_proc },
	{ FURNISH_SYS, mount_sys },
	{ "mount /run", mount_run },
	{ "bring lo up", bring_lo_up },
	{ "return to the working directory", restore_cwd },
};

int furnish(const struct origin *origin, const char **what)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int err = steps[i].take(origin);

		if (err) {
			*what = steps[i].what;
			return err;
		}
	}
	return 0;
}
