/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share
 *
 * A target is one function that takes bytes, as libFuzzer calls it: `make fuzz` links it with libFuzzer, the suite with driver.c. It must
 * come back from any input; what must never be is found by the sanitizers, or ends in fuzz_fail(). The library's own code is called as it
 * is, through its internal headers.
 */
#ifndef NETNS_FUZZ_H
#define NETNS_FUZZ_H

#include "../../src/netlink/rtnl.h"

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes that are left of an input. */
struct input {
	const uint8_t *data;
	size_t size;
};

/* Take the next byte, number or run of at most `most` bytes; zeros where the input has ended. */
uint8_t input_byte(struct input *in);
uint64_t input_number(struct input *in, size_t bytes);
struct input input_run(struct input *in, size_t most);

/* The objects of rtnetlink. */
#define FUZZ_OBJECTS 11
extern const struct rtnl_object *const fuzz_objects[FUZZ_OBJECTS];

/*
 * Run f(L) with the input as its light userdata argument, in a state that has netns.core. An error must be one of ours, or say that there
 * is no more memory; anything else is a finding. Returns whether there was none.
 */
bool fuzz_call(lua_CFunction f, struct input *in);

/* A finding: says what, and aborts. */
void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Prepare a call that talks to nobody: every link has an index, every index a name. */
void fuzz_rtnl(struct rtnl *r, lua_State *L, const struct rtnl_object *object, const char *op);

#endif
