/* SPDX-License-Identifier: MIT */
/* hosts.h - an /etc/hosts of their own for the processes of some namespaces */
#ifndef NETNS_NAMESPACE_HOSTS_H
#define NETNS_NAMESPACE_HOSTS_H

#include <lua.h>
#include <stddef.h>

/* One text that several handles share. */
struct hosts {
	unsigned int users;
	size_t size;
	char text[];
};

/* One user less; the last one frees it. NULL is nobody's. */
void hosts_drop(struct hosts *hosts);

/* core.hosts into the table on top of the stack. */
void hosts_open(lua_State *L);

#endif
