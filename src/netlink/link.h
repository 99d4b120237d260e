/* SPDX-License-Identifier: MIT */
/* link.h - what the files about links share */
#ifndef NETNS_NETLINK_LINK_H
#define NETNS_NETLINK_LINK_H

#include "rtnl.h"

/* link.c: fields of a spec, checked; NULL or `absent` where they are not. */
const char *link_name_in(struct rtnl *r, int spec, const char *key);
lua_Integer link_integer_in(struct rtnl *r, int spec, const char *key, lua_Integer min, lua_Integer absent);
void link_put_name(struct rtnl *r, const char *name);
/* Does one message make it and its other end? */
bool link_is_pair(struct rtnl *r, int spec);
extern const struct codec_row link_addressing[]; /* addrgenmode, in its nests */

/* link_after.c: what follows when the kernel has taken the message. */
bool link_up_is_last(struct rtnl *r, int spec); /* does `up` need a message of its own? */
void link_done(struct rtnl *r, int spec, enum rtnl_verb verb);

/*
 * link_undo.c: the kernel carries out a change field by field, and stops at the one that it refuses. Keep what the link is, where the spec
 * changes more than one thing; and put back the fields of the message at r->codec.start.
 */
void link_remember(struct rtnl *r, int spec);
void link_undo(struct rtnl *r);

/* link_list.c: for struct rtnl_object. */
void link_ask(struct rtnl *r, int filter);
bool link_direct(struct rtnl *r, int filter);
void link_received(struct rtnl *r, const struct nlbuf *in);
void link_listing(struct rtnl *r, const struct nlmsghdr *h);
void link_listed(struct rtnl *r, const struct nlmsghdr *h);

/* link_order.c: likewise; and a copy of the spec without the keys of `without` (ended by NULL), pushed: its stack index. */
bool link_must_wait(struct rtnl *r, int spec, int waiting);
int link_adapt(struct rtnl *r, int spec);
int link_copy(struct rtnl *r, int spec, const char *const *without);

/* link_tun.c: make a device of kind "tun", for which rtnetlink knows no message; false if the spec is of another kind. */
bool link_tun(struct rtnl *r, int spec);

#endif
