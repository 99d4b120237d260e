/* SPDX-License-Identifier: MIT */
/* packet.h - the packets of probes: what marks them, and how the mark is found again */
#ifndef NETNS_PACKET_PACKET_H
#define NETNS_PACKET_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PACKET_PAYLOAD = 16, PACKET_ECHO = 8 + PACKET_PAYLOAD, PACKET_SYN = 20, PACKET_MAX = 2048, PACKET_LONGEST = 9216 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static inline socklen_t packet_address_size(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

/* Marks the packets of one run of `count` probes; random, so that no run can take another's packets for its own. */
struct packet_key {
	uint8_t magic[8]; /* begins the payload of UDP datagrams and echoes; the probe's index and the attempt follow */
	uint32_t seq;     /* TCP: sequence number of the first probe's first SYN */
	uint32_t count;
};

enum packet_kind {
	PACKET_NONE,
	PACKET_PROBE, /* a probe arrived: an echo request, a SYN, a datagram */
	PACKET_REPLY, /* its echo came back */
	PACKET_ERROR, /* an ICMP error that quotes it */
};

#define PACKET_UNKNOWN UINT32_MAX

struct packet_seen {
	enum packet_kind kind;
	uint32_t index;       /* of the probe, or PACKET_UNKNOWN: an error that quotes too little of a datagram */
	int proto;            /* of the probe: IPPROTO_* */
	uint8_t type, code;   /* of an error */
	union address target; /* of an error: to whom the quoted probe went; the port is 0 for ICMP */
	uint16_t sport;       /* of an error: the port that it left from */
};

/* What a probe carries. `out` of packet_echo has PACKET_ECHO bytes; ICMPv6's checksum is left to the kernel. */
void packet_payload(const struct packet_key *key, uint32_t index, uint32_t attempt, uint8_t out[static PACKET_PAYLOAD]);
void packet_echo(const struct packet_key *key, int family, uint32_t index, uint32_t attempt, uint8_t out[static PACKET_ECHO]);
void packet_syn(const union address *from, const union address *to, uint32_t seq, uint8_t out[static PACKET_SYN]);
uint32_t packet_seq(const struct packet_key *key, uint32_t index, uint32_t attempt);

/* The probe that a payload belongs to, or PACKET_UNKNOWN. */
uint32_t packet_index(const struct packet_key *key, const uint8_t *payload, size_t size);

/* What a raw socket of `proto` (IPPROTO_ICMP stands for ICMPv6 too) has read. */
void packet_read(const struct packet_key *key, int family, int proto, const uint8_t *data, size_t size, struct packet_seen *seen);

/* Let only what packet_read() could recognise into the raw socket `fd`: 0 or -errno. */
int packet_filter(const struct packet_key *key, int family, int proto, int fd);

#endif
