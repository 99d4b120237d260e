/* SPDX-License-Identifier: MIT */
/* container.h - namespaces of a program's own: reads unshare, hostname, root, readonly and masked of a spec */
#ifndef NETNS_CONTAINER_H
#define NETNS_CONTAINER_H

#include "child.h"

#include <lua.h>

enum { CONTAINER_PATHS = 64 };

/* What was asked for; its strings are the spec's. */
struct container_spec {
	unsigned long flags; /* CLONE_NEW...; 0: no container */
	const char *hostname;
	enum child_root root;
	const char *lower;
	bool keeps_protected, keeps_hidden; /* what a container with a root protects and hides by itself shall be as it is */
	int n_readonly, n_masked;
	const char *readonly[CONTAINER_PATHS], *masked[CONTAINER_PATHS];
};

/* Read the value on top of the stack, and leave it there; misuse raises. */
void container_read_unshare(lua_State *L, const char *op, struct container_spec *out);
void container_read_hostname(lua_State *L, const char *op, struct container_spec *out);
void container_read_root(lua_State *L, const char *op, struct container_spec *out);
void container_read_readonly(lua_State *L, const char *op, struct container_spec *out);
void container_read_masked(lua_State *L, const char *op, struct container_spec *out);

/* Bytes that container_store() needs. */
size_t container_size(const struct container_spec *spec);

/* Write it to *at, which moves on. */
struct child_container *container_store(const struct container_spec *spec, char **at);

#endif
