/* SPDX-License-Identifier: MIT */
/*
 * child_mount.c - mounts for a container
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child_mount.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

BARE long child_new_mount(const char *type, const char *const *options, unsigned attributes)
{
	long fs = RAW(fsopen, type, FSOPEN_CLOEXEC), code = 0;

	if (fs < 0)
		return fs;
	for (; options && *options && code >= 0; options += 2)
		code = RAW(fsconfig, fs, FSCONFIG_SET_STRING, options[0], options[1], 0);
	if (code >= 0)
		code = RAW(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (code >= 0)
		code = RAW(fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	RAW(close, fs);
	return code;
}

BARE long child_copy_mount(const char *path, bool whole, bool readonly)
{
	long fd = RAW(open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (whole ? AT_RECURSIVE : 0)), code = 0;
	struct mount_attr attr;

	if (fd < 0 || !readonly)
		return fd;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = attr.propagation = attr.userns_fd = 0;
	code = RAW(mount_setattr, fd, "", AT_EMPTY_PATH | (whole ? AT_RECURSIVE : 0), &attr, sizeof(attr));
	if (code >= 0)
		return fd;
	RAW(close, fd);
	return code;
}

BARE long child_attach(long mount, long at, const char *name)
{
	struct open_how how;
	long target, code;

	how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	how.mode = 0;
	how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
	target = RAW(openat2, at, name, &how, sizeof(how));
	if (target == -ENOENT) {
		code = RAW(mkdirat, at, name, 0755);
		target = code < 0 ? code : RAW(openat2, at, name, &how, sizeof(how));
	}
	if (target < 0)
		return target;
	code = RAW(move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	RAW(close, target);
	return code;
}

BARE long child_attach_here(long mount, const char *path)
{
	return RAW(move_mount, mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

BARE long child_join(char *out, unsigned long room, const char *a, const char *b, const char *c)
{
	const char *parts[3];
	unsigned long n = 0;

	parts[0] = a;
	parts[1] = b;
	parts[2] = c;
	for (int i = 0; i < 3; i++)
		for (const char *at = parts[i]; at && *at; at++) {
			if (n + 1 >= room)
				return -ENAMETOOLONG;
			out[n++] = *at;
		}
	out[n] = 0;
	return (long)n;
}
