/* SPDX-License-Identifier: MIT */
/* attrs.h - reads attributes that stand one behind the other, whatever they say of their lengths */
#ifndef NETNS_NETLINK_ATTRS_H
#define NETNS_NETLINK_ATTRS_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct codec_span {
	const char *data;
	size_t size;
};

/* The attributes of a message, behind its fixed header of `header` bytes; empty if it has none. */
struct codec_span codec_attrs(const struct nlmsghdr *message, size_t header);
/* Step over the next attribute of the span; NULL at its end, or where it is malformed. */
const struct nlattr *codec_next(struct codec_span *rest);
/* The payload of the first attribute `type` in the span; data NULL if there is none. */
struct codec_span codec_inner(struct codec_span attrs, uint16_t type);

/* A number of 1, 2, 4 or 8 bytes, in the machine's order. */
uint64_t codec_load(const void *from, size_t size);

#endif
