/* SPDX-License-Identifier: MIT */
/* events.h - what the kernel tells by itself when something changes */
#ifndef NETNS_NETLINK_EVENTS_H
#define NETNS_NETLINK_EVENTS_H

#include "rtnl.h"

/* The objects of which it tells, by name; NULL-terminated. A set of them is a mask of 1 << position. */
extern const char *const events_objects[];
int events_find(const char *name); /* the position, or -1 */

/* Hear of those in `mask`, and always of links, whose names the others need: 0 or -errno. */
int events_join(struct nlsock *s, uint32_t mask);

/* r->names becomes index -> name of all links that are there. */
void events_names(struct rtnl *r);

/* Push { action, object, entry } if the message is of an object in `mask`; keeps r->names up to date. */
bool events_push(struct rtnl *r, const struct nlmsghdr *h, uint32_t mask);

#endif
