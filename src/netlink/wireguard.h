/* SPDX-License-Identifier: MIT */
/* wireguard.h - what a link of kind "wireguard" adds: its key and its peers */
#ifndef NETNS_NETLINK_WIREGUARD_H
#define NETNS_NETLINK_WIREGUARD_H

#include "rtnl.h"

/*
 * Give the link `name` what the table at `data` says; `sock` is a socket of NETLINK_GENERIC where the link is. 0, or -errno with `error`
 * filled. Peers that it does not name go.
 */
int wireguard_set(struct rtnl *r, struct nlsock *sock, const char *name, int data, struct nlerror *error);

/* Add `data` to the link's entry on top of the stack, if the kernel lets us see it. */
void wireguard_listed(struct rtnl *r, uint32_t index);

#endif
