/* SPDX-License-Identifier: MIT */
/*
 * packet.c - the packets of probes: what marks them, and how the mark is found again
 *
 * Theory. Whether a probe was delivered is not concluded from answers: the receiver's side looks for the very packet that was sent.
 * Echoes and datagrams carry a random magic and the probe's number; a SYN carries no data, so its number is in the sequence number,
 * which address translation leaves alone. An ICMP error quotes the packet that it is about, at least the first eight bytes behind the
 * IP header: that is the sequence number of a SYN, and of a datagram the ports at least.
 */
#include "packet.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

static void put32(uint8_t *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return ntohl(value);
}

static uint16_t get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

void packet_payload(const struct packet_key *key, uint32_t index, uint32_t attempt, uint8_t out[static PACKET_PAYLOAD])
{
	memcpy(out, key->magic, sizeof(key->magic));
	put32(out + 8, index);
	put32(out + 12, attempt);
}

/* Add to a sum of the Internet checksum; `size` is even. */
static uint32_t add(uint32_t sum, const void *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += get16((const uint8_t *)data + i);
	return sum;
}

static void put_checksum(uint8_t *to, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	to[0] = (uint8_t)(~sum >> 8);
	to[1] = (uint8_t)~sum;
}

void packet_echo(const struct packet_key *key, int family, uint32_t index, uint32_t attempt, uint8_t out[static PACKET_ECHO])
{
	memset(out, 0, 8);
	out[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	memcpy(out + 4, key->magic, 2); /* identifier */
	out[6] = (uint8_t)(index >> 8);
	out[7] = (uint8_t)index;
	packet_payload(key, index, attempt, out + 8);
	if (family == AF_INET)
		put_checksum(out + 2, add(0, out, PACKET_ECHO));
}

void packet_syn(const union address *from, const union address *to, uint32_t seq, uint8_t out[static PACKET_SYN])
{
	uint32_t sum = IPPROTO_TCP + PACKET_SYN;

	memset(out, 0, PACKET_SYN);
	memcpy(out, &from->in.sin_port, 2); /* the port stands at the same place for both families */
	memcpy(out + 2, &to->in.sin_port, 2);
	put32(out + 4, seq);
	out[12] = PACKET_SYN / 4 << 4;
	out[13] = TH_SYN;
	out[14] = 0xff; /* window */
	if (from->any.sa_family == AF_INET)
		sum = add(add(sum, &from->in.sin_addr, 4), &to->in.sin_addr, 4);
	else
		sum = add(add(sum, &from->in6.sin6_addr, 16), &to->in6.sin6_addr, 16);
	put_checksum(out + 16, add(sum, out, PACKET_SYN));
}

uint32_t packet_seq(const struct packet_key *key, uint32_t index, uint32_t attempt)
{
	return key->seq + attempt * key->count + index;
}

uint32_t packet_index(const struct packet_key *key, const uint8_t *payload, size_t size)
{
	uint32_t index;

	if (size < PACKET_PAYLOAD || memcmp(payload, key->magic, sizeof(key->magic)) != 0)
		return PACKET_UNKNOWN;
	index = get32(payload + 8);
	return index < key->count ? index : PACKET_UNKNOWN;
}

/* A sequence number is one of ours if it lies where the first thousand attempts do. */
static uint32_t seq_index(const struct packet_key *key, uint32_t seq)
{
	uint32_t offset = seq - key->seq;

	return offset / key->count < 1000 ? offset % key->count : PACKET_UNKNOWN;
}

/* The probe that an ICMP error quotes: `quote` begins with the IP header of the packet that was refused. */
static void read_quote(const struct packet_key *key, int family, const uint8_t *quote, size_t size, struct packet_seen *seen)
{
	size_t header = family == AF_INET ? (size > 0 ? (size_t)(quote[0] & 15) * 4 : 0) : sizeof(struct ip6_hdr);
	const uint8_t *inner = quote + header;

	if (header < (family == AF_INET ? sizeof(struct ip) : sizeof(struct ip6_hdr)) || size < header + 8)
		return;
	size -= header;
	if (family == AF_INET) {
		seen->proto = quote[9];
		seen->target.in.sin_family = AF_INET;
		memcpy(&seen->target.in.sin_addr, quote + 16, 4);
	} else {
		seen->proto = quote[6] == IPPROTO_ICMPV6 ? IPPROTO_ICMP : quote[6];
		seen->target.in6.sin6_family = AF_INET6;
		memcpy(&seen->target.in6.sin6_addr, quote + 24, 16);
	}
	seen->index = PACKET_UNKNOWN;
	switch (seen->proto) {
	case IPPROTO_TCP:
		seen->index = seq_index(key, get32(inner + 4));
		break;
	case IPPROTO_UDP:
		seen->index = packet_index(key, inner + 8, size - 8);
		seen->sport = get16(inner);
		seen->target.in.sin_port = htons(get16(inner + 2)); /* the port stands at the same place for both families */
		break;
	case IPPROTO_ICMP:
		if (inner[0] == (family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
			seen->index = packet_index(key, inner + 8, size - 8);
		break;
	default:
		return;
	}
	if (seen->index != PACKET_UNKNOWN || seen->proto == IPPROTO_UDP)
		seen->kind = PACKET_ERROR;
}

static bool is_error(int family, uint8_t type)
{
	if (family == AF_INET6)
		return type < 128;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static void read_icmp(const struct packet_key *key, int family, const uint8_t *data, size_t size, struct packet_seen *seen)
{
	if (size < 8)
		return;
	if (is_error(family, data[0])) {
		seen->type = data[0];
		seen->code = data[1];
		read_quote(key, family, data + 8, size - 8, seen);
		return;
	}
	if (data[0] == (family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		seen->kind = PACKET_PROBE;
	else if (data[0] == (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY))
		seen->kind = PACKET_REPLY;
	seen->index = packet_index(key, data + 8, size - 8);
}

void packet_read(const struct packet_key *key, int family, int proto, const uint8_t *data, size_t size, struct packet_seen *seen)
{
	*seen = (struct packet_seen){ .kind = PACKET_NONE, .index = PACKET_UNKNOWN, .proto = proto };
	if (family == AF_INET) { /* raw IPv4 sockets give the IP header, raw IPv6 ones do not */
		size_t header = size > 0 ? (size_t)(data[0] & 15) * 4 : 0;

		if (header < sizeof(struct ip) || header > size)
			return;
		data += header;
		size -= header;
	}
	switch (proto) {
	case IPPROTO_ICMP:
		read_icmp(key, family, data, size, seen);
		break;
	case IPPROTO_TCP:
		if (size >= sizeof(struct tcphdr) && (data[13] & (TH_SYN | TH_ACK)) == TH_SYN) {
			seen->index = seq_index(key, get32(data + 4));
			seen->kind = PACKET_PROBE;
		}
		break;
	case IPPROTO_UDP:
		if (size >= 8) {
			seen->index = packet_index(key, data + 8, size - 8);
			seen->kind = PACKET_PROBE;
		}
		break;
	default:
		break;
	}
	if (seen->kind != PACKET_ERROR && seen->index == PACKET_UNKNOWN)
		seen->kind = PACKET_NONE;
}

/*
 * Index register X = length of the IP header (0 for IPv6, whose raw sockets begin behind it); A = the byte or word at X + offset.
 * ACCEPT and REFUSE are the last two instructions of every program.
 */
#define LOAD_IP4 BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
#define LOAD_IP6 BPF_STMT(BPF_LDX | BPF_IMM, 0)
#define BYTE(offset) BPF_STMT(BPF_LD | BPF_B | BPF_IND, offset)
#define WORD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_IND, offset)
#define SAME(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define MASK(value) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value)
#define ACCEPT BPF_STMT(BPF_RET | BPF_K, 0xffff)
#define REFUSE BPF_STMT(BPF_RET | BPF_K, 0)

static int attach(int fd, struct sock_filter *code, size_t n)
{
	struct sock_fprog program = { .len = (unsigned short)n, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

#define ATTACH(fd, code) attach(fd, code, sizeof(code) / sizeof(*(code)))

int packet_filter(const struct packet_key *key, int family, int proto, int fd)
{
	const struct sock_filter ip = family == AF_INET ? (struct sock_filter)LOAD_IP4 : (struct sock_filter)LOAD_IP6;
	uint32_t first = get32(key->magic), second = get32(key->magic + 4);
	struct sock_filter syn[] = { ip, BYTE(13), MASK(TH_SYN | TH_ACK), SAME(TH_SYN, 0, 1), ACCEPT, REFUSE };
	struct sock_filter datagram[] = { ip, WORD(8), SAME(first, 0, 3), WORD(12), SAME(second, 0, 1), ACCEPT, REFUSE };
	struct sock_filter icmp4[] = {
		ip, BYTE(0), SAME(ICMP_DEST_UNREACH, 8, 0), SAME(ICMP_TIME_EXCEEDED, 7, 0),
		SAME(ICMP_PARAMETERPROB, 6, 0), SAME(ICMP_ECHO, 1, 0), SAME(ICMP_ECHOREPLY, 0, 5),
		WORD(8), SAME(first, 0, 3), WORD(12), SAME(second, 0, 1), ACCEPT, REFUSE,
	};
	struct sock_filter icmp6[] = {
		ip, BYTE(0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 0, 6), SAME(ICMP6_ECHO_REQUEST, 1, 0), SAME(ICMP6_ECHO_REPLY, 0, 5),
		WORD(8), SAME(first, 0, 3), WORD(12), SAME(second, 0, 1), ACCEPT, REFUSE,
	};

	if (proto == IPPROTO_TCP)
		return ATTACH(fd, syn);
	if (proto == IPPROTO_UDP)
		return ATTACH(fd, datagram);
	return family == AF_INET ? ATTACH(fd, icmp4) : ATTACH(fd, icmp6);
}
