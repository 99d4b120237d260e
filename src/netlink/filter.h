/* SPDX-License-Identifier: MIT */
/* filter.h - what each kind of traffic filter adds, and what is done with the packets that it finds */
#ifndef NETNS_NETLINK_FILTER_H
#define NETNS_NETLINK_FILTER_H

#include "rtnl.h"

/* `put` writes the fields of the table at `data` (0: none given) as the kernel's options, `push` adds what it reads to the table on top. */
struct filter_kind {
	const char *name;
	void (*put)(struct rtnl *r, int data, uint16_t protocol);
	void (*push)(struct rtnl *r, struct codec_span options, uint16_t protocol);
};

extern const struct codec_choice filter_choices[];
extern const struct filter_kind filter_kinds[];

/* The protocol (ETH_P_...) that the addresses and ports of the table at `data` mean. */
uint16_t filter_protocol(struct rtnl *r, int data);

/* Push data[key]; its stack index, or 0 (nothing pushed) when it is not there. */
int filter_push(struct rtnl *r, int data, const char *key);
struct args_at filter_at(const struct rtnl *r, const char *path);

/* filter_actions.c: the array data.actions as the attribute `attr`, and the way back. */
extern const struct codec_row filter_action_rows[];
void filter_put_actions(struct rtnl *r, int data, const struct codec_row *row, uint16_t attr);
void filter_push_actions(struct rtnl *r, struct codec_span actions);

#endif
