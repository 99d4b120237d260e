/* SPDX-License-Identifier: MIT */
/* container.c - namespaces of a program's own: reads unshare, hostname, root, readonly and masked of a spec */
#include "container.h"

#include "../lua/args.h"

#include <lauxlib.h>
#include <link.h>
#include <sched.h>
#include <stdalign.h>
#include <string.h>
#include <unistd.h>

/* What a program can have of its own beside its network namespace, and what else that brings. */
static const struct {
	const char *name;
	unsigned long flags;
} kinds[] = {
	{ "pid", CLONE_NEWPID | CLONE_NEWNS }, /* else /proc would show the others' */
	{ "mount", CLONE_NEWNS },
	{ "uts", CLONE_NEWUTS },
	{ "ipc", CLONE_NEWIPC },
	{ "user", CLONE_NEWUSER },
	{ "cgroup", CLONE_NEWCGROUP },
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* unshare = { "pid", "mount", "uts", "ipc", "user", "cgroup" } | "all" */
void container_read_unshare(lua_State *L, const char *op, struct container_spec *out)
{
	const struct args_at at = { .op = op, .key = "unshare" };
	lua_Integer n;

	if (args_is(L, -1, "all")) {
		for (size_t i = 0; i < KINDS; i++)
			out->flags |= kinds[i].flags;
		return;
	}
	if (lua_type(L, -1) != LUA_TTABLE)
		args_misuse(L, &at, "an array of names or \"all\" expected, got %s", luaL_typename(L, -1));
	n = args_array(L, -1, &at);
	for (lua_Integer i = 1; i <= n; i++) {
		char text[48];
		const char *name;
		size_t kind = 0, size;

		lua_rawgeti(L, -1, i);
		name = args_string(L, -1, &at, &size);
		while (kind < KINDS && strcmp(kinds[kind].name, name) != 0)
			kind++;
		if (kind == KINDS)
			args_misuse(L, &at, "'%s': \"pid\", \"mount\", \"uts\", \"ipc\", \"user\" or \"cgroup\" expected",
				args_show(name, size, text, sizeof(text)));
		out->flags |= kinds[kind].flags;
		lua_pop(L, 1);
	}
}

void container_read_hostname(lua_State *L, const char *op, struct container_spec *out)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	const struct args_at at = { .op = op, .key = "hostname" };
	const char *name;
	size_t n;

	name = args_string(L, -1, &at, &n);
	if (n < 1 || n > CHILD_HOSTNAME_MAX || strspn(name, good) != n)
		args_misuse(L, &at, "a host name has 1 to %d letters, digits, '.' and '-'", CHILD_HOSTNAME_MAX);
	out->hostname = name;
	out->flags |= CLONE_NEWUTS;
}

static const char *check_path(lua_State *L, const struct args_at *at)
{
	char text[64];
	size_t n;
	const char *path = args_string(L, -1, at, &n);

	if (*path != '/' || n >= CHILD_TEXT)
		args_misuse(L, at, "'%s': an absolute path expected", args_show(path, n, text, sizeof(text)));
	return path;
}

/* root = "/directory" | "overlay" | { lower = "/directory" } */
void container_read_root(lua_State *L, const char *op, struct container_spec *out)
{
	static const struct args_row rows[] = {
		{ .key = "lower", .type = ARGS_STRING, .required = true },
		{ .key = NULL },
	};
	const struct args_at at = { .op = op, .key = "root" };
	const char *lower;

	out->flags |= CLONE_NEWNS;
	out->root = CHILD_ROOT_OVERLAY;
	if (lua_type(L, -1) == LUA_TTABLE) {
		args_read(L, -1, op, rows, &lower, false);
		lua_getfield(L, -1, "lower");
		out->lower = check_path(L, &(struct args_at){ .op = op, .key = "lower" });
		lua_pop(L, 1);
		return;
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		args_misuse(L, &at, "a directory, \"overlay\" or { lower = directory } expected, got %s", luaL_typename(L, -1));
	out->lower = "/";
	if (args_is(L, -1, "overlay"))
		return;
	out->root = CHILD_ROOT_DIRECTORY;
	out->lower = check_path(L, &at);
}

/* An array of paths; `false` keeps away what is done without being asked for. */
static void read_paths(lua_State *L, const struct args_at *at, const char **paths, int *n, bool *keeps)
{
	lua_Integer count;

	if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) {
		*keeps = true;
		return;
	}
	if (lua_type(L, -1) != LUA_TTABLE)
		args_misuse(L, at, "an array of paths or false expected, got %s", luaL_typename(L, -1));
	count = args_array(L, -1, at);
	if (count > CONTAINER_PATHS)
		args_misuse(L, at, "more than %d paths", CONTAINER_PATHS);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, i);
		paths[(*n)++] = check_path(L, at);
		lua_pop(L, 1);
	}
}

/* readonly = { "/etc", "/usr" } | false */
void container_read_readonly(lua_State *L, const char *op, struct container_spec *out)
{
	const struct args_at at = { .op = op, .key = "readonly" };

	read_paths(L, &at, out->readonly, &out->n_readonly, &out->keeps_protected);
	out->flags |= out->n_readonly ? CLONE_NEWNS : 0;
}

/* masked = { "/root", "/proc/version" } | false */
void container_read_masked(lua_State *L, const char *op, struct container_spec *out)
{
	const struct args_at at = { .op = op, .key = "masked" };

	read_paths(L, &at, out->masked, &out->n_masked, &out->keeps_hidden);
	out->flags |= out->n_masked ? CLONE_NEWNS : 0;
}

/* ---- into the job ---- */

static int find_code(struct dl_phdr_info *info, size_t size, void *out)
{
	struct child_container *c = out;
	uintptr_t code = (uintptr_t)child_contain, from = UINTPTR_MAX, to = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD)
			continue;
		if (info->dlpi_addr + part->p_vaddr < from)
			from = info->dlpi_addr + part->p_vaddr;
		if (info->dlpi_addr + part->p_vaddr + part->p_memsz > to)
			to = info->dlpi_addr + part->p_vaddr + part->p_memsz;
	}
	if (code < from || code >= to)
		return 0;
	c->code = from & ~(c->page - 1);
	c->code_end = (to + c->page - 1) & ~(c->page - 1);
	return 1;
}

static size_t paths_size(const char *const *paths, int n)
{
	size_t size = (size_t)(n + 1) * sizeof(char *);

	for (int i = 0; i < n; i++)
		size += strlen(paths[i]) + 1;
	return size;
}

size_t container_size(const struct container_spec *spec)
{
	if (!spec->flags)
		return 0;
	return sizeof(struct child_container) + alignof(struct child_container) + (spec->lower ? strlen(spec->lower) : 0) + 1 +
	       paths_size(spec->readonly, spec->n_readonly) + paths_size(spec->masked, spec->n_masked);
}

static char *put(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *to = memcpy(*at, text, size);

	*at += size;
	return to;
}

static const char *const *put_paths(const char ***pointers, char **at, const char *const *paths, int n)
{
	const char **first = *pointers;

	for (int i = 0; i < n; i++)
		*(*pointers)++ = put(at, paths[i]);
	*(*pointers)++ = NULL;
	return first;
}

struct child_container *container_store(const struct container_spec *spec, char **at)
{
	uintptr_t align = alignof(struct child_container);
	struct child_container *c = (struct child_container *)(((uintptr_t)*at + align - 1) & ~(align - 1));
	const char **pointers = (const char **)(c + 1);

	*at = (char *)(pointers + spec->n_readonly + spec->n_masked + 2);
	c->flags = spec->flags;
	c->page = (uintptr_t)getpagesize();
	if (spec->hostname) {
		c->hostname_size = strlen(spec->hostname);
		memcpy(c->hostname, spec->hostname, c->hostname_size);
	}
	c->root = spec->root;
	c->lower = put(at, spec->lower ? spec->lower : "");
	c->readonly = put_paths(&pointers, at, spec->readonly, spec->n_readonly);
	c->masked = put_paths(&pointers, at, spec->masked, spec->n_masked);
	c->protects = spec->root && !spec->keeps_protected;
	c->hides = spec->root && !spec->keeps_hidden;
	dl_iterate_phdr(find_code, c);
	return c;
}
