/* SPDX-License-Identifier: MIT */
/*
 * history.c - the file that keeps statements from one session to the next
 *
 * It is $XDG_STATE_HOME/nslua/history, or ~/.local/state/nslua/history. A statement begins a line; its further lines begin with a tab,
 * so that the file reads as what was typed. Each statement is appended by itself, under a shared lock, so sessions that run at once do
 * not disturb each other; a file that has grown to twice what is kept is cut down when a session begins, under an exclusive lock.
 *
 * A session that is not the owner's leaves nothing in his home: directory and file must belong to this user. In the sandbox of an
 * ordinary user both that user and the files are 0, and what is made inside belongs to him outside.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* A longer statement is not kept; of a longer file only the end is read. */
enum { STATEMENT_MAX = 64 << 10, FILE_MAX = 4 << 20 };

char *history_path(void)
{
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	char *path = NULL;
	int n;

	if (state && *state == '/') /* the specification: others are to be ignored */
		n = asprintf(&path, "%s/nslua/history", state);
	else if (home && *home == '/')
		n = asprintf(&path, "%s/.local/state/nslua/history", home);
	else
		return NULL;
	return n < 0 ? NULL : path;
}

/* Make the directory that is missing, and those above it, as the specification wants them: for the user alone. */
static bool make_directory(char *path)
{
	char *slash = strrchr(path, '/');
	struct stat st;
	bool ready;

	/* Above the user's own there may be everybody's, as /tmp is. */
	if (stat(path, &st) == 0)
		return st.st_uid == geteuid() || (st.st_mode & S_ISVTX);
	if (errno != ENOENT || slash == path)
		return false;
	*slash = '\0';
	ready = make_directory(path);
	*slash = '/';
	return ready && (mkdir(path, 0700) == 0 || errno == EEXIST);
}

/* Is there the file's directory, and is it ours? A file in another's may be a link to anywhere. */
static bool make_place(const char *path)
{
	char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	struct stat st;
	bool ready = dir && make_directory(dir) && stat(dir, &st) == 0 && st.st_uid == geteuid();

	free(dir);
	return ready;
}

/* The open file, locked as `lock` says, or -1. */
static int open_file(const char *path, int flags, int lock)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    ((st.st_mode & 077) && fchmod(fd, 0600) < 0)) {
		close(fd);
		return -1;
	}
	/* Some file systems have no locks; there each append is still one write. */
	if (flock(fd, lock) < 0 && (lock & LOCK_EX)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The file's text from `from` on, to be freed; a NUL behind it. */
static char *read_text(int fd, off_t from, size_t size, size_t *got)
{
	char *text = malloc(size + 1);
	ssize_t n;

	*got = 0;
	while (text && *got < size && (n = pread(fd, text + *got, size - *got, from + (off_t)*got)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		*got += n > 0 ? (size_t)n : 0;
	}
	if (text)
		text[*got] = '\0';
	return text;
}

/* The start of the next statement in `text`, which is in one; at the end of the text that end. */
static char *next_statement(char *text)
{
	do {
		text += strcspn(text, "\n");
		text += *text == '\n';
	} while (*text == '\t');
	return text;
}

/* Take the tabs off, and the last newline. */
static void unfold(char *statement, const char *end)
{
	char *to = statement;

	for (const char *from = statement; from < end; from++) {
		*to++ = *from;
		if (*from == '\n' && from[1] == '\t')
			from++;
	}
	*to = '\0';
	if (to > statement && to[-1] == '\n')
		to[-1] = '\0';
}

/* The end of the text that has the statements to keep. */
static char *last_statements(char *text, size_t *count)
{
	char *kept = text;
	size_t n = 0;

	for (char *s = text; *s; s = next_statement(s))
		n++;
	*count = n;
	for (; n > HISTORY_MAX; n--)
		kept = next_statement(kept);
	return kept;
}

/* Put `text` in place of the file's. Killed in between, the file has some statements twice. */
static void rewrite(int fd, const char *text)
{
	size_t size = strlen(text);

	if (pwrite(fd, text, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) < 0)
		return;
}

/* The last statements of the file, to be freed; *kept points into that. */
static char *read_file(int fd, bool cut, char **kept)
{
	struct stat st;
	size_t size, count;
	char *text;

	if (fstat(fd, &st) < 0)
		return NULL;
	size = st.st_size > FILE_MAX ? FILE_MAX : (size_t)st.st_size;
	text = read_text(fd, st.st_size - (off_t)size, size, &size);
	if (!text)
		return NULL;
	*kept = last_statements(st.st_size > FILE_MAX ? next_statement(text) : text, &count);
	if (cut && (count >= 2 * HISTORY_MAX || st.st_size > FILE_MAX))
		rewrite(fd, *kept);
	return text;
}

void history_load(const char *path, void (*each)(void *arg, const char *statement), void *arg)
{
	char *text, *kept;
	int fd = open_file(path, O_RDWR, LOCK_EX | LOCK_NB);
	bool locked = fd >= 0;

	if (fd < 0)
		fd = open_file(path, O_RDONLY, LOCK_SH | LOCK_NB); /* somebody is writing: read what there is */
	if (fd < 0)
		return;
	text = read_file(fd, locked, &kept);
	close(fd);
	if (!text)
		return;
	while (*kept) {
		char *next = next_statement(kept), first = *next;

		unfold(kept, next);
		if (*kept)
			each(arg, kept);
		kept = next;
		*kept = first;
	}
	free(text);
}

/* The statement as the file has it, to be freed; NULL if it is nothing to keep. */
static char *fold(const char *statement)
{
	static const char blanks[] = " \t\r\n";
	size_t n, lines = 0;
	char *text, *to;

	statement += strspn(statement, blanks);
	n = strlen(statement);
	while (n > 0 && strchr(blanks, statement[n - 1]))
		n--;
	if (n == 0 || n > STATEMENT_MAX)
		return NULL;
	for (const char *c = statement; c < statement + n; c++)
		lines += *c == '\n';
	text = malloc(n + lines + 2);
	if (!text)
		return NULL;
	to = text;
	for (const char *c = statement; c < statement + n; c++) {
		*to++ = *c;
		if (*c == '\n')
			*to++ = '\t';
	}
	*to++ = '\n';
	*to = '\0';
	return text;
}

/* Append the text, on a line of its own even if the last session was killed in the midst of one. */
static void append(int fd, const char *text)
{
	struct iovec parts[] = { { .iov_base = "\n", .iov_len = 1 }, { .iov_base = (char *)text, .iov_len = strlen(text) } };
	struct stat st;
	char last = '\n';
	ssize_t n;

	if (fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
		return;
	n = last == '\n' ? writev(fd, parts + 1, 1) : writev(fd, parts, 2);
	(void)n;
}

void history_append(const char *path, const char *statement)
{
	char *text = fold(statement);
	int fd = text && make_place(path) ? open_file(path, O_RDWR | O_APPEND | O_CREAT, LOCK_SH) : -1;

	if (fd >= 0) {
		append(fd, text);
		close(fd);
	}
	free(text);
}
