/* SPDX-License-Identifier: MIT */
/* link_kinds.h - the fields that each kind of link adds */
#ifndef NETNS_NETLINK_LINK_KINDS_H
#define NETNS_NETLINK_LINK_KINDS_H

#include "codec.h"

/* By kind, ended by a NULL name. A kind that is not here can be made too, if it needs no `data`. */
extern const struct codec_choice link_kinds[];

/* Its parts that have files of their own. */
extern const struct codec_row link_vxlan[];

#endif
