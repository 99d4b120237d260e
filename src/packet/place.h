/* SPDX-License-Identifier: MIT */
/* place.h - what the engine of probes asks of a namespace: sockets, files, and its routes */
#ifndef NETNS_PACKET_PLACE_H
#define NETNS_PACKET_PLACE_H

#include "../namespace/ns.h"
#include "engine.h"

/* Where the thread is, while the engine opens sockets: those of one namespace come one behind the other. */
struct visit {
	const struct ns *at; /* NULL: at home */
	struct ns_home home;
};

/* Let the engine ask struct ns; `visit` lives as long as it. */
void place_callbacks(struct engine *e, struct visit *visit);

#endif
