/* SPDX-License-Identifier: MIT */
/*
 * command.c - reads what ns:spawn and ns:exec are given
 *
 * All is checked, and counted, before anything is made; then argv, environment and the paths to try are written into the job's mapping,
 * so that the child needs nothing but system calls.
 */
#include "command.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "confine.h"
#include "seccomp.h"
#include "user.h"

#include <lauxlib.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An ordinary user's PATH often lacks where `nft` and `iptables-restore` are, which they may well run in their sandbox. */
#define SEARCH_LAST "/usr/local/sbin:/usr/sbin:/sbin"
#define SEARCH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

struct options {
	const char *cwd;
	double timeout;
	bool no_new_privs;
	int given_stdin, given_stdout, given_stderr, given_env, given_check, given_limits, given_caps, given_user, given_pty;
	int given_unshare, given_hostname, given_root, given_readonly, given_masked, given_seccomp;
};

static const struct args_row rows[] = {
	{ .key = "cwd", .type = ARGS_STRING, .offset = offsetof(struct options, cwd), .min = 1, .max = PATH_MAX - 1 },
	{ .key = "timeout", .type = ARGS_TIME, .offset = offsetof(struct options, timeout) },
	{ .key = "stdin", .type = ARGS_ANY, .offset = offsetof(struct options, given_stdin) },
	{ .key = "stdout", .type = ARGS_ANY, .offset = offsetof(struct options, given_stdout) },
	{ .key = "stderr", .type = ARGS_ANY, .offset = offsetof(struct options, given_stderr) },
	{ .key = "pty", .type = ARGS_ANY, .offset = offsetof(struct options, given_pty) },
	{ .key = "env", .type = ARGS_TABLE, .offset = offsetof(struct options, given_env) },
	{ .key = "check", .type = ARGS_ANY, .offset = offsetof(struct options, given_check) },
	{ .key = "user", .type = ARGS_ANY, .offset = offsetof(struct options, given_user) },
	{ .key = "unshare", .type = ARGS_ANY, .offset = offsetof(struct options, given_unshare) },
	{ .key = "hostname", .type = ARGS_ANY, .offset = offsetof(struct options, given_hostname) },
	{ .key = "root", .type = ARGS_ANY, .offset = offsetof(struct options, given_root) },
	{ .key = "readonly", .type = ARGS_ANY, .offset = offsetof(struct options, given_readonly) },
	{ .key = "masked", .type = ARGS_ANY, .offset = offsetof(struct options, given_masked) },
	{ .key = "limits", .type = ARGS_TABLE, .offset = offsetof(struct options, given_limits) },
	{ .key = "caps", .type = ARGS_TABLE, .offset = offsetof(struct options, given_caps) },
	{ .key = "seccomp", .type = ARGS_ANY, .offset = offsetof(struct options, given_seccomp) },
	{ .key = "no_new_privs", .type = ARGS_BOOL, .offset = offsetof(struct options, no_new_privs) },
	{ .key = NULL },
};

void command_push_schema(lua_State *L)
{
	args_push_schema(L, rows);
}

static const struct {
	const char *word;
	enum stream_kind kind;
	int from, to; /* for which of stdin, stdout, stderr */
} words[] = {
	{ "null", STREAM_NULL, 0, 2 },
	{ "inherit", STREAM_INHERIT, 0, 2 },
	{ "capture", STREAM_PIPE, 1, 2 },
	{ "stdout", STREAM_STDOUT, 2, 2 },
};

static const char *const stream_names[3] = { "stdin", "stdout", "stderr" };

/* The string on top of the stack, or the integer as one, is appended to the array at `array`. */
static void keep(lua_State *L, int array, lua_Integer i, size_t *bytes)
{
	size_t n;

	lua_tolstring(L, -1, &n);
	*bytes += n + 1 + sizeof(char *);
	lua_rawseti(L, array, i);
}

/* A word on top of the stack: a string, or a whole number, which then is an integer. */
static void check_word(lua_State *L, const struct args_at *at)
{
	lua_Integer i;
	int whole = 0;

	if (lua_type(L, -1) == LUA_TSTRING) {
		args_string(L, -1, at, NULL);
		return;
	}
	i = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : 0;
	if (!whole && lua_type(L, -1) == LUA_TNUMBER)
		args_misuse(L, at, "a string or a whole number expected, got %g", lua_tonumber(L, -1));
	if (!whole)
		args_misuse(L, at, "a string or a whole number expected, got %s", luaL_typename(L, -1));
	lua_pop(L, 1);
	lua_pushinteger(L, i);
}

static void read_argv(lua_State *L, int idx, struct command *c)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, idx), seen = 0;
	char key[32];
	struct args_at at = { .op = c->op, .key = key };

	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
		seen += lua_isinteger(L, -2);
	if (n == 0)
		error_misuse(L, c->op, "argv", "the program and its arguments are missing");
	if (seen != n)
		error_misuse(L, c->op, "argv", "the array has holes");
	lua_createtable(L, (int)n, 0);
	c->argv = lua_gettop(L);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		snprintf(key, sizeof(key), "argv[%lld]", (long long)i);
		check_word(L, &at);
		keep(L, c->argv, i, &c->size);
	}
	c->argc = n;
	lua_rawgeti(L, c->argv, 1);
	c->name = lua_tostring(L, -1);
	lua_pop(L, 1);
	if (!*c->name)
		error_misuse(L, c->op, "argv[1]", "the program's name is empty");
}

/* env = { KEY = "value" | false }: our environment, with these instead or without those. */
static void read_env(lua_State *L, int idx, struct command *c)
{
	struct args_at at = { .op = c->op };

	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		char field[64];
		const char *key;

		at.key = "env";
		if (lua_type(L, -2) != LUA_TSTRING)
			args_misuse(L, &at, "names of variables expected as keys, got %s", luaL_typename(L, -2));
		key = args_string(L, -2, &at, NULL);
		if (!*key || strchr(key, '='))
			args_misuse(L, &at, "'%s' cannot name a variable", args_show(key, strlen(key), field, sizeof(field)));
		snprintf(field, sizeof(field), "env.%s", key);
		at.key = field;
		if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
			continue;
		check_word(L, &at);
		lua_pushfstring(L, "%s=%s", key, (lua_pushvalue(L, -1), lua_tostring(L, -1)));
		keep(L, c->env, ++c->envc, &c->size);
		lua_pop(L, 1);
	}
	for (char **var = environ; var && *var; var++) {
		const char *end = strchr(*var, '=');

		if (!end)
			continue;
		lua_pushlstring(L, *var, (size_t)(end - *var));
		if (lua_rawget(L, idx) == LUA_TNIL) {
			lua_pushstring(L, *var);
			keep(L, c->env, ++c->envc, &c->size);
		}
		lua_pop(L, 1);
	}
}

static void read_stream(lua_State *L, int idx, int which, struct command *c)
{
	struct args_at at = { .op = c->op, .key = stream_names[which] };
	struct stream_spec *s = &c->streams[which];
	luaL_Stream *file;

	lua_pushstring(L, at.key);
	lua_rawget(L, idx);
	file = luaL_testudata(L, -1, LUA_FILEHANDLE);
	if (file) {
		if (!file->closef)
			args_misuse(L, &at, "the file is closed");
		s->kind = STREAM_FILE;
		s->file = file->f;
	} else if (which == 0 && lua_isboolean(L, -1)) {
		s->kind = lua_toboolean(L, -1) ? STREAM_PIPE : STREAM_NULL;
	} else if (which == 0 && lua_type(L, -1) == LUA_TSTRING) {
		s->kind = STREAM_CONTENT;
		s->content = lua_tolstring(L, -1, &s->size);
	} else {
		const char *word = lua_type(L, -1) == LUA_TSTRING ? args_string(L, -1, &at, NULL) : "";
		char text[48];
		size_t i = 0, n = sizeof(words) / sizeof(*words);

		while (i < n && (strcmp(words[i].word, word) != 0 || which < words[i].from || which > words[i].to))
			i++;
		if (i == n)
			args_misuse(L, &at,
				which == 0 ? "a string, true or a file expected, got %s"
					   : "\"capture\", \"inherit\", \"null\" or a file expected, got %s",
				*word ? args_show(word, strlen(word), text, sizeof(text)) : luaL_typename(L, -1));
		s->kind = words[i].kind;
	}
	lua_pop(L, 1);
}

/* Push the option, if it was given. */
static bool option(lua_State *L, int idx, const char *key, int given)
{
	if (!given)
		return false;
	lua_pushstring(L, key);
	lua_rawget(L, idx);
	return true;
}

static void read_confinement(lua_State *L, int idx, const struct options *o, struct command *c)
{
	int top = lua_gettop(L);

	c->confine.any = c->confine.no_new_privs = o->no_new_privs;
	if (option(L, idx, "user", o->given_user))
		user_read(L, c->op, &c->confine);
	if (option(L, idx, "limits", o->given_limits))
		confine_read_limits(L, c->op, &c->confine);
	if (option(L, idx, "caps", o->given_caps))
		confine_read_caps(L, c->op, &c->confine);
	if (option(L, idx, "unshare", o->given_unshare))
		container_read_unshare(L, c->op, &c->container);
	if (option(L, idx, "hostname", o->given_hostname))
		container_read_hostname(L, c->op, &c->container);
	if (option(L, idx, "root", o->given_root))
		container_read_root(L, c->op, &c->container);
	if (option(L, idx, "readonly", o->given_readonly))
		container_read_readonly(L, c->op, &c->container);
	if (option(L, idx, "masked", o->given_masked))
		container_read_masked(L, c->op, &c->container);
	if (option(L, idx, "seccomp", o->given_seccomp)) {
		seccomp_read(L, c->op, &c->confine);
		lua_replace(L, c->filter);
	}
	lua_settop(L, top);
}

static const char *search_path(lua_State *L, const struct command *c)
{
	for (lua_Integer i = 1; i <= c->envc; i++) {
		const char *var;

		lua_rawgeti(L, c->env, i);
		var = lua_tostring(L, -1);
		lua_pop(L, 1);
		if (strncmp(var, "PATH=", 5) == 0)
			return var + 5;
	}
	return c->env ? NULL : getenv("PATH");
}

/* How many places paths() lists, or more. */
static size_t directories(const char *search)
{
	size_t n = 8;

	for (; *search; search++)
		n += *search == ':';
	return n;
}

void command_read(lua_State *L, int idx, const char *op, enum stream_kind capture, struct command *c)
{
	struct options o = { .timeout = -1 };

	luaL_checkstack(L, 12, op);
	idx = lua_absindex(L, idx);
	if (lua_type(L, idx) != LUA_TTABLE)
		error_misuse(L, op, "spec", "a table with the program and its arguments expected, as { \"ls\", \"-l\" }, got %s", luaL_typename(L, idx));
	*c = (struct command){ .op = op, .check = true };
	c->streams[1].kind = c->streams[2].kind = capture;
	args_read(L, idx, op, rows, &o, true);
	read_argv(L, idx, c);
	lua_pushnil(L);
	if (o.given_env) {
		lua_newtable(L);
		lua_replace(L, -2);
		c->env = lua_gettop(L);
		lua_pushliteral(L, "env");
		lua_rawget(L, idx);
		read_env(L, lua_gettop(L), c);
		lua_pop(L, 1);
	}
	if (o.given_stdin)
		read_stream(L, idx, 0, c);
	if (o.given_stdout)
		read_stream(L, idx, 1, c);
	if (o.given_stderr)
		read_stream(L, idx, 2, c);
	lua_pushnil(L);
	c->filter = lua_gettop(L);
	if (option(L, idx, "pty", o.given_pty)) {
		pty_read(L, op, &c->pty);
		lua_pop(L, 1);
	}
	if (c->pty.wanted && (o.given_stdin || o.given_stdout || o.given_stderr))
		error_misuse(L, op, "pty", "the terminal is stdin, stdout and stderr at once; say no other");
	if (option(L, idx, "check", o.given_check)) {
		c->check = args_boolean(L, -1, &(struct args_at){ .op = op, .key = "check" });
		c->has_check = true;
		lua_pop(L, 1);
	}
	read_confinement(L, idx, &o, c);
	c->cwd = o.cwd;
	c->timeout = o.timeout;
	c->search = search_path(L, c);
	if (!c->search)
		c->search = SEARCH_DEFAULT;
	c->size += directories(c->search) * (strlen(c->name) + 2 + sizeof(char *)) + strlen(c->search) + sizeof(SEARCH_LAST);
	c->size += 3 * sizeof(char *) + PATH_MAX + container_size(&c->container);
	c->size += (c->confine.filter_size + 1u) * sizeof(struct sock_filter);
}

static char *put(char **at, const char *data, size_t size)
{
	char *to = *at;

	memcpy(to, data, size);
	to[size] = 0;
	*at += size + 1;
	return to;
}

static char **put_array(lua_State *L, int idx, lua_Integer n, char ***pointers, char **at)
{
	char **first = *pointers;

	for (lua_Integer i = 1; i <= n; i++) {
		size_t size;
		const char *s;

		lua_rawgeti(L, idx, i);
		s = lua_tolstring(L, -1, &size);
		*(*pointers)++ = put(at, s, size);
		lua_pop(L, 1);
	}
	*(*pointers)++ = NULL;
	return first;
}

/* NAME in each directory of `search`; an empty one means the current. */
static void put_paths(const char *search, const char *name, char ***pointers, char **at)
{
	for (;;) {
		size_t n = strcspn(search, ":");

		*(*pointers)++ = *at;
		memcpy(*at, search, n);
		*at += n;
		if (n > 0)
			*(*at)++ = '/';
		put(at, name, strlen(name));
		if (!search[n])
			return;
		search += n + 1;
	}
}

void command_store(lua_State *L, const struct command *c, const char *cwd, struct supervisor *s)
{
	size_t paths = strchr(c->name, '/') ? 1 : directories(c->search);
	char **pointers = (char **)(void *)supervisor_extra(s);
	char *at = (char *)(pointers + c->argc + 1 + (c->env ? c->envc + 1 : 0) + paths + 1);

	s->job.argv = put_array(L, c->argv, c->argc, &pointers, &at);
	s->job.envp = c->env ? put_array(L, c->env, c->envc, &pointers, &at) : environ;
	s->job.paths = (const char *const *)pointers;
	if (strchr(c->name, '/')) {
		*pointers++ = s->job.argv[0];
	} else {
		put_paths(c->search, c->name, &pointers, &at);
		put_paths(SEARCH_LAST, c->name, &pointers, &at);
	}
	*pointers = NULL;
	s->job.cwd = put(&at, cwd, strlen(cwd));
	s->job.confine = c->confine;
	if (c->confine.filter) {
		at += -(uintptr_t)at % sizeof(struct sock_filter);
		s->job.confine.filter = memcpy(at, c->confine.filter, c->confine.filter_size * sizeof(struct sock_filter));
		at += c->confine.filter_size * sizeof(struct sock_filter);
	}
	if (c->container.flags) {
		s->job.container = container_store(&c->container, &at);
		s->job.container->anywhere = c->container.root && !c->cwd;
	}
	s->job.timeout = c->timeout < 0 ? -1 : (int64_t)(c->timeout * 1e9);
}
