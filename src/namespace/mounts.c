/* SPDX-License-Identifier: MIT */
/*
 * mounts.c - the mount namespace that the processes of a network namespace get
 *
 * Theory. A sysfs shows the links of the namespace in which it was mounted, so a process that is only moved to another network namespace
 * still sees the old /sys/class/net. As `ip netns exec` does, its processes get a mount namespace with a fresh /sys, and the
 * files of /etc/netns/NAME over those in /etc; other than there it is made once per namespace, not once per command. Its mounts
 * are slaves of ours, so what is mounted later arrives in it where ours are shared, as in the sandbox.
 */
#include "mounts.h"

#include "../lua/handle.h"
#include "child.h"
#include "hosts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETC_NETNS "/etc/netns"

/* What to lay over what; all of it malloc'ed. */
struct overlay {
	struct child_bind *binds; /* ended by a NULL source */
	size_t n;
};

static void overlay_free(struct overlay *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free((char *)o->binds[i].source);
		free((char *)o->binds[i].target);
	}
	free(o->binds);
}

static int overlay_add(struct overlay *o, const char *directory, const char *name)
{
	struct child_bind *more = realloc(o->binds, (o->n + 2) * sizeof(*more));
	char *source, *target;

	if (!more)
		return -ENOMEM;
	o->binds = more;
	if (asprintf(&source, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	if (asprintf(&target, "/etc/%s", name) < 0) {
		free(source);
		return -ENOMEM;
	}
	o->binds[o->n++] = (struct child_bind){ source, target };
	o->binds[o->n] = (struct child_bind){ NULL, NULL };
	return 0;
}

static int overlay_read(struct overlay *o, const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int code = 0;
	DIR *dir;

	if (!*name)
		return 0;
	snprintf(path, sizeof(path), ETC_NETNS "/%s", name);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (code == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = overlay_add(o, path, entry->d_name);
	closedir(dir);
	return code;
}

int mounts_make(struct ns *ns, struct fault *fault)
{
	static const struct child_bind none = { NULL, NULL };
	struct overlay overlay = { 0 };
	struct child_mounts job;
	int code;

	if (ns->mounts >= 0)
		return 0;
	code = overlay_read(&overlay, ns->name);
	if (code < 0) {
		overlay_free(&overlay);
		return fault_set(fault, -code, "reading " ETC_NETNS "/%s", ns->name);
	}
	job.user = ns->user;
	job.net = ns->fd;
	job.binds = overlay.binds ? overlay.binds : &none;
	job.hosts = ns->hosts ? ns->hosts->text : NULL;
	job.hosts_size = ns->hosts ? ns->hosts->size : 0;
	code = child_mounts(&job);
	if (code < 0)
		fault_set(fault, -code, "a mount namespace for its processes: %s", job.failed ? job.failed : "clone");
	overlay_free(&overlay);
	if (code < 0)
		return code;
	code = handle_safefd(job.fd);
	if (code < 0)
		return fault_set(fault, -code, "a mount namespace for its processes");
	ns->mounts = code;
	return 0;
}
