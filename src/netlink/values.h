/* SPDX-License-Identifier: MIT */
/* values.h - single values into a netlink message: what codec.c asks of values.c */
#ifndef NETNS_NETLINK_VALUES_H
#define NETNS_NETLINK_VALUES_H

#include "../lua/args.h"
#include "codec.h"

/* Where a field of the spec stands, for errors: the key, behind that of the table that it is in. */
struct args_at values_at(struct codec *c, const char *key);

/* `size` zero bytes at the end of the message. */
void *values_grow(struct codec *c, size_t size);

/* Write the value at `idx` by a row that has no rows inside; other rows are passed over. */
void values_put(struct codec *c, int idx, const struct codec_row *row);

/* Write a row's integer that comes from no table. */
void values_put_integer(struct codec *c, const struct codec_row *row, lua_Integer value);

/* The bits of its member that a row takes, as they stand in the message. */
uint64_t values_mask(const struct codec_row *row);

/* Write what goes with a row. */
void values_put_with(struct codec *c, const struct codec_with *with);

#endif
