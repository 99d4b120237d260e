/* SPDX-License-Identifier: MIT */
/* socket.h - talk to the kernel over a netlink socket: requests with their acks, batches, whole dumps */
#ifndef NETNS_NETLINK_SOCKET_H
#define NETNS_NETLINK_SOCKET_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct nlsock {
	int fd;          /* -1: not open */
	uint32_t seq;    /* of the last request */
};

/* A growable run of messages. Whoever has a lua_State keeps it in a userdata box (buffer.h), so that an error frees it. */
struct nlbuf {
	char *data;
	size_t size;     /* bytes used */
	size_t room;     /* bytes allocated */
};

/* Why the kernel refused. */
struct nlerror {
	int errnum;      /* positive */
	uint32_t offset; /* of the attribute at fault in the request, 0: not told */
	uint16_t miss;   /* type of an attribute that is missing, 0: none */
	char text[160];  /* extended ack, "" if none */
};

/* Take over `fd`, a fresh netlink socket: extended acks, strict checking, capped acks. 0 or -errno (fd is then closed). */
int nlsock_init(struct nlsock *s, int fd);
void nlsock_close(struct nlsock *s);

/*
 * Send one request and wait for its ack; `answer` (may be NULL) receives the messages that come before it.
 * 0, or -errno with `error` filled.
 */
int nlsock_talk(struct nlsock *s, struct nlmsghdr *request, struct nlbuf *answer, struct nlerror *error);

/*
 * Send the first of `n` requests that stand one behind the other in `data`, as many as acks and buffers allow in one system call.
 * `errors[i]` (room for NLSOCK_BATCH) gets each one's outcome (errnum 0: done), `*used` the bytes that they took. Returns how many were
 * sent, or -errno when the conversation itself broke. The kernel carries out every message, also those behind a refused one. `errors`
 * may be NULL, where nobody wants to know which were refused.
 */
#define NLSOCK_BATCH 128
int nlsock_batch(struct nlsock *s, void *data, size_t size, unsigned int n, struct nlerror *errors, size_t *used);

/* Run a dump to its end; `out` is emptied first. An interrupted dump is done again, a few times. 0, or -errno with `error` filled. */
int nlsock_dump(struct nlsock *s, struct nlmsghdr *request, struct nlbuf *out, struct nlerror *error);

/* Receive what the kernel sends to a multicast group (RTNLGRP_...): 0 or -errno. Such a socket is for nothing else than nlsock_events(). */
int nlsock_join(struct nlsock *s, int group);

/*
 * Append the messages that have come, without waiting: 0, or -errno. -ENOBUFS: more came than the socket could hold, and some are lost;
 * then ask for the state itself, for what comes from now on is there again.
 */
int nlsock_events(struct nlsock *s, struct nlbuf *out);

/* Room for `size` more bytes behind buf->size; 0 or -ENOMEM. */
int nlbuf_reserve(struct nlbuf *buf, size_t size);
void nlbuf_free(struct nlbuf *buf);

#endif
