/* SPDX-License-Identifier: MIT */
/* mounts.h - the mount namespace that the processes of a network namespace get */
#ifndef NETNS_MOUNTS_H
#define NETNS_MOUNTS_H

#include "ns.h"

/*
 * Make sure that ns->mounts is there: a mount namespace with the network namespace's own /sys, and /etc/netns/NAME laid over /etc.
 * It is made once per handle. 0, or -errno with the reason in `fault`.
 */
int mounts_make(struct ns *ns, struct fault *fault);

#endif
