/* SPDX-License-Identifier: MIT */
/*
 * child_root.c - in a program's child: the directory that becomes its root
 *
 * Theory. The new root is put together over /tmp of the old one, which the program never sees. It is a directory as it is, or an overlay: a
 * directory beneath, such as our own root, and a tmpfs that takes what the program writes. An overlay shows nothing of other file systems
 * that are mounted in the directory, so these get overlays of their own. And the kernel refuses one that would uncover what was locked
 * as a user namespace was made; then each entry of the directory gets one. What is refused an overlay is there read-only, with all
 * that is mounted in it; what we may not look into is empty.
 *
 * The working directory is the one beneath, and names in it are relative: /tmp may be on the way there.
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child_mount.h"

#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define STAGE "/tmp"
#define STAGE_ROOT STAGE "/root"

/* Of our root, what a container has its own of. */
static const char own[][5] = { "proc", "sys", "dev", "run", "tmp" };

struct raw_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

BARE static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

BARE static bool is_own(const char *name)
{
	for (unsigned i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (same(own[i], name))
			return true;
	return false;
}

BARE static long make_stage(void)
{
	static const char *const mode[] = { "mode", "755", NULL };
	long fd = child_new_mount("tmpfs", mode, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), code;

	if (fd < 0)
		return fd;
	code = child_attach_here(fd, STAGE);
	RAW(close, fd);
	if (code >= 0)
		code = RAW(mkdirat, AT_FDCWD, STAGE_ROOT, 0755);
	if (code >= 0)
		code = RAW(mkdirat, AT_FDCWD, STAGE "/upper", 0755);
	return code < 0 ? code : RAW(mkdirat, AT_FDCWD, STAGE "/work", 0755);
}

/* Only who has the privilege on the machine itself can set the attributes in which an overlay keeps its notes. */
BARE static const char *notes(void)
{
	return RAW(setxattr, STAGE, "trusted.netns", "", 0, 0) < 0 ? ",userxattr" : "";
}

/* Lay one over the working directory, which so may have any name; each has a directory of its own that takes what is written. */
BARE static long overlay(struct child_container *c, const char *target)
{
	char upper[32], work[32], number[4];
	struct statx st;
	long code;

	for (int i = 0, n = c->layers++; i < 3; i++, n /= 26)
		number[i] = (char)('a' + n % 26);
	number[3] = 0;
	st.stx_mode = 0755;
	st.stx_uid = st.stx_gid = 0;
	code = RAW(statx, AT_FDCWD, ".", 0, STATX_BASIC_STATS, &st);
	if (code >= 0)
		code = child_join(upper, sizeof(upper), STAGE "/upper/", number, NULL);
	if (code >= 0)
		code = child_join(work, sizeof(work), STAGE "/work/", number, NULL);
	if (code >= 0)
		code = RAW(mkdirat, AT_FDCWD, upper, 0700);
	if (code >= 0)
		code = RAW(mkdirat, AT_FDCWD, work, 0700);
	if (code < 0)
		return code;
	/* The overlay's own directory has the attributes of the upper one; an owner who is not known here cannot be given. */
	RAW(fchownat, AT_FDCWD, upper, st.stx_uid, st.stx_gid, 0);
	RAW(fchmodat, AT_FDCWD, upper, st.stx_mode & 07777);
	code = child_join(c->text, sizeof(c->text), "lowerdir=.,upperdir=", upper, ",workdir=");
	if (code >= 0)
		code = child_join(c->text + code, sizeof(c->text) - (unsigned long)code, work, notes(), NULL);
	return code < 0 ? code : RAW(mount, "overlay", target, "overlay", 0, c->text);
}

/* What is there, as a whole and read-only. */
BARE static long put_whole(const char *from, const char *to)
{
	long fd = child_copy_mount(from, true, true), code;

	if (fd < 0)
		return fd;
	code = child_attach_here(fd, to);
	RAW(close, fd);
	return code;
}

/* The directory with an overlay, or without where the kernel refuses that. */
BARE static long put_directory(struct child_container *c, long beneath, const char *from, const char *to)
{
	long code = RAW(chdir, from), back;

	if (code == -EACCES)
		return 0;
	if (code < 0)
		return code;
	code = overlay(c, to);
	back = RAW(fchdir, beneath);
	if (back < 0)
		return back;
	return code == -EINVAL ? put_whole(from, to) : code;
}

/* Over an empty file. */
BARE static long put_file(const char *from, const char *to)
{
	long fd = RAW(openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	RAW(close, fd);
	return put_whole(from, to);
}

BARE static long put_link(struct child_container *c, const char *from, const char *to)
{
	long n = RAW(readlinkat, AT_FDCWD, from, c->text, sizeof(c->text) - 1);

	if (n < 0)
		return n;
	c->text[n] = 0;
	return RAW(symlinkat, c->text, AT_FDCWD, to);
}

BARE static long put_entry(struct child_container *c, long beneath, const char *name)
{
	struct statx st;
	long code = child_join(c->to, sizeof(c->to), STAGE_ROOT "/", name, NULL);

	st.stx_mode = 0;
	if (code >= 0)
		code = RAW(statx, AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
	if (code < 0)
		return code;
	if (S_ISLNK(st.stx_mode))
		return put_link(c, name, c->to);
	if (!S_ISDIR(st.stx_mode))
		return put_file(name, c->to);
	code = RAW(mkdirat, AT_FDCWD, c->to, 0755);
	return code < 0 ? code : put_directory(c, beneath, name, c->to);
}

BARE static long put_entries(struct child_container *c, long beneath)
{
	long fd = RAW(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), size = 0, code = 0;

	if (fd < 0)
		return fd;
	while (code >= 0 && (size = RAW(getdents64, fd, c->entries, sizeof(c->entries))) > 0)
		for (long at = 0; at < size && code >= 0;) {
			const struct raw_dirent *entry = (const void *)(c->entries + at);

			at += entry->reclen;
			if (!same(entry->name, ".") && !same(entry->name, "..") && !is_own(entry->name))
				code = put_entry(c, beneath, entry->name);
		}
	RAW(close, fd);
	return size < 0 ? size : code;
}

/* ---- what is mounted beneath: /proc/PID/mountinfo, "id parent major:minor root where ...", with blanks and the like as \040 ---- */

struct line {
	int field;      /* the one that is being read, from 1 */
	long id;
	long n;         /* bytes of the path */
	int octal, seen; /* after a backslash: its value and digits */
};

/* The path in `from` as seen from the directory beneath; NULL where it is not in there. */
BARE static const char *relative(const struct child_container *c)
{
	const char *base = c->base, *path = c->from;

	while (*base && *base == *path)
		base++, path++;
	if (*base)
		return NULL;
	if (path > c->from && path[-1] == '/') /* the root itself */
		return path;
	return *path == '/' ? path + 1 : NULL;
}

/* Is it what a container has its own of, or in there? */
BARE static bool is_in_own(const char *path)
{
	char entry[sizeof(*own) + 1];
	unsigned n = 0;

	while (path[n] && path[n] != '/' && n < sizeof(entry) - 1) {
		entry[n] = path[n];
		n++;
	}
	entry[n] = 0;
	return is_own(entry);
}

/* Put what is mounted at the path in `from` in its place, unless it is hidden by another mount, or there already with one around it. */
BARE static long put_mount(struct child_container *c, long beneath, long id)
{
	const char *path = relative(c);
	struct statx st;
	long code;

	if (!path || !*path || is_in_own(path))
		return 0;
	st.stx_mnt_id = 0;
	st.stx_mode = 0;
	code = RAW(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MNT_ID, &st);
	if (code < 0 || (long)st.stx_mnt_id != id)
		return 0;
	code = child_join(c->to, sizeof(c->to), STAGE_ROOT "/", path, NULL);
	if (code < 0)
		return code;
	st.stx_attributes = 0;
	code = RAW(statx, AT_FDCWD, c->to, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
	if (code < 0 || st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return 0;
	return S_ISDIR(st.stx_mode) ? put_directory(c, beneath, path, c->to) : put_whole(path, c->to);
}

BARE static long take(struct child_container *c, long beneath, struct line *line, char byte)
{
	if (byte == '\n') {
		long code = 0;

		c->from[line->n] = 0;
		if (line->field >= 5 && line->n < (long)sizeof(c->from) - 1)
			code = put_mount(c, beneath, line->id);
		line->field = 1;
		line->id = line->n = line->seen = 0;
		return code;
	}
	if (byte == ' ')
		line->field++;
	else if (line->field == 1)
		line->id = line->id * 10 + (byte - '0');
	else if (line->field != 5 || line->n >= (long)sizeof(c->from) - 1)
		return 0;
	else if (byte == '\\')
		line->seen = 1, line->octal = 0;
	else if (line->seen > 0) {
		line->octal = line->octal * 8 + (byte - '0');
		if (++line->seen > 3) {
			c->from[line->n++] = (char)line->octal;
			line->seen = 0;
		}
	} else
		c->from[line->n++] = byte;
	return 0;
}

BARE static long put_mounts(struct child_container *c, long beneath)
{
	struct line line;
	long fd, size = 0, code = 0;

	line.field = 1;
	line.id = line.n = line.seen = line.octal = 0;
	fd = RAW(openat, AT_FDCWD, c->mountinfo, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	while (code >= 0 && (size = RAW(read, fd, c->entries, sizeof(c->entries))) > 0)
		for (long i = 0; i < size && code >= 0; i++)
			code = take(c, beneath, &line, c->entries[i]);
	RAW(close, fd);
	return size < 0 ? size : code;
}

/* ---- the kinds of root; each returns a descriptor of it, or -errno ---- */

BARE static long directory(struct child_container *c)
{
	/* With "/.", so that a file is refused as what it is. */
	long code = child_join(c->to, sizeof(c->to), c->lower, "/.", NULL), fd;

	if (code < 0)
		return code;
	fd = child_copy_mount(c->to, true, false);
	if (fd < 0)
		return fd;
	code = child_attach_here(fd, STAGE);
	if (code >= 0)
		return fd;
	RAW(close, fd);
	return code;
}

BARE static long overlaid(struct child_container *c)
{
	long beneath = RAW(openat, AT_FDCWD, c->lower, O_PATH | O_DIRECTORY | O_CLOEXEC), code;

	if (beneath < 0)
		return beneath;
	code = RAW(fchdir, beneath);
	if (code >= 0)
		code = RAW(getcwd, c->base, sizeof(c->base));
	if (code >= 0)
		code = make_stage();
	if (code >= 0)
		code = overlay(c, STAGE_ROOT);
	if (code == -EINVAL) {
		code = RAW(mount, STAGE_ROOT, STAGE_ROOT, NULL, MS_BIND, NULL);
		if (code >= 0)
			code = put_entries(c, beneath);
	}
	if (code >= 0)
		code = put_mounts(c, beneath);
	RAW(close, beneath);
	return code < 0 ? code : RAW(openat, AT_FDCWD, STAGE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

BARE long child_make_root(struct child_container *c)
{
	return c->root == CHILD_ROOT_OVERLAY ? overlaid(c) : directory(c);
}
