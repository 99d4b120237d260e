/* SPDX-License-Identifier: MIT */
/*
 * sysctl.c - the settings of a namespace below net/, which lualib/netns/sysctl.lua makes into ns.sysctl
 *
 * A key is a path below /proc/sys, with one of sysctl(8)'s two separators: the first one in the key tells which, and the other one is then
 * part of a name (net.ipv4.conf.eth0/100.forwarding is net/ipv4/conf/eth0.100/forwarding). All keys and values of a call are checked before
 * the first is used, and all are used in one visit to the namespace.
 */
#include "sysctl.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../netlink/buffer.h"
#include "procsys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 512, KEY_SHOWN = 128 };

/* One call: where errors come from, and what holds its strings. */
struct call {
	lua_State *L;
	const char *op;
	const struct ns *ns;
	struct nlbuf *strings;
	char label[NS_LABEL_SIZE];
};

/* The namespace is at 1, the operation's name at 2. */
static struct call prepare(lua_State *L)
{
	struct call call = { .L = L, .op = luaL_checkstring(L, 2) };
	char label[NS_LABEL_SIZE];

	call.ns = ns_check(L, 1, call.op, "self");
	snprintf(call.label, sizeof(call.label), "%s", ns_label(call.ns, label));
	luaL_checkstack(L, 16, call.op);
	call.strings = nlbuf_push(L);
	return call;
}

static size_t keep(const struct call *c, const void *data, size_t size)
{
	size_t at = c->strings->size;

	nlbuf_need(c->L, c->strings, size);
	memcpy(c->strings->data + at, data, size);
	c->strings->size += size;
	return at;
}

static int bad(const struct call *c, const char *key, const char *attr, lua_Integer index, const char *message)
{
	char text[KEY_SHOWN];

	return error_raise(c->L, &(struct error){ .op = c->op, .subject = args_show(key, strlen(key), text, sizeof(text)), .netns = c->label,
		.attr = attr, .index = index, .errnum = EINVAL, .message = message, .misuse = true });
}

/* Dots become slashes and slashes dots, if a dot comes first. */
static void to_path(char *s)
{
	const char *first = strpbrk(s, "./");

	if (first && *first == '.')
		for (; *s; s++)
			*s = *s == '.' ? '/' : *s == '/' ? '.' : *s;
}

/* As sysctl(8) prints it. */
static void to_key(char *path)
{
	for (; *path; path++)
		*path = *path == '.' ? '/' : *path == '/' ? '.' : *path;
}

/* What is wrong with a path below /proc/sys; NULL: nothing. It has `parts` parts at least. */
static const char *path_fault(const char *path, int parts)
{
	int n = 0;

	if (strncmp(path, "net", 3) != 0 || (path[3] && path[3] != '/'))
		return "only what is below net/ belongs to a network namespace";
	for (const char *part = path; part; n++) {
		size_t size = strcspn(part, "/");

		if (size == 0 || strncmp(part, "..", size) == 0)
			return "a part of it is empty, '.' or '..'";
		part = part[size] ? part + size + 1 : NULL;
	}
	return n < parts ? "it names no setting: net.ipv4.ip_forward is one" : NULL;
}

/* The key at `idx` as a path, which begins at the returned place of c->strings. */
static size_t read_key(const struct call *c, int idx, int parts, lua_Integer index)
{
	struct args_at at = { .op = c->op, .key = "key", .index = index };
	char path[sizeof(PROCSYS_DIR) + KEY_MAX] = PROCSYS_DIR;
	size_t size;
	const char *key = args_string(c->L, idx, &at, &size), *fault;

	if (size < 1 || size > KEY_MAX)
		args_misuse(c->L, &at, "a key has 1 to %d characters", KEY_MAX);
	memcpy(path + strlen(PROCSYS_DIR), key, size + 1);
	to_path(path + strlen(PROCSYS_DIR));
	fault = path_fault(path + strlen(PROCSYS_DIR), parts);
	if (fault)
		bad(c, key, "key", index, fault);
	return keep(c, path, strlen(path) + 1);
}

/* The value at `idx` as text with a newline; `key` is for errors. */
static struct procsys_job read_value(const struct call *c, int idx, const char *key, lua_Integer index)
{
	lua_State *L = c->L;
	struct procsys_job job = { 0 };
	const char *text;
	char number[32];
	int exact = 0;

	if (lua_type(L, idx) == LUA_TSTRING) {
		text = lua_tolstring(L, idx, &job.size);
		if (memchr(text, 0, job.size))
			bad(c, key, "value", index, "the string holds a NUL byte");
	} else {
		lua_Integer value = lua_type(L, idx) == LUA_TNUMBER ? lua_tointegerx(L, idx, &exact) : 0;

		if (!exact)
			bad(c, key, "value", index, lua_type(L, idx) == LUA_TNUMBER ? "a whole number expected" : "a number or a string expected");
		job.size = (size_t)snprintf(number, sizeof(number), "%" PRId64, (int64_t)value);
		text = number;
	}
	job.at = keep(c, text, job.size);
	keep(c, "\n", 2);
	job.size++;
	return job;
}

/* A number when the text is one as Lua would print it, so that writing it gives the same text; else a string. */
static void push_value(lua_State *L, const char *text, size_t size)
{
	char number[32];
	long long value;

	if (size > 0 && text[size - 1] == '\n')
		size--;
	if (size > 0 && size < sizeof(number)) {
		memcpy(number, text, size);
		number[size] = 0;
		errno = 0;
		value = strtoll(number, NULL, 10);
		if (errno == 0 && snprintf(number, sizeof(number), "%lld", value) == (int)size && memcmp(number, text, size) == 0) {
			lua_pushinteger(L, value);
			return;
		}
	}
	lua_pushlstring(L, text, size);
}

/* Key `at` of the array at 3 was refused; `message` is about its value. */
static int refuse(const struct call *c, size_t at, lua_Integer index, int errnum, const char *message)
{
	char text[KEY_SHOWN];
	const char *key;

	lua_rawgeti(c->L, 3, (lua_Integer)at + 1);
	key = lua_tostring(c->L, -1);
	return error_raise(c->L, &(struct error){ .op = c->op, .subject = args_show(key, strlen(key), text, sizeof(text)), .netns = c->label,
		.attr = message ? "value" : NULL, .index = index, .errnum = errnum, .message = message });
}

static void visit(const struct call *c, struct procsys_batch *batch)
{
	int code = procsys_run(c->ns, batch);

	if (code < 0)
		error_raise(c->L, &(struct error){ .op = c->op, .netns = c->label, .errnum = -code });
}

static void make_room(const struct call *c, struct nlbuf *room, size_t more)
{
	nlbuf_need(c->L, room, more);
	room->size = room->room;
}

/* Read all; what was read is in `room`. */
static void read_all(const struct call *c, struct procsys_batch *batch, struct nlbuf *room)
{
	make_room(c, room, 4096 + 32 * batch->n);
	do {
		batch->data = room->data;
		batch->room = room->room;
		visit(c, batch);
		if (batch->full)
			make_room(c, room, room->size);
	} while (batch->full);
}

/* A job for each key of the array at 3, in a userdata that is pushed. */
static struct procsys_batch push_jobs(lua_State *L)
{
	struct procsys_batch batch = { .n = (size_t)lua_rawlen(L, 3) };

	batch.jobs = lua_newuserdatauv(L, (batch.n + 1) * sizeof(*batch.jobs), 0);
	memset(batch.jobs, 0, (batch.n + 1) * sizeof(*batch.jobs));
	return batch;
}

static const char *string_at(const struct call *c, size_t at)
{
	return c->strings->data + at;
}

/* sysctl.read(ns, op, keys, lenient) -> array of values with holes: nil is absent, and when `lenient` also what cannot be read */
static int l_read(lua_State *L)
{
	struct procsys_batch batch;
	bool lenient = lua_toboolean(L, 4);
	struct nlbuf *room;
	struct call c;
	size_t *paths;

	lua_settop(L, 4);
	c = prepare(L);
	args_array(L, 3, &(struct args_at){ .op = c.op, .key = "key" });
	room = nlbuf_push(L);
	batch = push_jobs(L);
	paths = lua_newuserdatauv(L, (batch.n + 1) * sizeof(*paths), 0);
	for (size_t i = 0; i < batch.n; i++) {
		lua_rawgeti(L, 3, (lua_Integer)i + 1);
		paths[i] = read_key(&c, -1, 2, batch.n > 1 ? (lua_Integer)i + 1 : 0);
		lua_pop(L, 1);
	}
	for (size_t i = 0; i < batch.n; i++)
		batch.jobs[i].path = string_at(&c, paths[i]);
	read_all(&c, &batch, room);
	lua_createtable(L, (int)batch.n, 0);
	for (size_t i = 0; i < batch.n; i++) {
		const struct procsys_job *job = &batch.jobs[i];

		if (job->code >= 0)
			push_value(L, batch.data + job->at, (size_t)job->code);
		else if (lenient || job->code == -ENOENT || job->code == -ENOTDIR)
			continue;
		else
			refuse(&c, i, 0, (int)-job->code, NULL);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static const char blanks[] = " \t\n";

/* Do two texts say the same, but for the blanks between words? */
static bool same_words(const char *a, const char *b, size_t size_b)
{
	const char *end = b + size_b;

	for (;;) {
		a += strspn(a, blanks);
		while (b < end && strchr(blanks, *b))
			b++;
		if (!*a || b == end)
			return !*a && b == end;
		for (; *a && !strchr(blanks, *a); a++, b++)
			if (b == end || *b != *a)
				return false;
		if (b < end && !strchr(blanks, *b))
			return false;
	}
}

/* What could not be written may be there already: then there was nothing to do. */
static bool is_there(const struct call *c, const struct procsys_job *refused)
{
	struct procsys_job job = { .path = refused->path };
	struct procsys_batch batch = { .jobs = &job, .n = 1 };
	struct nlbuf *room = nlbuf_push(c->L);
	bool same;

	read_all(c, &batch, room);
	same = job.code >= 0 && same_words(refused->text, batch.data + job.at, (size_t)job.code);
	lua_pop(c->L, 1);
	return same;
}

/* Push the first `size` bytes of a text, or what of them an error can show. */
static const char *push_excerpt(lua_State *L, const char *text, size_t size)
{
	enum { SHOWN = 60 };
	char shown[4 * SHOWN + 8];

	args_show(text, size > SHOWN ? SHOWN : size, shown, sizeof(shown));
	return lua_pushfstring(L, size > SHOWN ? "%s..." : "%s", shown);
}

/* Job `at` was refused, or taken in part. */
static int write_refused(const struct call *c, const struct procsys_job *job, size_t at, lua_Integer index)
{
	int errnum = job->code < 0 ? (int)-job->code : EINVAL;
	size_t took = job->code > 0 ? (size_t)job->code : 0;
	const char *message = NULL;

	while (took > 0 && strchr(blanks, job->text[took - 1]))
		took--;
	if (job->code >= 0)
		message = lua_pushfstring(c->L, "the kernel took %d bytes, '%s', and nothing of what follows", (int)took,
			push_excerpt(c->L, job->text, took));
	else if (errnum == EINVAL || errnum == ERANGE)
		message = lua_pushfstring(c->L, "the kernel does not accept '%s'", push_excerpt(c->L, job->text, job->size - 1));
	return refuse(c, at, index, errnum, message);
}

/* sysctl.write(ns, op, keys, values, indexes): in this order, until one is refused; indexes[i] is named in an error about key i */
static int l_write(lua_State *L)
{
	struct procsys_batch batch;
	lua_Integer *indexes;
	struct call c;
	size_t *paths;

	lua_settop(L, 5);
	c = prepare(L);
	for (int i = 3; i <= 5; i++)
		luaL_checktype(L, i, LUA_TTABLE);
	batch = push_jobs(L);
	paths = lua_newuserdatauv(L, (batch.n + 1) * sizeof(*paths), 0);
	indexes = lua_newuserdatauv(L, (batch.n + 1) * sizeof(*indexes), 0);
	for (size_t i = 0; i < batch.n; i++) {
		lua_Integer at = (lua_Integer)i + 1;

		lua_rawgeti(L, 5, at);
		indexes[i] = lua_tointeger(L, -1);
		lua_rawgeti(L, 3, at);
		paths[i] = read_key(&c, -1, 2, indexes[i]);
		lua_rawgeti(L, 4, at);
		batch.jobs[i] = read_value(&c, -1, lua_tostring(L, -2), indexes[i]);
		lua_pop(L, 3);
	}
	for (size_t i = 0; i < batch.n; i++) {
		batch.jobs[i].path = string_at(&c, paths[i]);
		batch.jobs[i].text = string_at(&c, batch.jobs[i].at);
	}
	for (visit(&c, &batch); batch.done < batch.n; visit(&c, &batch)) {
		const struct procsys_job *job = &batch.jobs[batch.done];

		if (job->code >= 0 || !is_there(&c, job))
			return write_refused(&c, job, batch.done, indexes[batch.done]);
		batch.done++;
	}
	return 0;
}

/* sysctl.find(ns, op, key) -> array of the keys from there on; empty where there is nothing */
static int l_find(lua_State *L)
{
	struct procsys_walk *walk;
	struct nlbuf *found;
	lua_Integer n = 0;
	struct call c;
	size_t start;
	int code;

	lua_settop(L, 3);
	c = prepare(L);
	start = read_key(&c, 3, 1, 0);
	walk = lua_newuserdatauv(L, sizeof(*walk), 0);
	found = nlbuf_push(L);
	make_room(&c, found, 65536);
	do {
		const char *path = string_at(&c, start);

		*walk = (struct procsys_walk){ .data = found->data, .room = found->room, .used = strlen(path) + 2 };
		walk->data[0] = PROCSYS_FOLDER;
		memcpy(walk->data + 1, path, strlen(path) + 1);
		code = procsys_find(c.ns, walk);
		if (code < 0 && code != -ENOENT)
			error_raise(L, &(struct error){ .op = c.op, .netns = c.label, .errnum = -code });
		if (walk->full)
			make_room(&c, found, found->size);
	} while (walk->full);
	lua_newtable(L);
	for (size_t at = 0; at < walk->used;) {
		char *path = walk->data + at + 1;

		at += strlen(path) + 2;
		if (path[-1] != PROCSYS_FILE)
			continue;
		to_key(path + strlen(PROCSYS_DIR));
		lua_pushstring(L, path + strlen(PROCSYS_DIR));
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* sysctl.path(key) -> the key with slashes; any string is taken */
static int l_path(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	to_path(memcpy(lua_newuserdatauv(L, lua_rawlen(L, 1) + 1, 0), lua_tostring(L, 1), lua_rawlen(L, 1) + 1));
	lua_pushstring(L, lua_touserdata(L, 2));
	return 1;
}

void sysctl_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "read", l_read }, { "write", l_write }, { "find", l_find }, { "path", l_path }, { NULL, NULL },
	};

	luaL_newlib(L, functions);
	lua_setfield(L, -2, "sysctl");
}
