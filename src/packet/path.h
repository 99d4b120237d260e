/* SPDX-License-Identifier: MIT */
/* path.h - the first step of a packet's path, as the sender's kernel sees it: route, link, neighbour */
#ifndef NETNS_PACKET_PATH_H
#define NETNS_PACKET_PATH_H

#include "../netlink/socket.h"
#include "packet.h"

#include <stdbool.h>

struct path {
	int errnum;             /* why there is no route; 0: there is one */
	int type;               /* RTN_UNICAST, RTN_LOCAL ... */
	unsigned int oif;
	char dev[16];           /* the link that it leaves by */
	bool up, carrier;       /* of that link */
	union address via;      /* the neighbour that is asked: the gateway, else the target */
	bool routed;            /* by a gateway, */
	bool foreign;           /* of the other family: its neighbour entry is not looked at */
	bool resolved;          /* it is one that the kernel must ask for */
	int neighbour;          /* NUD_*; 0: no entry, so nobody was asked */
};

/* Ask through `s`, a netlink socket of the sender's namespace: 0, or -errno when the question itself failed. */
int path_ask(struct nlsock *s, const union address *target, struct path *path);

/* "reachable", "incomplete", "failed" ...; NULL for none */
const char *path_neighbour_name(int state);

#endif
