/* SPDX-License-Identifier: MIT */
/* args.h - reads option tables and checks arguments; all misuse is raised from here */
#ifndef NETNS_ARGS_H
#define NETNS_ARGS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a value stands, for the error's text: "link add: field 'mtu': ..." (`index`: which of an array of specs, 0 for none;
 * `inside`: the field whose table it is in, so "pty.rows").
 */
struct args_at {
	const char *op;
	const char *key;
	lua_Integer index;
	const char *inside;
};

enum args_type {
	ARGS_STRING,  /* const char *: no NUL inside; stays valid while the option table does */
	ARGS_BYTES,   /* struct args_bytes: any bytes */
	ARGS_BOOL,    /* bool: true or false, never 0 or "no" */
	ARGS_INTEGER, /* lua_Integer within min..max */
	ARGS_TIME,    /* double, seconds >= 0, from 1.5, "10ms" or "1s" */
	ARGS_TABLE,   /* int: 1 if the table is there (read it with lua_getfield) */
	ARGS_ANY,     /* int: 1 if there is a value; what it may be is the caller's to check */
};

struct args_bytes {
	const char *data;
	size_t size;
};

/* One option: the key, how it is read, and where it goes in the caller's struct. A field whose key is absent keeps its default. */
struct args_row {
	const char *key;
	enum args_type type;
	size_t offset;
	lua_Integer min, max; /* ARGS_INTEGER: range; ARGS_STRING: length (max 0 = no limit) */
	bool required;
};

/*
 * Fill `out` from the table at `idx` by `rows` (ended by a NULL key). Unknown keys raise, and so does the array part unless
 * `array_part`. No metamethod is called. Allocates nothing.
 */
void args_read(lua_State *L, int idx, const char *op, const struct args_row *rows, void *out, bool array_part);

/* Likewise, for a table that `whole` names: which of an array, what to call it; or, by `inside`, of which field it is the value. */
void args_read_at(lua_State *L, int idx, const struct args_at *whole, const struct args_row *rows, void *out, bool array_part);

/* Push the rows as an array of { key, type, min, max, required }: for the reference and for tests. */
void args_push_schema(lua_State *L, const struct args_row *rows);

/* Raise EINVAL at `at`. */
int args_misuse(lua_State *L, const struct args_at *at, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* Check the value at `idx`; each raises EINVAL with the field's name. */
const char *args_string(lua_State *L, int idx, const struct args_at *at, size_t *size); /* no NUL, not a number */
lua_Integer args_integer(lua_State *L, int idx, const struct args_at *at, lua_Integer min, lua_Integer max);
bool args_boolean(lua_State *L, int idx, const struct args_at *at);
double args_duration(lua_State *L, int idx, const struct args_at *at); /* seconds; "10ms", "1s", "2m" */
double args_time(lua_State *L, int idx, const struct args_at *at);     /* likewise, at most 1e9: what a deadline can be made from */
void args_table(lua_State *L, int idx, const struct args_at *at);
lua_Integer args_array(lua_State *L, int idx, const struct args_at *at); /* its length; no holes, no other keys */
void *args_self(lua_State *L, const char *type, const char *op);        /* argument 1, open or closed */

/* Is the value just this string? A number, or one with a NUL behind it, is not. */
bool args_is(lua_State *L, int idx, const char *text);

/* A string as an error's text can show it: short, printable. */
const char *args_show(const char *s, size_t n, char *out, size_t room);

/* An optional timeout argument: seconds, or -1 (no limit) for nil. */
double args_timeout(lua_State *L, int idx, const char *op);

/* Names that reach the kernel or the file system: raise, or return the string. */
const char *args_ifname(lua_State *L, int idx, const struct args_at *at);    /* [A-Za-z0-9_.@-]{1,15} */
const char *args_altname(lua_State *L, int idx, const struct args_at *at);   /* the same, up to 127 characters */
const char *args_netns_name(lua_State *L, int idx, const struct args_at *at); /* no "/", blank, NUL, ".", ".."; 1..255 */

#endif
