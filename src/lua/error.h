/* SPDX-License-Identifier: MIT */
/* error.h - the one kind of error that netns raises: a `netns.error` object */
#ifndef NETNS_ERROR_H
#define NETNS_ERROR_H

#include <lua.h>
#include <stdbool.h>

#define ERROR_TYPE "netns.error"

/* In the registry: what helps against EPERM where this program runs, instead of the hint that it be run with nslua; "" for nothing. */
#define ERROR_EPERM "netns.eperm"

/*
 * Why a function without a lua_State failed: it fills one of these and returns a negative errno. Its caller, who has the state and
 * knows what was asked, raises.
 */
struct fault {
	int errnum;      /* positive errno, 0 while all is well */
	char text[160];  /* the kernel's words or ours; "" where strerror says it all */
	char attr[32];   /* the field at fault, "" where unknown */
};

/* What an error object says; a field that is NULL or 0 is left out. */
struct error {
	const char *op;      /* "route add" */
	const char *subject; /* "10.0.0.0/8" */
	const char *netns;   /* the namespace's name or inode */
	int errnum;
	const char *code;    /* instead of errnum's name, where there is no errno: "EXIT" */
	const char *message; /* better words than strerror(errnum) */
	const char *attr;    /* the field at fault */
	const char *hint;    /* a remedy; the common ones are found by op and errnum */
	lua_Integer index;   /* which of an array of specs, from 1 */
	bool misuse;         /* the caller's mistake, found before anything was done */
};

/* Record a failure in `fault`; returns -errnum, so that `return fault_set(...)` reads well. */
int fault_set(struct fault *fault, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Push the object, so that more can be put into it before lua_error(). */
void error_push(lua_State *L, const struct error *error);

/* Raise. These never return; the int lets callers write `return error_raise(...)`. */
int error_raise(lua_State *L, const struct error *error) __attribute__((noreturn));
int error_errno(lua_State *L, int errnum, const char *op, const char *subject) __attribute__((noreturn));
int error_misuse(lua_State *L, const char *op, const char *attr, const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));

/* `self` is a handle that was closed. */
int error_closed(lua_State *L, const char *op) __attribute__((noreturn));

/* "ENOENT" for ENOENT; "E?" for a number that has no name. */
const char *error_code(int errnum);

/* Push the functions that Lua modules use to raise the same objects. Called once by luaopen_netns_core. */
void error_open(lua_State *L);

#endif
