/* SPDX-License-Identifier: MIT */
/*
 * nft.c - netns.nft, one nftables transaction through libnftables
 *
 * Theory. The library was written for a program that ends after its command, and three habits of such a program must not reach a host:
 *
 * - It ends the process when it cannot open a socket: one in nft_ctx_new(), one more when a command needs interface names. So as many
 *   descriptors as it will ask for are opened and closed first, and what refuses them is returned. (It also ends it without memory.)
 * - A context belongs to the namespace in which it was made and keeps that namespace alive; interface names are resolved in the
 *   namespace of the thread. So a context lives for one call, and the caller makes the whole call inside (lualib/netns/firewall.lua).
 * - For commands from memory, errors show the first line of the text whichever line is meant. So the text goes into a memory file,
 *   whose errors have the right line and its number.
 * - It keeps tables in variables of the process. So of several threads, each with a Lua state of its own, one at a time is in it: all
 *   that is done with a context is one function without a lua_State.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include <nftables/libnftables.h>

#define JOB_TYPE "netns.nft.job"

/* What one call holds, and what came of it. */
struct job {
	int text;            /* memory file with the commands, -1 once closed */
	char path[32];       /* its name */
	char **vars;         /* "name=value", ended by NULL */
	bool dry, json;
	bool refused;
	char *said;          /* malloc'ed: the output, or why it was refused */
};

/* Who is in the library. It holds no lock of Lua's, and no Lua runs under it. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

enum { MAX_VARS = 1024, LAST_ERRNO = 133 };

/* Phrases of the library's own that mean an errno, beside the kernel's, which are strerror's. */
static const struct {
	const char *phrase;
	int errnum;
} phrases[] = {
	{ "Interface does not exist", ENODEV },
	{ "Could not open file", ENOENT },
};

__attribute__((visibility("default"))) LUAMOD_API int luaopen_netns_nft(lua_State *L);

/* Can the library open what it will ask for: its socket, one for interface names, the file? 0, or -errno. */
static int rehearse(void)
{
	static const int protocols[] = { NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_NETFILTER };
	int fds[sizeof(protocols) / sizeof(*protocols)], code = 0;
	size_t n = 0;

	while (n < sizeof(protocols) / sizeof(*protocols)) {
		fds[n] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocols[n]);
		if (fds[n] < 0) {
			code = -errno;
			break;
		}
		n++;
	}
	while (n > 0)
		close(fds[--n]);
	return code;
}

/* The text and a closing newline, without which the last statement is a syntax error: 0, or -errno. */
static int fill(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

static int prepare(struct job *job, const char *text, size_t size)
{
	int code;

	job->text = memfd_create("nft", MFD_CLOEXEC);
	if (job->text < 0)
		return -errno;
	snprintf(job->path, sizeof(job->path), "/proc/self/fd/%d", job->text);
	code = fill(job->text, text, size);
	return code == 0 ? rehearse() : code;
}

/* Run it in a context of its own: 0 with the outcome in *job, or -errno. */
static int run_in(struct nft_ctx *ctx, struct job *job)
{
	if (nft_ctx_buffer_output(ctx) || nft_ctx_buffer_error(ctx))
		return -ENOMEM;
	for (char **var = job->vars; *var; var++)
		if (nft_ctx_add_var(ctx, *var))
			return -ENOMEM;
	nft_ctx_set_dry_run(ctx, job->dry);
	nft_ctx_output_set_flags(ctx, job->json ? NFT_CTX_OUTPUT_JSON : 0);
	job->refused = nft_run_cmd_from_filename(ctx, job->path) != 0;
	job->said = strdup(job->refused ? nft_ctx_get_error_buffer(ctx) : nft_ctx_get_output_buffer(ctx));
	return job->said ? 0 : -ENOMEM;
}

static int run(struct job *job)
{
	struct nft_ctx *ctx;
	int code = -ENOMEM;

	pthread_mutex_lock(&one_at_a_time);
	ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (ctx) {
		code = run_in(ctx, job);
		nft_ctx_free(ctx);
	}
	pthread_mutex_unlock(&one_at_a_time);
	return code;
}

/* The library says why in words only: those of its first line, since the next one is the user's. */
static int errno_of(const char *message)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(message, "\n"), message);
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (strstr(text, phrases[i].phrase))
			return phrases[i].errnum;
	for (int n = 1; n <= LAST_ERRNO; n++) {
		const char *words = strerrordesc_np(n);

		if (words && strstr(text, words))
			return n;
	}
	return EINVAL;
}

static int m_close(lua_State *L)
{
	struct job *job = luaL_checkudata(L, 1, JOB_TYPE);
	int text = job->text;

	free(job->said);
	*job = (struct job){ .text = -1 };
	if (text >= 0)
		close(text);
	return 0;
}

static int refuse(lua_State *L, const char *message, int errnum)
{
	const char *code = strerrorname_np(errnum);

	lua_pushnil(L);
	lua_pushstring(L, message);
	lua_pushstring(L, code ? code : "EINVAL");
	return 3;
}

/* Push "name=value" of each element of the array at `idx`, as one block; the library writes into what it is given, so it gets copies. */
static char **push_vars(lua_State *L, int idx)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
	size_t size = 0;
	char **vars, *at;

	luaL_argcheck(L, n <= MAX_VARS, idx, "too many variables");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		luaL_checktype(L, -1, LUA_TSTRING);
		size += lua_rawlen(L, -1) + 1;
		lua_pop(L, 1);
	}
	vars = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*vars) + size, 0);
	at = (char *)(vars + n + 1);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		size = lua_rawlen(L, -1) + 1;
		vars[i - 1] = memcpy(at, lua_tostring(L, -1), size);
		at += size;
		lua_pop(L, 1);
	}
	vars[n] = NULL;
	return vars;
}

/* nft.run(text, dry, json, vars) -> output | nil, message, code */
static int l_run(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size), *message;
	struct job *job;
	int code;

	luaL_argcheck(L, strlen(text) == size, 1, "holds a NUL byte");
	luaL_checktype(L, 4, LUA_TTABLE);
	lua_settop(L, 4);
	job = lua_newuserdatauv(L, sizeof(*job), 0);
	*job = (struct job){ .text = -1, .dry = lua_toboolean(L, 2), .json = lua_toboolean(L, 3) };
	luaL_setmetatable(L, JOB_TYPE);
	lua_toclose(L, 5);
	job->vars = push_vars(L, 4);
	code = prepare(job, text, size);
	if (code < 0)
		return refuse(L, "cannot open what libnftables needs", -code);
	code = run(job);
	if (code < 0)
		return refuse(L, strerrordesc_np(-code), -code);
	if (!job->refused) {
		lua_pushstring(L, job->said);
		return 1;
	}
	/* In its messages the file is no more than "line". */
	message = luaL_gsub(L, job->said, lua_pushfstring(L, "%s:", job->path), "line ");
	return refuse(L, message, errno_of(message));
}

int luaopen_netns_nft(lua_State *L)
{
	static const luaL_Reg functions[] = { { "run", l_run }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	luaL_checkversion(L);
	/* Registered when it is complete: if memory runs out before, nobody finds half of it. */
	if (luaL_getmetatable(L, JOB_TYPE) == LUA_TNIL) {
		lua_newtable(L);
		luaL_setfuncs(L, meta, 0);
		lua_setfield(L, LUA_REGISTRYINDEX, JOB_TYPE);
	}
	luaL_newlib(L, functions);
	return 1;
}
