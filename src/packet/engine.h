/* SPDX-License-Identifier: MIT */
/* engine.h - many probes in flight at once: opens their sockets, sends, and observes what comes */
#ifndef NETNS_PACKET_ENGINE_H
#define NETNS_PACKET_ENGINE_H

#include "limits.h"
#include "packet.h"
#include "path.h"

#include <stdbool.h>
#include <stddef.h>

/* A namespace that probes leave or reach, in one family. Descriptors are -1 while they are not needed. */
struct post {
	void *place;       /* the namespace; only the opener looks into it */
	int family;
	int raw_icmp;      /* sends echoes; hears errors and echo replies; sees echo requests arrive */
	int raw_tcp;       /* sees SYNs arrive, behind the input hook; asks whether the output hook lets one out */
	int raw_udp;       /* sees datagrams arrive, behind the input hook */
	int dgram;         /* sends datagrams and hears their answers */
	uint16_t sport;    /* of dgram */
	unsigned int errors;   /* ICMP errors heard */
	double last_error; /* when the last one was heard */
	bool quiet;        /* it came only after a pause */
	int limits[LIMITS]; /* the files that count which ICMP errors it held back */
	struct hop *hops;  /* targets that were asked for with path_ask() */
};

/* The path from a post to one target, asked when needed and kept for a moment. */
struct hop {
	struct hop *next;
	union address target;
	double asked;      /* 0: not yet */
	struct path path;
};

/* A socket on the target address. */
struct listener {
	void *place;
	int proto;         /* IPPROTO_TCP, IPPROTO_UDP */
	union address at;
	bool own;          /* ours serves; else it was only asked whether somebody has the port */
	bool service;      /* somebody else has it */
	int fd;
	int errnum;        /* why there is none */
};

enum probe_reply { REPLY_NONE, REPLY_ECHO, REPLY_SYN_ACK, REPLY_RESET, REPLY_DATA };

/* Why the watch over a silent probe ended before silence was certain. */
enum probe_cut { CUT_NONE, CUT_LIMITED, CUT_NEIGHBOUR };

struct probe {
	/* what is asked */
	struct post *from, *to;    /* to: NULL where nobody can look */
	struct listener *listener; /* or NULL */
	struct hop *hop, *end;     /* the sender's first step, the receiver's own view of the address */
	int proto;                 /* IPPROTO_ICMP (also for ICMPv6), IPPROTO_TCP, IPPROTO_UDP */
	union address target;
	size_t size;               /* of the whole IP packet, for ICMP and UDP; 0: as short as can be */
	double timeout;            /* < 0: as long as it takes to be certain, within limits */
	/* what was seen */
	bool done, sent, delivered;
	int errnum;                /* the sender's kernel refused it */
	const char *broken;        /* the step of ours that failed (with errnum), so that nothing was asked */
	int late_errnum;           /* what connect() ended with, where no packet explains it */
	bool icmp, icmp_own;       /* own: the error was made by the sender's own stack */
	uint8_t icmp_type, icmp_code;
	union address icmp_from;
	enum probe_reply reply;
	union address reply_from;
	bool reply_exact;          /* the answer carried the mark */
	bool withheld;             /* the receiver's own counters show that its rate limit held an ICMP error back */
	enum probe_cut cut;
	unsigned int attempts;
	double first, last, delivered_at, answered_at, ended_at;
	/* private */
	double next, resolved;     /* next: not before; resolved: when the neighbour was found */
	bool resolving, counted;   /* counted: the receiver's counters were looked at */
	int fd[2];                 /* TCP: the first attempt's socket and the latest one's */
	union address here;        /* what it was bound to, once they were closed before the end */
};

struct engine {
	struct packet_key key;
	int epoll;
	struct post *posts;
	struct listener *listeners;
	struct probe *probes;
	size_t n_posts, n_listeners, n_probes, open;
	double start, settle;
	double rtt;                    /* the largest seen */
	/*
	 * What is asked of a namespace: a socket (or -errno), and its rtnetlink socket (or NULL). The thread may stay where the last socket
	 * was opened until `home` is called, which every function here does before it returns.
	 */
	int (*socket)(struct engine *e, void *place, int domain, int type, int protocol);
	int (*file)(struct engine *e, void *place, const char *path); /* a file to read, or -errno */
	struct nlsock *(*route)(void *place);
	void (*home)(struct engine *e);
	void *data;                    /* theirs */
};

/* Open the sockets of the posts and listeners that the probes need: 0, or -errno with the step's name. */
int engine_open(struct engine *e, const char **step);

/* Send what is due and judge what is settled; returns when to come again at the latest. */
double engine_step(struct engine *e, double now);

/* Read everything that has arrived. */
void engine_collect(struct engine *e);

/* Close every descriptor; idempotent. */
void engine_close(struct engine *e);

/* Send a probe, for the first time or again; it ends where the sender's kernel refuses the first. */
void engine_attempt(struct engine *e, struct probe *p, double now);

/* It has ended. */
void engine_finish(struct engine *e, struct probe *p, double now);

#endif
