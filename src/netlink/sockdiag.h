/* SPDX-License-Identifier: MIT */
/* sockdiag.h - the sockets of a namespace */
#ifndef NETNS_NETLINK_SOCKDIAG_H
#define NETNS_NETLINK_SOCKDIAG_H

#include "rtnl.h"

/* Push an array of the sockets that fit the filter at `filter` (0: all). `diag` is a socket of NETLINK_SOCK_DIAG where r->sock is. */
void sockdiag_list(struct rtnl *r, struct nlsock *diag, int filter);

/* Push the rows of all protocols: name -> as core.schema has them. */
void sockdiag_push_schema(lua_State *L);

/* sockproc.c: what /proc/net/raw, raw6 and packet say, for kernels that do not tell these by netlink, as messages that they would send. */
int sockproc_read(int fd, int family, struct nlbuf *out); /* 0 or -errno; takes over the descriptor */

#endif
