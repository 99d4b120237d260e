/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c - our hold on a supervisor
 *
 * Theory. A supervisor runs code of this module, on a stack and with data of ours. So its memory is a mapping of its own that is freed
 * after it was reaped, never before, and none may be left when the Lua state ends: then the module may be unloaded. The one freed last
 * is kept for the next, which so has its pages at once. When the state ends all supervisors are told to end (their control pipes
 * closed), waited for, and at last killed; PDEATHSIG takes their children.
 */
#include "supervisor.h"

#include "../lua/handle.h"
#include "../lua/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT_TYPE "netns.supervisors"

enum { PAGE = 4096 };

/* How long the end of a Lua state may be held up by processes that do not die. */
static const double patience = 2;

/* How long a program may take to be executed, once it is not wanted any more. */
static const double starting = 0.5;

struct kept {
	struct supervisor *first;
	bool over;
};

static _Atomic(struct supervisor *) spare;

/* Put `s` aside for the next one, or give it up. */
static void spare_put(struct supervisor *s)
{
	s = atomic_exchange(&spare, s);
	if (s)
		munmap(s, s->size);
}

/* A mapping of at least *size bytes, which become its size; MAP_FAILED with errno. */
static char *spare_take(size_t *size)
{
	struct supervisor *s = atomic_exchange(&spare, NULL);

	if (s && s->size >= *size) {
		*size = s->size;
		return (char *)s;
	}
	if (s)
		munmap(s, s->size);
	return mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

struct supervisor *supervisor_new(size_t extra, bool own_memory, bool container)
{
	size_t size = (sizeof(struct supervisor) + extra + PAGE - 1) / PAGE * PAGE + (container ? 4 : 2) * CHILD_STACK;
	char *at = own_memory ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : spare_take(&size);
	struct supervisor *s = (struct supervisor *)(void *)at;

	if (at == MAP_FAILED)
		return NULL;
	*s = (struct supervisor){ .size = size, .pidfd = -1, .control = -1, .theirs = { -1, -1, -1 } };
	s->job.pidfd = -1;
	s->job.own_memory = own_memory;
	s->job.supervisor_stack = at + size;
	s->job.child_stack = at + size - CHILD_STACK;
	if (container) {
		s->job.init_stack = at + size - 2 * CHILD_STACK;
		s->job.program_stack = at + size - 3 * CHILD_STACK;
	}
	return s;
}

char *supervisor_extra(struct supervisor *s)
{
	return (char *)(s + 1);
}

static int safe_pipe(int ends[2], int flags)
{
	if (pipe2(ends, O_CLOEXEC | flags) < 0) {
		ends[0] = ends[1] = -1;
		return -errno;
	}
	for (int i = 0; i < 2; i++) {
		int fd = handle_safefd(ends[i]);

		ends[i] = fd < 0 ? -1 : fd;
		if (fd < 0)
			return fd;
	}
	return 0;
}

int supervisor_start(struct supervisor *s, int *status)
{
	int ends[2], code;

	code = safe_pipe(ends, 0);
	s->theirs[0] = s->job.control = ends[0];
	s->control = ends[1];
	if (code < 0)
		return code;
	code = safe_pipe(ends, O_NONBLOCK); /* few reports fit in it whole */
	*status = ends[0];
	s->theirs[1] = s->job.status = ends[1];
	if (code < 0)
		return code;
	code = handle_safefd((int)syscall(SYS_pidfd_open, getpid(), 0));
	if (code < 0)
		return code == -1 ? -errno : code;
	s->theirs[2] = s->job.host = code;
	s->owner = getpid();
	code = child_start(&s->job, &s->pidfd);
	if (code < 0) {
		s->pidfd = -1; /* a clone that fails late leaves the number of a descriptor that it took back */
		return code;
	}
	s->pid = code;
	return 0;
}

void supervisor_started(struct supervisor *s)
{
	for (int i = 0; i < 3; i++)
		handle_closefd(&s->theirs[i]);
}

/* True once it was reaped (or is not ours to reap). */
static bool reaped(struct supervisor *s)
{
	siginfo_t info = { 0 };

	if (s->pid && (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | __WALL) == 0 ? info.si_pid == 0 : errno != ECHILD))
		return false;
	s->killed |= s->pid && info.si_code != CLD_EXITED;
	s->pid = 0;
	return true;
}

static bool await(struct supervisor *s, double deadline)
{
	while (!reaped(s)) {
		double left = deadline - wait_clock();
		struct pollfd fd = { .fd = s->pidfd, .events = POLLIN };

		if (left <= 0)
			return false;
		poll(&fd, 1, (int)(left * 1000) + 1);
	}
	return true;
}

static void release(struct supervisor *s)
{
	for (int i = 0; i < 3; i++)
		handle_closefd(&s->theirs[i]);
	handle_closefd(&s->control);
	handle_closefd(&s->pidfd);
	handle_closefd(&s->job.pidfd);
	/* Under one that was killed the child may stand on it for an instant more. */
	if (s->job.own_memory || s->killed)
		munmap(s, s->size);
	else
		spare_put(s);
}

static void signal_it(const struct supervisor *s, int signal)
{
	if (s->pid && s->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, s->pidfd, signal, NULL, 0);
}

/*
 * Ask for the end. One that still shares our descriptor table would lose its own if we closed ours. That it does is over as soon as
 * the program was executed; where even that does not come to an end, only the child is there yet, and goes with it.
 */
void supervisor_ask(struct supervisor *s)
{
	double deadline = wait_clock() + starting;
	static const struct timespec nap = { .tv_nsec = 1000000 };

	if (s->told)
		return;
	while (s->pid && !s->job.apart && wait_clock() < deadline && !reaped(s))
		nanosleep(&nap, NULL);
	/* Closing the pipe is not enough: a process that the host program forked may hold it, too. */
	signal_it(s, s->job.apart ? SIGTERM : SIGKILL);
	s->told = s->job.apart;
	if (s->told)
		handle_closefd(&s->control);
}

bool supervisor_end(struct supervisor *s, double seconds)
{
	if (s->pid && s->owner != getpid()) {
		release(s);
		return true;
	}
	supervisor_ask(s);
	if (!await(s, wait_clock() + seconds))
		return false;
	release(s);
	return true;
}

/* ---- those that outlive their handles ---- */

static struct kept *kept_of(lua_State *L)
{
	struct kept *kept;

	lua_getfield(L, LUA_REGISTRYINDEX, KEPT_TYPE ".kept");
	kept = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return kept;
}

void supervisor_keep(lua_State *L, struct supervisor *s)
{
	struct kept *kept = kept_of(L);

	if (kept && !kept->over) {
		s->next = kept->first;
		kept->first = s;
		return;
	}
	signal_it(s, SIGKILL);
	supervisor_end(s, patience);
}

void supervisor_sweep(lua_State *L)
{
	struct kept *kept = kept_of(L);

	for (struct supervisor **at = &kept->first; *at;) {
		struct supervisor *s = *at;

		if (s->owner == getpid() && !reaped(s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		release(s);
	}
}

static int mm_gc(lua_State *L)
{
	struct kept *kept = lua_touserdata(L, 1);
	double deadline = wait_clock() + patience;

	kept->over = true;
	for (struct supervisor *s = kept->first; s; s = s->next)
		if (s->owner == getpid())
			supervisor_ask(s);
	while (kept->first) {
		struct supervisor *s = kept->first;
		double left = deadline - wait_clock();

		kept->first = s->next;
		if (supervisor_end(s, left > 0 ? left : 0))
			continue;
		signal_it(s, SIGKILL);
		supervisor_end(s, patience);
	}
	spare_put(NULL);
	return 0;
}

void supervisor_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", mm_gc }, { NULL, NULL } };

	if (lua_getfield(L, LUA_REGISTRYINDEX, KEPT_TYPE ".kept") == LUA_TNIL) {
		struct kept *kept = lua_newuserdatauv(L, sizeof(*kept), 0);

		*kept = (struct kept){ 0 };
		handle_type(L, KEPT_TYPE, meta);
		lua_setmetatable(L, -2);
		lua_setfield(L, LUA_REGISTRYINDEX, KEPT_TYPE ".kept");
	}
	lua_pop(L, 1);
}
