/* SPDX-License-Identifier: MIT */
/*
 * pty.c - a pseudo terminal as a program's stdin, stdout and stderr
 *
 * The terminal is opened through its master, never by a path: /dev/pts may be another instance's where the program runs.
 */
#include "pty.h"

#include "../lua/args.h"
#include "../lua/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

struct options {
	lua_Integer rows, cols;
	bool echo;
};

static const struct args_row rows[] = {
	{ .key = "rows", .type = ARGS_INTEGER, .offset = offsetof(struct options, rows), .min = 1, .max = 65535 },
	{ .key = "cols", .type = ARGS_INTEGER, .offset = offsetof(struct options, cols), .min = 1, .max = 65535 },
	{ .key = "echo", .type = ARGS_BOOL, .offset = offsetof(struct options, echo) },
	{ .key = NULL },
};

/* pty = true | { rows, cols, echo } */
void pty_read(lua_State *L, const char *op, struct pty_spec *out)
{
	struct options o = { .rows = 24, .cols = 80, .echo = true };
	const struct args_at at = { .op = op, .key = "pty" };

	if (lua_isboolean(L, -1))
		out->wanted = lua_toboolean(L, -1);
	else if (lua_type(L, -1) != LUA_TTABLE)
		args_misuse(L, &at, "true or { rows, cols, echo } expected, got %s", lua_typename(L, lua_type(L, -1)));
	else {
		args_read_at(L, -1, &(struct args_at){ .op = op, .inside = "pty" }, rows, &o, false);
		out->wanted = true;
	}
	out->rows = (unsigned short)o.rows;
	out->cols = (unsigned short)o.cols;
	out->echo = o.echo;
}

int pty_resize(int ours, unsigned short height, unsigned short width)
{
	struct winsize size = { .ws_row = height, .ws_col = width };

	return ioctl(ours, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

static int set_up(int ours, const struct pty_spec *spec)
{
	int unlock = 0, theirs;
	struct termios settings;

	if (ioctl(ours, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	theirs = handle_safefd(ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (theirs < 0)
		return theirs == -1 ? -errno : theirs;
	if (!spec->echo && tcgetattr(theirs, &settings) == 0) {
		settings.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(theirs, TCSANOW, &settings);
	}
	pty_resize(ours, spec->rows, spec->cols);
	return theirs;
}

int pty_open(const struct pty_spec *spec, int *ours, int *theirs)
{
	int code = handle_safefd(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));

	if (code < 0)
		return code == -1 ? -errno : code;
	*ours = code;
	code = set_up(*ours, spec);
	if (code < 0)
		handle_closefd(ours);
	else
		*theirs = code;
	return code < 0 ? code : 0;
}
