/* SPDX-License-Identifier: MIT */
/*
 * oom.c - a host program whose memory ends: every call of a script's cases is made with room for 0, 1, 2 ... allocations, until it succeeds
 *
 *	oom CASES [--all] [NAME...]      CASES: a Lua file that returns an array of { name, run, setup, undo, fresh, stride, exits }
 *
 * From the k-th allocation on all fail, not only that one: Lua answers a failure with a full collection and tries again. A case's run(x)
 * gets what its setup() returned, undo(x) takes back what run may have made; both have all the memory they want. After each attempt what
 * this process has in the kernel must be what it had before. The attempts of a case share one Lua state, so that a later one works on
 * what an earlier one left; those of a case with `fresh = 1` have one each. `stride` leaves points out, `exits` says that
 * a library ends the process when malloc() fails, or crashes. --all leaves nothing out: every point of
 * every case, each in a new state. Exit status 0 if all is well; a line for each case, "NAME: N points".
 *
 * The collector is not made busier than it is: Lua drops a finalizer for whose call it has no memory.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { MOST_FDS = 1024, MOST_POINTS = 100000 };

/* Allocations that still succeed; -1: all. */
static long left = -1;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HAS_MALLOC = false }; /* it is the sanitizer's */
static long left_of_c;
static bool refused_c;

static void *take(void *old, size_t size)
{
	return realloc(old, size);
}
#else
/* The same for malloc() and its like, which C functions call: these take the place of libc's in the whole process. */
enum { HAS_MALLOC = true };
static long left_of_c = -1;
static bool refused_c;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

#define SEEN __attribute__((visibility("default")))

static bool refused(void)
{
	if (left_of_c < 0)
		return false;
	if (left_of_c > 0) {
		left_of_c--;
		return false;
	}
	errno = ENOMEM;
	return refused_c = true;
}

SEEN void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

SEEN void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

SEEN void *realloc(void *old, size_t size)
{
	return refused() ? NULL : __libc_realloc(old, size);
}

static void *take(void *old, size_t size)
{
	return __libc_realloc(old, size);
}
#endif

static void *allocate(void *ud, void *old, size_t had, size_t size)
{
	(void)ud;
	if (size == 0) {
		free(old);
		return NULL;
	}
	if (left >= 0 && (!old || size > had)) {
		if (left == 0)
			return NULL;
		left--;
	}
	return take(old, size);
}

/* ---- what this process has in the kernel ---- */

struct owned {
	bool fd[MOST_FDS];
	bool children;
	ino_t ns[4];
	char cwd[4096];
};

static const char *const namespaces[4] = { "net", "user", "mnt", "pid" };

static void look(struct owned *o)
{
	DIR *dir = opendir("/proc/self/fd");
	siginfo_t info;
	struct dirent *entry;

	memset(o, 0, sizeof(*o));
	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name != '.' && fd != dirfd(dir) && fd < MOST_FDS)
			o->fd[fd] = true;
	}
	if (dir)
		closedir(dir);
	o->children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
	for (int i = 0; i < 4; i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", namespaces[i]);
		o->ns[i] = stat(path, &st) == 0 ? st.st_ino : 0;
	}
	if (!getcwd(o->cwd, sizeof(o->cwd)))
		*o->cwd = '\0';
}

/* Say what is different; true if nothing is. */
static bool same(const char *name, long k, const struct owned *before)
{
	struct owned now;
	bool good = true;

	look(&now);
	for (int fd = 0; fd < MOST_FDS; fd++)
		if (now.fd[fd] != before->fd[fd]) {
			char path[64], to[256] = "";

			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			if (readlink(path, to, sizeof(to) - 1) < 0)
				*to = '\0';
			printf("%s: point %ld: descriptor %d (%s) %s\n", name, k, fd, to, now.fd[fd] ? "leaked" : "closed");
			good = false;
		}
	if (now.children != before->children) {
		printf("%s: point %ld: a process is left\n", name, k);
		good = false;
	}
	for (int i = 0; i < 4; i++)
		if (now.ns[i] != before->ns[i]) {
			printf("%s: point %ld: in another %s namespace\n", name, k, namespaces[i]);
			good = false;
		}
	if (strcmp(now.cwd, before->cwd) != 0) {
		printf("%s: point %ld: in another directory\n", name, k);
		good = false;
	}
	return good;
}

/* ---- one case: the table at 1; 2 is what setup() returned ---- */

static void call(lua_State *L, const char *name, const char *what, int results)
{
	if (lua_getfield(L, 1, what) == LUA_TNIL) {
		lua_pop(L, 1);
		if (results)
			lua_pushnil(L);
		return;
	}
	if (results == 0)
		lua_pushvalue(L, 2);
	if (lua_pcall(L, !results, results, 0) == LUA_OK)
		return;
	printf("%s: %s: %s\n", name, what, luaL_tolstring(L, -1, NULL));
	exit(2);
}

static void settle(lua_State *L)
{
	lua_settop(L, 1);
	lua_gc(L, LUA_GCCOLLECT);
	lua_gc(L, LUA_GCCOLLECT);
}

enum outcome { DONE, RAN_OUT, WRONG };

/* Is this what C functions say that had no memory? Lua's own words are always the same. */
static bool says_so(const char *text, bool of_c)
{
	if (!of_c)
		return strcmp(text, "not enough memory") == 0;
	return strstr(text, "not enough memory") || strstr(text, "ENOMEM");
}

/* Run the case with room for `k` allocations of Lua's and `c` of C's (-1: all). */
static enum outcome attempt(lua_State *L, const char *name, long k, long c)
{
	enum outcome outcome = DONE;
	int status;

	call(L, name, "setup", 1);
	lua_getfield(L, 1, "run");
	lua_pushvalue(L, 2);
	refused_c = false;
	left = k;
	left_of_c = c;
	status = lua_pcall(L, 1, 0, 0);
	left = left_of_c = -1;
	if (status != LUA_OK) {
		const char *text = luaL_tolstring(L, -1, NULL);

		outcome = RAN_OUT;
		if (!says_so(text, c >= 0)) {
			printf("%s: point %ld: %s\n", name, c >= 0 ? c : k, text);
			outcome = WRONG;
		}
	}
	lua_settop(L, 2);
	call(L, name, "undo", 0);
	settle(L);
	return outcome == DONE && refused_c ? RAN_OUT : outcome; /* it could do without */
}

/* A state with the case `i` at 1; its name. */
static lua_State *load(const char *file, lua_Integer i, const char **name)
{
	lua_State *L = lua_newstate(allocate, NULL);

	if (!L)
		exit(2);
	luaL_openlibs(L);
	if (luaL_dofile(L, file) != LUA_OK) {
		printf("%s\n", luaL_tolstring(L, -1, NULL));
		exit(2);
	}
	if (lua_rawgeti(L, 1, i) == LUA_TNIL) {
		lua_close(L);
		return NULL;
	}
	lua_replace(L, 1);
	lua_settop(L, 1);
	lua_getfield(L, 1, "name");
	*name = lua_tostring(L, -1); /* the case keeps it */
	lua_pop(L, 1);
	return L;
}

static long integer_of(lua_State *L, const char *field, long otherwise)
{
	long value = lua_getfield(L, 1, field) == LUA_TNIL ? otherwise : (long)lua_tointeger(L, -1);

	lua_pop(L, 1);
	return value;
}

/* All attempts of a case in the state L. */
static bool run_shared(lua_State *L, const char *name)
{
	long stride = integer_of(L, "stride", 1), n = 0;
	enum outcome outcome = RAN_OUT;
	struct owned before;
	bool good = true;

	if (attempt(L, name, -1, -1) != DONE) /* what a state makes once and keeps is there now */
		return false;
	look(&before);
	for (long k = 0; outcome == RAN_OUT && k < MOST_POINTS; k += stride, n++) {
		outcome = attempt(L, name, k, -1);
		good = same(name, k, &before) && outcome != WRONG && good;
	}
	printf("%s: %ld points\n", name, n);
	if (!HAS_MALLOC || integer_of(L, "exits", 0) || outcome != DONE)
		return good && outcome == DONE;
	outcome = RAN_OUT;
	for (n = 0; outcome == RAN_OUT && n < MOST_POINTS; n++) {
		outcome = attempt(L, name, -1, n);
		good = same(name, n, &before) && outcome != WRONG && good;
	}
	printf("%s: %ld points of malloc()\n", name, n);
	return good && outcome == DONE;
}

static bool run_fresh(const char *file, lua_Integer i, const char *label, bool all)
{
	enum outcome outcome = RAN_OUT;
	struct owned before;
	bool good = true;
	long n = 0;

	look(&before);
	for (long k = 0, stride = 1; outcome == RAN_OUT && k < MOST_POINTS; k += stride, n++) {
		const char *name;
		lua_State *L = load(file, i, &name);

		stride = all ? 1 : integer_of(L, "stride", 1);
		outcome = attempt(L, label, k, -1);
		lua_close(L);
		good = same(label, k, &before) && outcome != WRONG && good;
	}
	printf("%s: %ld points, each in a new state\n", label, n);
	return good && outcome == DONE;
}

static bool wanted(char **names, const char *name)
{
	bool any = !*names;

	for (; *names; names++)
		any = any || strcmp(*names, name) == 0;
	return any;
}

int main(int argc, char **argv)
{
	bool all = argc > 2 && strcmp(argv[2], "--all") == 0, good = true;
	char **names = argv + 2 + all;
	const char *name;
	lua_State *L;

	if (argc < 2) {
		fprintf(stderr, "usage: oom CASES [--all] [NAME...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (lua_Integer i = 1; (L = load(argv[1], i, &name)); i++) {
		struct owned before;
		char label[64];

		snprintf(label, sizeof(label), "%s", name);
		if (!wanted(names, label)) {
			lua_close(L);
		} else if (all || integer_of(L, "fresh", 0)) {
			lua_close(L);
			good = run_fresh(argv[1], i, label, all) && good;
		} else {
			look(&before);
			good = run_shared(L, label) && good;
			lua_close(L);
			good = same(label, -1, &before) && good;
		}
	}
	return good ? 0 : 1;
}
