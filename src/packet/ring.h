/* SPDX-License-Identifier: MIT */
/* ring.h - frames of a packet socket, in memory that the kernel fills */
#ifndef NETNS_PACKET_RING_H
#define NETNS_PACKET_RING_H

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	int fd;           /* -1: not open */
	char *map;        /* NULL: none */
	unsigned int blocks, current;
	uint32_t taken, offset; /* of the current block: how many frames were handed out, and where the next one is */
	bool stopped;
	uint64_t dropped; /* frames for which there was no room */
};

/* The socket r->fd is bound to nothing yet; `buffer` bytes of memory, of each frame no more than `snaplen`. 0 or -errno. */
int ring_open(struct ring *r, size_t buffer, uint32_t snaplen);

/* From now on, frames of this link; 0: of all. 0 or -errno. */
int ring_start(struct ring *r, int ifindex);

/* From now on, none. */
void ring_stop(struct ring *r);

/* Hand each frame that is there to `each`, until that returns other than 0. Returns what `each` did. */
int ring_read(struct ring *r, int (*each)(void *data, const struct tpacket3_hdr *frame), void *data);

static inline const struct sockaddr_ll *ring_from(const struct tpacket3_hdr *frame)
{
	return (const struct sockaddr_ll *)((const char *)frame + TPACKET_ALIGN(sizeof(*frame)));
}

/* Close it; again is nothing. */
void ring_close(struct ring *r);

#endif
