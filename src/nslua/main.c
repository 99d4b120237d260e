/* SPDX-License-Identifier: MIT */
/*
 * main.c - nslua, Lua's stand-alone interpreter in a sandbox of its own
 *
 * What lua5.4 does with its options, scripts, environment and errors, nslua does; more is spelled with long options, and -m. The command
 * line is read first, in C alone; then the sandbox is made; then, inside, the Lua state.
 */
#include "../lua/error.h"
#include "../namespace/enter.h"
#include "../namespace/move.h"
#include "../namespace/sandbox.h"
#include "../namespace/userns.h"
#include "call.h"
#include "interrupt.h"
#include "library.h"
#include "repl.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define BANNER LUA_COPYRIGHT "  (nslua " NETNS_VERSION ")"
#define INIT_VARIABLE "LUA_INIT"

enum { EXIT_USAGE = 2 };

/* The command line. */
struct options {
	int argc;
	char **argv;
	const char *progname;
	int script;     /* its index, or that of the module's name; argc when there is none */
	char *module;   /* -m */
	bool is_stdin;  /* the script is "-" */
	bool interactive, version, runs, ignore_env;
	bool host, help, long_version;
	pid_t enter;    /* --enter; 0: no */
	pid_t sandbox;  /* what --enter would take to come here; 0: no sandbox */
};

static const char usage[] =
	"usage: %s [options] [script [args]]\n"
	"Available options are:\n"
	"  -e stat    execute string 'stat'\n"
	"  -i         enter interactive mode after executing 'script'\n"
	"  -l mod     require library 'mod' into global 'mod'\n"
	"  -l g=mod   require library 'mod' into global 'g'\n"
	"  -m mod     execute module 'mod' as the script\n"
	"  -v         show version information\n"
	"  -E         ignore environment variables\n"
	"  -W         turn warnings on\n"
	"  --host     work on the machine itself, without a sandbox\n"
	"  --enter pid  work in the sandbox of process 'pid': an nslua, or one inside\n"
	"  --help     show this text\n"
	"  --version  show version information\n"
	"  --         stop handling options\n"
	"  -          stop handling options and execute stdin\n"
	"Without --host everything runs in new network, mount and PID namespaces,\n"
	"which end with nslua and take with them all that was made inside.\n";

/*
 * Options. Read twice: here for what must be known early, and by run_options for what is done in order, when there is a Lua state.
 */

/* Options with an argument, joined ("-lmod") or not ("-l mod"): *i moves to where it is. NULL if it is missing. */
static char *option_argument(char **argv, int *i)
{
	char *text = argv[*i] + 2;

	if (*text)
		return text;
	text = argv[*i + 1];
	if (!text || *text == '-')
		return NULL;
	++*i;
	return text;
}

/* What can be wrong with an option */
enum mistake { RIGHT, UNKNOWN, LACKS_ARGUMENT, NO_PROCESS, EXCLUDES };

/* What is said before and after the option. */
static const char *const mistakes[][2] = {
	[UNKNOWN] = { "unrecognized option ", "" },
	[LACKS_ARGUMENT] = { "", " needs argument" },
	[NO_PROCESS] = { "", " needs the number of a process" },
	[EXCLUDES] = { "", " does not go with '--host'" },
};

/* The number after "--enter". */
static enum mistake read_pid(const char *text, pid_t *pid)
{
	char *end;
	long value;

	if (!text)
		return LACKS_ARGUMENT;
	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < 1 || value > INT_MAX)
		return NO_PROCESS;
	*pid = (pid_t)value;
	return RIGHT;
}

/* *i moves to the option's argument, if it takes one and has it. */
static enum mistake read_long_option(struct options *o, const char *name, int *i)
{
	if (strcmp(name, "enter") == 0) {
		enum mistake mistake = read_pid(o->argv[*i + 1], &o->enter);

		*i += mistake == RIGHT;
		return mistake;
	}
	if (strcmp(name, "host") == 0)
		o->host = true;
	else if (strcmp(name, "help") == 0)
		o->help = true;
	else if (strcmp(name, "version") == 0)
		o->long_version = true;
	else
		return UNKNOWN;
	return RIGHT;
}

/* On a mistake, *i is the index of the option. */
static enum mistake read_options(struct options *o, int *i)
{
	for (*i = 1; *i < o->argc; ++*i) {
		char *option = o->argv[*i];
		enum mistake mistake;

		if (option[0] != '-')
			break;
		if (option[1] == '\0') {
			o->is_stdin = true;
			break;
		}
		if (option[1] == '-') {
			if (option[2] == '\0') {
				++*i;
				break;
			}
			mistake = read_long_option(o, option + 2, i);
			if (mistake != RIGHT)
				return mistake;
			continue;
		}
		if (strchr("ivEW", option[1]) && option[2] != '\0')
			return UNKNOWN;
		switch (option[1]) {
		case 'i':
			o->interactive = o->version = true;
			break;
		case 'v':
			o->version = true;
			break;
		case 'E':
			o->ignore_env = true;
			break;
		case 'W':
			break;
		case 'e':
			o->runs = true;
			/* fall through */
		case 'l':
			if (!option_argument(o->argv, i))
				return LACKS_ARGUMENT;
			break;
		case 'm':
			o->module = option_argument(o->argv, i);
			if (!o->module)
				return LACKS_ARGUMENT;
			o->script = *i;
			return RIGHT;
		default:
			return UNKNOWN;
		}
	}
	o->script = *i;
	return RIGHT;
}

/* -e, -l and -W, in their order; false when one failed. */
static bool run_options(lua_State *L, const struct options *o)
{
	int end = o->script < o->argc ? o->script : o->argc;

	for (int i = 1; i < end; i++) {
		char option = o->argv[i][1], *text, *module;
		int status = LUA_OK;

		switch (option) {
		case '-':
			i += strcmp(o->argv[i], "--enter") == 0;
			break;
		case 'W':
			lua_warning(L, "@on", 0);
			break;
		case 'e':
			text = option_argument(o->argv, &i);
			status = luaL_loadbuffer(L, text, strlen(text), "=(command line)");
			if (status == LUA_OK)
				status = call_protected(L, 0, 0);
			break;
		case 'l':
			text = option_argument(o->argv, &i);
			module = strchr(text, '=');
			lua_getglobal(L, "require");
			lua_pushstring(L, module ? module + 1 : text);
			status = call_protected(L, 1, 1);
			if (status == LUA_OK) {
				lua_pushlstring(L, text, module ? (size_t)(module - text) : strlen(text));
				lua_pushglobaltable(L);
				lua_insert(L, -3);
				lua_insert(L, -2); /* _G, name, value */
				lua_settable(L, -3);
				lua_pop(L, 1);
			}
			break;
		}
		if (call_report(L, o->progname, status) != LUA_OK)
			return false;
	}
	return true;
}

/* The global `arg`: the script at 0, its arguments after it, what came before it at negative indices. */
static void make_arg(lua_State *L, const struct options *o)
{
	int zero = o->script < o->argc ? o->script : 0;

	lua_createtable(L, o->argc - zero, zero + 1);
	for (int i = 0; i < o->argc; i++) {
		lua_pushstring(L, o->argv[i]);
		lua_rawseti(L, -2, i - zero);
	}
	lua_setglobal(L, "arg");
}

static int run_init(lua_State *L, const struct options *o)
{
	const char *name = INIT_VARIABLE LUA_VERSUFFIX, *init = getenv(name);
	char chunk[64];
	int status;

	if (!init) {
		name = INIT_VARIABLE;
		init = getenv(name);
	}
	if (!init)
		return LUA_OK;
	snprintf(chunk, sizeof(chunk), "=%s", name);
	status = *init == '@' ? luaL_loadfile(L, init + 1) : luaL_loadbuffer(L, init, strlen(init), chunk);
	if (status == LUA_OK)
		status = call_protected(L, 0, 0);
	return call_report(L, o->progname, status);
}

/* Push the script's arguments, from `arg` as the script's predecessors (-e, -l) left it. Returns how many. */
static int push_arguments(lua_State *L)
{
	int n;

	if (lua_getglobal(L, "arg") != LUA_TTABLE)
		luaL_error(L, "'arg' is not a table");
	n = (int)luaL_len(L, -1);
	luaL_checkstack(L, n + 3, "too many arguments to script");
	for (int i = 1; i <= n; i++)
		lua_rawgeti(L, -i, i);
	lua_remove(L, -(n + 1));
	return n;
}

/* find(name) -> loader, where: what require would load, unloaded. Raises as require does when there is nothing. */
static int l_find(lua_State *L)
{
	lua_getglobal(L, LUA_LOADLIBNAME);
	if (lua_getfield(L, -1, "searchers") != LUA_TTABLE)
		return luaL_error(L, "'package.searchers' must be a table");
	lua_replace(L, 2);         /* 1: name, 2: searchers */
	lua_pushliteral(L, "");    /* 3: where it is not */
	for (int i = 1; lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
		lua_pushvalue(L, 1);
		lua_call(L, 1, 2);
		if (lua_isfunction(L, -2))
			return 2;
		if (lua_isstring(L, -2)) {
			lua_pushfstring(L, "%s\n\t%s", lua_tostring(L, 3), lua_tostring(L, -2));
			lua_replace(L, 3);
		}
		lua_settop(L, 3);
	}
	return luaL_error(L, "module '%s' not found:%s", lua_tostring(L, 1), lua_tostring(L, 3));
}

/* Push the module's chunk; arg[0] becomes its file. */
static int load_module(lua_State *L, const char *name)
{
	int status;

	lua_pushcfunction(L, l_find);
	lua_pushstring(L, name);
	status = call_protected(L, 1, 2);
	if (status != LUA_OK)
		return status;
	if (lua_getglobal(L, "arg") == LUA_TTABLE && lua_isstring(L, -2) && *lua_tostring(L, -2) != ':') { /* ":preload:" is no file */
		lua_pushvalue(L, -2);
		lua_rawseti(L, -2, 0);
	}
	lua_pop(L, 2);
	return LUA_OK;
}

static int run_script(lua_State *L, const struct options *o)
{
	int status = o->module ? load_module(L, o->module) : luaL_loadfile(L, o->is_stdin ? NULL : o->argv[o->script]);

	if (status == LUA_OK)
		status = call_protected(L, push_arguments(L), 0);
	return call_report(L, o->progname, status);
}

static void print_banner(void)
{
	printf("%s\n", BANNER);
	fflush(stdout);
}

/* main(options) -> true if all went well. The frame under all Lua code: it shows as "[C]: in ?" in tracebacks. */
static int l_main(lua_State *L)
{
	const struct options *o = lua_touserdata(L, 1);

	lua_settop(L, 0);
	luaL_checkversion(L);
	if (o->version)
		print_banner();
	if (o->ignore_env) {
		lua_pushboolean(L, true);
		lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
	}
	if (o->host) {
		lua_pushboolean(L, true);
		lua_setfield(L, LUA_REGISTRYINDEX, USERNS_OFF);
	}
	/* "run the script with nslua" helps nobody who does */
	lua_pushstring(L,
		o->host ? "on the machine itself this takes root; without --host nslua runs the script in a sandbox, which needs no privilege"
			: "");
	lua_setfield(L, LUA_REGISTRYINDEX, ERROR_EPERM);
	if (o->sandbox) {
		lua_pushinteger(L, o->sandbox);
		lua_setfield(L, LUA_REGISTRYINDEX, MOVE_SANDBOX);
	}
	luaL_openlibs(L);
	interrupt_open(L);
	library_open(L);
	make_arg(L, o);
	lua_gc(L, LUA_GCGEN, 0, 0);
	if (!o->ignore_env && run_init(L, o) != LUA_OK)
		return 0;
	if (!run_options(L, o))
		return 0;
	if (o->script < o->argc && run_script(L, o) != LUA_OK)
		return 0;
	if (o->interactive) {
		repl_run(L);
	} else if (o->script >= o->argc && !o->runs && !o->version) {
		if (isatty(STDIN_FILENO)) {
			print_banner();
			repl_run(L);
		} else {
			int status = luaL_loadfile(L, NULL);

			if (status == LUA_OK)
				status = call_protected(L, 0, 0);
			if (call_report(L, o->progname, status) != LUA_OK)
				return 0;
		}
	}
	lua_pushboolean(L, true);
	return 1;
}

static int run_lua(struct options *o)
{
	lua_State *L = luaL_newstate();
	bool ok;

	if (!L) {
		call_message(o->progname, "cannot create state: not enough memory");
		return EXIT_FAILURE;
	}
	lua_pushcfunction(L, l_main);
	lua_pushlightuserdata(L, o);
	ok = call_report(L, o->progname, lua_pcall(L, 1, 1, 0)) == LUA_OK && lua_toboolean(L, -1);
	lua_close(L);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int enter(struct options *o)
{
	struct entrance entrance;
	struct note why;

	if (enter_find(o->enter, &entrance, &why) == 0) {
		o->sandbox = entrance.init;
		if (enter_move(&entrance, "nslua: the sandbox has ended", &why) == 0)
			return run_lua(o);
	}
	enter_explain(o->progname, o->enter, &why);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options o = {
		.argc = argc,
		.argv = argv,
		.progname = argc > 0 && *argv[0] ? argv[0] : "nslua",
		.script = argc,
		.ignore_env = getauxval(AT_SECURE) != 0, /* they are code, and must not reach a privileged process */
	};
	enum mistake mistake;
	struct note why;
	int at;

	mistake = read_options(&o, &at);
	if (mistake == RIGHT && o.host && o.enter) {
		mistake = EXCLUDES;
		for (at = 1; strcmp(argv[at], "--enter") != 0; at++)
			;
	}
	if (mistake != RIGHT) {
		fprintf(stderr, "%s: %s'%s'%s\n", o.progname, mistakes[mistake][0], argv[at], mistakes[mistake][1]);
		fprintf(stderr, usage, o.progname);
		return EXIT_USAGE;
	}
	if (o.help) {
		printf(usage, o.progname);
		return EXIT_SUCCESS;
	}
	if (o.long_version) {
		printf("nslua %s (%s)\n", NETNS_VERSION, LUA_RELEASE);
		return EXIT_SUCCESS;
	}
	if (o.host)
		return run_lua(&o);
	if (o.enter)
		return enter(&o);
	o.sandbox = getpid();
	if (sandbox_move(&why) < 0) {
		sandbox_explain(o.progname, &why);
		return EXIT_FAILURE;
	}
	return run_lua(&o);
}
