/* SPDX-License-Identifier: MIT */
/* keys.h - values of tunnels that are more than a number or an address: keys, endpoints, networks */
#ifndef NETNS_NETLINK_KEYS_H
#define NETNS_NETLINK_KEYS_H

#include "codec.h"

/* Write the value at `idx` by a row of type CODEC_KEY, CODEC_ENDPOINT or CODEC_SUBNET; misuse raises. */
void keys_put(struct codec *c, int idx, const struct codec_row *row);

/* Push what such a row reads; false when there is nothing to show. */
bool keys_push(struct codec *c, const struct codec_row *row, const void *data, size_t size);

#endif
