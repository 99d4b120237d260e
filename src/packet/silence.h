/* SPDX-License-Identifier: MIT */
/* silence.h - when a probe without an answer is sent again, and when its silence is believed */
#ifndef NETNS_PACKET_SILENCE_H
#define NETNS_PACKET_SILENCE_H

#include "engine.h"

#define RESOLVE_WITHIN 3.5 /* s: the kernel gives a neighbour up after 3 */
#define PACED_WITHIN 60.0  /* s: how long rate-limited errors are waited for, without a timeout */
#define ASK_EVERY 0.05     /* s */

/* A silent probe that was sent: send it again, wait on, or end it. Returns when to look again. */
double silence_watch(struct engine *e, struct probe *p, double now);

/* Refresh what is known of the first step from `post`, unless it was asked a moment ago. */
void silence_ask_hop(struct engine *e, struct post *post, struct hop *hop, double now);

/* Refresh what is known of the first step of `p`, and whether its receiver has the address. */
void silence_ask(struct engine *e, struct probe *p, double now);

#endif
