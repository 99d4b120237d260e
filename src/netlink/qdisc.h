/* SPDX-License-Identifier: MIT */
/* qdisc.h - what each kind of queueing discipline, and of their classes, adds */
#ifndef NETNS_NETLINK_QDISC_H
#define NETNS_NETLINK_QDISC_H

#include "rtnl.h"

struct nlattr;

/* `put` writes the kernel's options of the table at `data` (0: none given), `push` adds what it reads to the table on top of the stack. */
struct qdisc_kind {
	const char *name;
	void (*put)(struct rtnl *r, int data);
	void (*push)(struct rtnl *r, const void *options, size_t size);
};

extern const struct codec_choice qdisc_choices[], class_choices[];
extern const struct qdisc_kind qdisc_kinds[], class_kinds[];

#endif
