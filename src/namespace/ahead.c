/* SPDX-License-Identifier: MIT */
/*
 * ahead.c - namespaces that a helper makes while we are busy with those that are there
 *
 * Theory. To make a namespace takes the kernel a third of a millisecond, and a link that leads into it half of one; hardly any of that
 * needs the same lock. The helper is a process that shares our memory and our descriptor table, as those of userns.c: a thread would stay
 * one for ever to libc, which then locks whatever it does. It leaves one namespace for the next, as nothing else runs in it, and writes the
 * first settings, too, for it stands where they are. What it made comes through a pipe, in order: a descriptor, and whether all settings
 * were taken. At the first refusal it ends, and who takes makes the rest himself, as he would have without it: then errors are his.
 *
 * Its exit_signal is 0, so no wait() of the host program notices it; it blocks all signals and dies with the thread that started it.
 */
#include "ahead.h"

#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/wait.h"
#include "ns.h"
#include "rawcall.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AHEAD_TYPE "netns.ahead"

enum { STACK = 8192 };

/* What the pipe carries, whole each time. */
struct made {
	int fd, written;
};

/* What the helper works on; it ends before this does. */
struct work {
	struct {
		char bytes[STACK];
	} stack __attribute__((aligned(16)));
	pid_t owner;
	int out;
	atomic_bool stop;
	size_t n;      /* namespaces */
	char text[]; /* for each: path, value, path, value ..., each with a NUL, and another NUL at the end */
};

/* The handle. */
struct ahead {
	struct work *work; /* NULL: nothing runs */
	pid_t helper;
	int pidfd, in;
};

/* ---- in the helper ---- */

BARE static size_t size_of(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

BARE static int write_setting(const char *path, const char *value)
{
	long fd = RAW(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC), size = (long)size_of(value), code;

	if (fd < 0)
		return 0;
	code = RAW(write, fd, value, size);
	RAW(close, fd);
	return code == size;
}

BARE static int make_all(void *arg)
{
	struct work *w = arg;
	const char *text = w->text;
	struct made made;
	long home, code;

	RAW(prctl, PR_SET_NAME, "netns-ahead", 0, 0, 0);
	RAW(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (RAW(getppid, 0) != w->owner)
		return 0;
	home = RAW(openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	code = RAW(setns, home, CLONE_NEWNET); /* who takes them must be able to enter and leave: see ns_returns() */
	RAW(close, home);
	if (code < 0)
		return 0;
	for (size_t i = 0; i < w->n && !w->stop; i++, text++) {
		if (RAW(unshare, CLONE_NEWNET) < 0)
			break;
		made.fd = (int)RAW(openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (made.fd < 0)
			break;
		for (made.written = 1; *text;) {
			const char *value = text + size_of(text) + 1;

			made.written &= write_setting(text, value);
			text = value + size_of(value) + 1;
		}
		if (RAW(write, w->out, &made, sizeof(made)) != sizeof(made)) {
			RAW(close, made.fd);
			break;
		}
	}
	return 0;
}

/* ---- without a lua_State ---- */

/* Do the settings of n namespaces fill the text? A string of Lua's has a NUL behind its end. */
static bool is_whole(const char *text, size_t size, size_t n)
{
	const char *end = text + size;

	for (; n > 0 && text < end; n--) {
		while (text < end && *text) {
			text += strlen(text) + 1;
			if (text < end)
				text += strlen(text) + 1;
		}
		text++;
	}
	return n == 0 && text == end;
}

/* The next one that is made; false: none is at the moment. */
static bool next_made(const struct ahead *a, struct made *made)
{
	ssize_t n;

	do
		n = read(a->in, made, sizeof(*made));
	while (n < 0 && errno == EINTR);
	return n == sizeof(*made);
}

/* A namespace under construction is all that it waits for. A copy of us that fork() made has a helper of nobody's. */
static void end(struct ahead *a)
{
	struct pollfd fds[] = { { .fd = a->in, .events = POLLIN }, { .fd = a->pidfd, .events = POLLIN } };
	struct made made;

	if (a->work && a->work->owner == getpid()) {
		a->work->stop = true;
		while (fds[1].revents == 0) {
			poll(fds, 2, -1);
			while (next_made(a, &made))
				close(made.fd);
		}
		while (waitpid(a->helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	if (a->work)
		handle_closefd(&a->work->out);
	handle_closefd(&a->in);
	handle_closefd(&a->pidfd);
	free(a->work);
	a->work = NULL;
}

static int begin(struct ahead *a, size_t n, const char *text, size_t size)
{
	sigset_t all, before;
	int ends[2];
	long pid;

	a->work = malloc(sizeof(*a->work) + size);
	if (!a->work)
		return -ENOMEM;
	a->work->out = -1;
	a->work->owner = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	a->in = ends[0];
	a->work->out = ends[1];
	if (fcntl(a->in, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	a->work->n = n;
	a->work->stop = false;
	memcpy(a->work->text, text, size);
	a->work->owner = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = raw_clone(CLONE_VM | CLONE_FILES | CLONE_PIDFD, (char *)(&a->work->stack + 1), &a->pidfd, make_all, a->work);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		a->work->owner = 0;
		a->pidfd = -1;
		return (int)pid;
	}
	a->helper = (pid_t)pid;
	return 0;
}

/* ---- handles ---- */

/* core.ahead(n, text) -> handle; `text` as struct work has it */
static int l_ahead(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	size_t size;
	const char *text = luaL_checklstring(L, 2, &size);
	struct ahead *a;
	int code;

	luaL_argcheck(L, n >= 0 && is_whole(text, size, (size_t)n), 2, "not the settings of so many");
	a = lua_newuserdatauv(L, sizeof(*a), 0);
	*a = (struct ahead){ .in = -1, .pidfd = -1 };
	luaL_setmetatable(L, AHEAD_TYPE);
	code = begin(a, (size_t)n, text, size);
	return code < 0 ? error_errno(L, -code, "netns new", NULL) : 1;
}

/* a:take() -> the next namespace, and whether its settings are written; nil: the helper has ended */
static int m_take(lua_State *L)
{
	struct ahead *a = luaL_checkudata(L, 1, AHEAD_TYPE);
	struct made made = { .fd = -1 };
	struct fault fault = { 0 };
	struct ns *ns;

	if (a->work)
		wait_poll(L, (struct pollfd[]){ { .fd = a->in, .events = POLLIN }, { .fd = a->pidfd, .events = POLLIN } }, 2, -1);
	ns = ns_push(L, NULL);
	if (!a->work || !next_made(a, &made)) {
		lua_pushnil(L);
		return 1;
	}
	if (ns_adopt(ns, made.fd, &fault) < 0)
		return error_raise(L, &(struct error){ .op = "netns new", .errnum = fault.errnum, .message = fault.text });
	ns->returns = true;
	lua_pushboolean(L, made.written);
	return 2;
}

static int m_close(lua_State *L)
{
	end(luaL_checkudata(L, 1, AHEAD_TYPE));
	return 0;
}

void ahead_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "take", m_take }, { "close", m_close }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	if (handle_new(L, AHEAD_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, AHEAD_TYPE);
	}
	lua_pop(L, 1);
	lua_pushcfunction(L, l_ahead);
	lua_setfield(L, -2, "ahead");
}
