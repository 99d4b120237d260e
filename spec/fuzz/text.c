/* SPDX-License-Identifier: MIT */
/*
 * text.c - fuzz target: what users write as text - names, addresses, prefixes, link-layer addresses, times
 *
 * Input: what it should be, then the text. What is taken means the same when it is written as it is listed and read again.
 */
#include "fuzz.h"

#include "../../src/lua/args.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* One row as all of a message, behind a header that has room for a prefix length. */
#define ROW(kind, how) { { .key = "x", .attr = 1, .type = CODEC_##kind, .flags = how }, { .type = CODEC_END } }

static const struct codec_row rows[][2] = {
	ROW(ADDR, 0), ROW(PREFIX, 0), ROW(PREFIX, CODEC_HOST), ROW(LLADDR, 0), ROW(IFNAME, 0), ROW(STRING, 0), ROW(LINK, 0),
};

enum { ROWS = sizeof(rows) / sizeof(*rows), HEADER = 8 };

/* Encode the table at `spec`; returns the message. */
static struct nlmsghdr *encode(struct rtnl *r, int spec, const struct codec_row *row)
{
	r->codec.out->size = 0;
	r->codec.family = AF_UNSPEC;
	codec_begin(&r->codec, 0, 0, HEADER);
	codec_encode(&r->codec, spec, row);
	codec_finish(&r->codec);
	return (struct nlmsghdr *)r->codec.out->data;
}

static void again(lua_State *L, const struct codec_row *row)
{
	const struct nlmsghdr *h;
	struct rtnl r;
	size_t size;
	int spec;

	fuzz_rtnl(&r, L, &rtnl_link, "text");
	lua_newtable(L);
	spec = lua_gettop(L);
	lua_pushvalue(L, 2);
	lua_setfield(L, spec, "x");
	h = encode(&r, spec, row);
	size = h->nlmsg_len;
	if (row->type == CODEC_PREFIX && ((const uint8_t *)h)[NLMSG_HDRLEN] > (r.codec.family == AF_INET6 ? 128 : 32))
		fuzz_fail("taken as a prefix: %s", lua_tostring(L, 2));
	lua_pushlstring(L, (const char *)h, size);
	lua_newtable(L);
	codec_decode(&r.codec, h, HEADER, row);
	if (row->type == CODEC_LINK) /* its name is another one here */
		return;
	if (lua_getfield(L, -1, "x") == LUA_TNIL) {
		/* the empty prefix has no attribute, and an empty string is not listed */
		if (size > NLMSG_LENGTH(HEADER) && row->type != CODEC_STRING)
			fuzz_fail("taken but not listed: %s", lua_tostring(L, 2));
		return;
	}
	lua_pop(L, 1);
	h = encode(&r, lua_gettop(L), row);
	if (h->nlmsg_len != size || memcmp(h, lua_tostring(L, spec + 1), size) != 0)
		fuzz_fail("listed otherwise than it was taken: %s", lua_tostring(L, 2));
}

static bool is_ifname(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.@-", s[i]))
			return false;
	return n > 0 && n < 16 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static bool is_netns_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '/' || s[i] == 0 || isspace((unsigned char)s[i]))
			return false;
	return n > 0 && n < 256 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int run(lua_State *L)
{
	const struct args_at at = { .op = "text", .key = "x" };
	struct input *in = lua_touserdata(L, 1);
	unsigned int what = input_byte(in) % (ROWS + 3);
	const char *s;
	double t;
	size_t n;

	s = lua_pushlstring(L, (const char *)in->data, in->size); /* 2 */
	n = in->size;
	if (what < ROWS) {
		again(L, rows[what]);
	} else if (what == ROWS) {
		args_ifname(L, 2, &at);
		if (!is_ifname(s, n))
			fuzz_fail("taken as an interface name: %s", s);
	} else if (what == ROWS + 1) {
		args_netns_name(L, 2, &at);
		if (!is_netns_name(s, n))
			fuzz_fail("taken as a namespace name: %s", s);
	} else {
		t = args_duration(L, 2, &at);
		if (isnan(t) || t < 0 || !isalpha((unsigned char)s[n - 1]))
			fuzz_fail("taken as a time: %s", s);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_call(run, &(struct input){ data, size });
	return 0;
}
