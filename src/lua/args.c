/* SPDX-License-Identifier: MIT */
/*
 * args.c - reads option tables and checks arguments
 *
 * Every field is checked by its row before anything is done, so a mistake changes nothing. Only raw access: a table with clever
 * metamethods is read as the plain table that it is. Booleans must be booleans (`up = 0` is true in Lua), integers must be integers
 * (a float with a whole value is accepted), and no string with a NUL goes where the kernel would cut it short.
 */
#include "args.h"

#include "error.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int args_misuse(lua_State *L, const struct args_at *at, const char *format, ...)
{
	char text[256], path[96];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (at->inside)
		snprintf(path, sizeof(path), "%s.%s", at->inside, at->key);
	error_raise(L, &(struct error){
		.op = at->op,
		.attr = at->inside ? path : at->key,
		.index = at->index,
		.errnum = EINVAL,
		.message = text,
		.misuse = true,
	});
}

const char *args_show(const char *s, size_t n, char *out, size_t room)
{
	size_t o = 0;

	for (size_t i = 0; i < n && o + 5 < room; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 32 && c < 127)
			out[o++] = (char)c;
		else
			o += (size_t)snprintf(out + o, room - o, "\\%d", c);
	}
	out[o] = 0;
	return out;
}

const char *args_string(lua_State *L, int idx, const struct args_at *at, size_t *size)
{
	const char *s;
	size_t n;

	if (lua_type(L, idx) != LUA_TSTRING)
		args_misuse(L, at, "string expected, got %s", luaL_typename(L, idx));
	s = lua_tolstring(L, idx, &n);
	if (memchr(s, 0, n))
		args_misuse(L, at, "the string holds a NUL byte");
	if (size)
		*size = n;
	return s;
}

lua_Integer args_integer(lua_State *L, int idx, const struct args_at *at, lua_Integer min, lua_Integer max)
{
	lua_Integer i;
	int exact = 0;

	if (lua_type(L, idx) != LUA_TNUMBER)
		args_misuse(L, at, "number expected, got %s", luaL_typename(L, idx));
	i = lua_tointegerx(L, idx, &exact);
	if (!exact)
		args_misuse(L, at, "a whole number expected, got %g", lua_tonumber(L, idx));
	if (i < min || i > max)
		args_misuse(L, at, "%lld is outside %lld to %lld", (long long)i, (long long)min, (long long)max);
	return i;
}

bool args_boolean(lua_State *L, int idx, const struct args_at *at)
{
	if (lua_type(L, idx) != LUA_TBOOLEAN)
		args_misuse(L, at, "true or false expected, got %s", luaL_typename(L, idx));
	return lua_toboolean(L, idx);
}

/* A number of digits with at most one point, and a unit; -1 for anything else. Lua reads the number, in whatever locale. */
static double parse_time(lua_State *L, const char *s)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 } };
	size_t n = strspn(s, "0123456789.");
	char number[64];
	double t = -1;

	if (n == 0 || n >= sizeof(number))
		return -1;
	memcpy(number, s, n);
	number[n] = 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(s + n, units[i].unit) == 0 && lua_stringtonumber(L, number)) {
			t = lua_tonumber(L, -1) * units[i].seconds;
			lua_pop(L, 1);
		}
	return t;
}

double args_duration(lua_State *L, int idx, const struct args_at *at)
{
	double t = -1;

	if (lua_type(L, idx) == LUA_TNUMBER) {
		t = lua_tonumber(L, idx);
	} else if (lua_type(L, idx) == LUA_TSTRING) {
		const char *s = args_string(L, idx, at, NULL);
		char text[64];

		t = parse_time(L, s);
		if (t < 0)
			args_misuse(L, at, "'%s' is not a time: seconds, or a string like \"10ms\" or \"1s\"", args_show(s, strlen(s), text, sizeof(text)));
	} else {
		args_misuse(L, at, "a time expected (seconds, \"10ms\", \"1s\"), got %s", luaL_typename(L, idx));
	}
	if (isnan(t) || t < 0)
		args_misuse(L, at, "a time cannot be negative or NaN");
	return t;
}

double args_time(lua_State *L, int idx, const struct args_at *at)
{
	return fmin(args_duration(L, idx, at), 1e9);
}

bool args_is(lua_State *L, int idx, const char *text)
{
	return lua_type(L, idx) == LUA_TSTRING && lua_rawlen(L, idx) == strlen(text) && strcmp(lua_tostring(L, idx), text) == 0;
}

void args_table(lua_State *L, int idx, const struct args_at *at)
{
	if (lua_type(L, idx) != LUA_TTABLE)
		args_misuse(L, at, "table expected, got %s", luaL_typename(L, idx));
}

lua_Integer args_array(lua_State *L, int idx, const struct args_at *at)
{
	lua_Integer n, seen = 0;

	args_table(L, idx, at);
	idx = lua_absindex(L, idx);
	n = (lua_Integer)lua_rawlen(L, idx);
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), seen++)
		if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n)
			args_misuse(L, at, "an array without holes and with no keys of its own expected");
	if (seen != n)
		args_misuse(L, at, "the array has holes");
	return n;
}

void *args_self(lua_State *L, const char *type, const char *op)
{
	void *self = luaL_testudata(L, 1, type);

	if (!self)
		args_misuse(L, &(struct args_at){ .op = op, .key = "self" }, "%s expected, got %s", type, luaL_typename(L, 1));
	return self;
}

double args_timeout(lua_State *L, int idx, const char *op)
{
	if (lua_isnoneornil(L, idx))
		return -1;
	return args_time(L, idx, &(struct args_at){ .op = op, .key = "timeout" });
}

static const char *interface_name(lua_State *L, int idx, const struct args_at *at, size_t max)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-";
	char text[64];
	size_t n;
	const char *s = args_string(L, idx, at, &n);

	if (n < 1 || n > max)
		args_misuse(L, at, "'%s': an interface name has 1 to %zu characters", args_show(s, n, text, sizeof(text)), max);
	if (strspn(s, good) != n || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		args_misuse(L, at, "'%s': an interface name is made of letters, digits and _.@-", args_show(s, n, text, sizeof(text)));
	return s;
}

const char *args_ifname(lua_State *L, int idx, const struct args_at *at)
{
	return interface_name(L, idx, at, 15);
}

const char *args_altname(lua_State *L, int idx, const struct args_at *at)
{
	return interface_name(L, idx, at, 127);
}

const char *args_netns_name(lua_State *L, int idx, const struct args_at *at)
{
	char text[64];
	size_t n;
	const char *s = args_string(L, idx, at, &n);

	if (n < 1 || n > 255)
		args_misuse(L, at, "'%s': a namespace name has 1 to 255 characters", args_show(s, n, text, sizeof(text)));
	if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0 || strpbrk(s, "/ \t\n\v\f\r"))
		args_misuse(L, at, "'%s': a namespace name is no '.' or '..' and holds no '/' or blank", args_show(s, n, text, sizeof(text)));
	return s;
}

static void store(lua_State *L, int idx, const struct args_at *at, const struct args_row *row, void *out)
{
	void *to = (char *)out + row->offset;

	switch (row->type) {
	case ARGS_STRING: {
		size_t n;
		const char *s = args_string(L, idx, at, &n);

		if (n < (size_t)row->min || (row->max && n > (size_t)row->max))
			args_misuse(L, at, "%zu characters; %lld to %lld are allowed", n, (long long)row->min, (long long)row->max);
		*(const char **)to = s;
		break;
	}
	case ARGS_BYTES: {
		struct args_bytes *bytes = to;

		if (lua_type(L, idx) != LUA_TSTRING)
			args_misuse(L, at, "string expected, got %s", luaL_typename(L, idx));
		bytes->data = lua_tolstring(L, idx, &bytes->size);
		break;
	}
	case ARGS_BOOL:
		*(bool *)to = args_boolean(L, idx, at);
		break;
	case ARGS_INTEGER:
		*(lua_Integer *)to = args_integer(L, idx, at, row->min, row->max);
		break;
	case ARGS_TIME:
		*(double *)to = args_time(L, idx, at);
		break;
	case ARGS_TABLE:
		args_table(L, idx, at);
		*(int *)to = 1;
		break;
	case ARGS_ANY:
		*(int *)to = 1;
		break;
	}
}

static const struct args_row *find(const struct args_row *rows, const char *key)
{
	for (; rows->key; rows++)
		if (strcmp(rows->key, key) == 0)
			return rows;
	return NULL;
}

void args_read_at(lua_State *L, int idx, const struct args_at *whole, const struct args_row *rows, void *out, bool array_part)
{
	const struct args_at self = { .op = whole->op, .key = whole->inside ? whole->inside : whole->key, .index = whole->index };
	struct args_at at = *whole;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 6, at.op);
	args_table(L, idx, &self);
	for (const struct args_row *row = rows; row->key; row++) {
		at.key = row->key;
		lua_pushstring(L, row->key);
		lua_rawget(L, idx);
		if (!lua_isnil(L, -1))
			store(L, -1, &at, row, out);
		else if (row->required)
			args_misuse(L, &at, "is missing");
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		char text[64];

		if (lua_type(L, -2) == LUA_TSTRING) {
			size_t n;
			const char *key = lua_tolstring(L, -2, &n);

			if (strlen(key) == n && find(rows, key))
				continue;
			at.key = args_show(key, n, text, sizeof(text));
			args_misuse(L, &at, "unknown key");
		}
		if (array_part && lua_isinteger(L, -2))
			continue;
		args_misuse(L, &self, "a key of type %s has no meaning here", luaL_typename(L, -2));
	}
}

void args_read(lua_State *L, int idx, const char *op, const struct args_row *rows, void *out, bool array_part)
{
	args_read_at(L, idx, &(struct args_at){ .op = op, .key = "spec" }, rows, out, array_part);
}

void args_push_schema(lua_State *L, const struct args_row *rows)
{
	static const char *const types[] = {
		[ARGS_STRING] = "string", [ARGS_BYTES] = "bytes", [ARGS_BOOL] = "bool", [ARGS_INTEGER] = "integer",
		[ARGS_TIME] = "time", [ARGS_TABLE] = "table", [ARGS_ANY] = "any",
	};
	lua_Integer n = 0;

	luaL_checkstack(L, 4, "schema");
	lua_newtable(L);
	for (; rows->key; rows++) {
		lua_createtable(L, 0, 5);
		lua_pushstring(L, rows->key);
		lua_setfield(L, -2, "key");
		lua_pushstring(L, types[rows->type]);
		lua_setfield(L, -2, "type");
		if (rows->min || rows->max) {
			lua_pushinteger(L, rows->min);
			lua_setfield(L, -2, "min");
			lua_pushinteger(L, rows->max);
			lua_setfield(L, -2, "max");
		}
		lua_pushboolean(L, rows->required);
		lua_setfield(L, -2, "required");
		lua_rawseti(L, -2, ++n);
	}
}
