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
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include <nftables/libnftables.h>

#define JOB_TYPE "netns.nft.job"

/* What one call holds. */
struct job {
	struct nft_ctx *ctx; /* NULL once freed */
	int text;            /* memory file with the commands, -1 once closed */
};

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
	code = fill(job->text, text, size);
	if (code == 0)
		code = rehearse();
	if (code < 0)
		return code;
	job->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!job->ctx || nft_ctx_buffer_output(job->ctx) || nft_ctx_buffer_error(job->ctx))
		return -ENOMEM;
	return 0;
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
	struct nft_ctx *ctx = job->ctx;
	int text = job->text;

	*job = (struct job){ .text = -1 };
	if (ctx)
		nft_ctx_free(ctx);
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

/* "name=value" of each element of the array at `idx`; the library writes into what it is given, so it gets a copy. */
static void add_vars(lua_State *L, int idx, struct nft_ctx *ctx)
{
	lua_Integer n = luaL_len(L, idx);

	luaL_argcheck(L, n <= MAX_VARS, idx, "too many variables");
	for (lua_Integer i = 1; i <= n; i++) {
		const char *text;
		char *copy;
		size_t size;

		lua_rawgeti(L, idx, i);
		text = luaL_checklstring(L, -1, &size);
		copy = lua_newuserdatauv(L, size + 1, 0);
		memcpy(copy, text, size + 1);
		if (nft_ctx_add_var(ctx, copy))
			luaL_error(L, "nft: cannot add the variable %s", text);
		lua_pop(L, 2);
	}
}

/* nft.run(text, dry, json, vars) -> output | nil, message, code */
static int l_run(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size), *message;
	bool dry = lua_toboolean(L, 2), json = lua_toboolean(L, 3);
	struct job *job;
	char path[32];
	int code;

	luaL_argcheck(L, strlen(text) == size, 1, "holds a NUL byte");
	luaL_checktype(L, 4, LUA_TTABLE);
	lua_settop(L, 4);
	job = lua_newuserdatauv(L, sizeof(*job), 0);
	*job = (struct job){ .text = -1 };
	luaL_setmetatable(L, JOB_TYPE);
	lua_toclose(L, 5);
	code = prepare(job, text, size);
	if (code < 0)
		return refuse(L, "cannot open what libnftables needs", -code);
	add_vars(L, 4, job->ctx);
	nft_ctx_set_dry_run(job->ctx, dry);
	nft_ctx_output_set_flags(job->ctx, json ? NFT_CTX_OUTPUT_JSON : 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->text);
	code = nft_run_cmd_from_filename(job->ctx, path);
	if (code == 0) {
		lua_pushstring(L, nft_ctx_get_output_buffer(job->ctx));
		return 1;
	}
	/* In its messages the file is no more than "line". */
	message = nft_ctx_get_error_buffer(job->ctx);
	message = luaL_gsub(L, message, lua_pushfstring(L, "%s:", path), "line ");
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
