/* SPDX-License-Identifier: MIT */
/* link.h - what the files about links share */
#ifndef NETNS_NETLINK_LINK_H
#define NETNS_NETLINK_LINK_H

#include "rtnl.h"

/* Does one message make it and its other end? */
bool link_is_pair(struct rtnl *r, int spec);

/* Push a copy of the spec without the keys of `without` (ended by NULL); returns its stack index. */
int link_copy(struct rtnl *r, int spec, const char *const *without);

/* Push the array again with masters and lower links first. */
void link_sorted(struct rtnl *r, int array);

/* Make a device of kind "tun", for which rtnetlink knows no message; false if the spec is of another kind. */
bool link_tun(struct rtnl *r, int spec);

#endif
