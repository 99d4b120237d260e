/* SPDX-License-Identifier: MIT */
/* tables.h - names that several objects of rtnetlink share: families, routing tables, protocols */
#ifndef NETNS_NETLINK_TABLES_H
#define NETNS_NETLINK_TABLES_H

#include "codec.h"

extern const struct codec_name codec_families[]; /* inet, inet6 */
extern const struct codec_name route_tables[];   /* main, local, default */
extern const struct codec_name route_protocols[];

#endif
