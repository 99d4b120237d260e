/* SPDX-License-Identifier: MIT */
/*
 * probes.c - floor: SIZE probes of mixed protocol from one namespace to another, each seen by the receiver and answered
 *
 * The same sockets as netns.probe: on either side raw ones that see what arrives, a listener for every port, a TCP socket of its own for
 * every connection, its sequence number set through TCP_REPAIR. A third each of echoes, connections and datagrams, over 50 ports.
 */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS = 50, FIRST_PORT = 8000, SENDS_BETWEEN_READS = 32, MAGIC = 0x6e65746e };
enum what { RAW_ICMP, RAW_TCP, RAW_UDP, RAW_ANSWERS, DATAGRAMS, TCP_PORT, UDP_PORT, CONNECTION };

struct probe {
	bool delivered, answered, done;
	int fd;
};

struct payload {
	uint32_t magic[2], index, attempt;
};

struct echo {
	uint8_t type, code;
	uint16_t sum, id, seq;
	struct payload payload;
};

static struct probe *probes;
static int count, left, epoll_fd;
static uint32_t first_seq = 1000;

static void note(uint32_t i, bool delivered)
{
	struct probe *p;

	if (i >= (uint32_t)count)
		return;
	p = &probes[i];
	p->delivered |= delivered;
	p->answered |= !delivered;
	if (p->done || !p->delivered || !p->answered)
		return;
	p->done = true;
	left--;
}

static void watch(int fd, enum what what, uint32_t index, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	floor_check(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static int open_socket(int type, int proto)
{
	return floor_check(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto), "socket");
}

/* The kernel passes only what begins with `value` at `offset` of the payload, masked. */
static int open_raw(int proto, enum what what, uint32_t offset, uint32_t mask, uint32_t value)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, offset),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };
	int fd = open_socket(SOCK_RAW, proto), size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	floor_check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "filter");
	watch(fd, what, (uint32_t)fd, EPOLLIN);
	return fd;
}

static struct sockaddr_in at_port(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(10u << 24 | 2) };
}

static void open_port(int type, int port)
{
	struct sockaddr_in here = at_port(port);
	int fd = open_socket(type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	floor_check(bind(fd, (struct sockaddr *)&here, sizeof(here)), "bind");
	if (type == SOCK_STREAM)
		floor_check(listen(fd, 4096), "listen");
	watch(fd, type == SOCK_STREAM ? TCP_PORT : UDP_PORT, (uint32_t)fd, EPOLLIN);
}

static void read_raw(int fd, enum what what)
{
	char buf[2048];
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), 0)) >= 20) {
		const char *inner = buf + (buf[0] & 15) * 4;
		uint32_t value;

		memcpy(&value, inner + (what == RAW_TCP ? 4 : 8 + offsetof(struct payload, index)), sizeof(value));
		note(what == RAW_TCP ? ntohl(value) - first_seq : value, what != RAW_ANSWERS);
	}
}

static void read_datagrams(int fd, bool serve)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	struct payload payload;

	while (recvfrom(fd, &payload, sizeof(payload), 0, (struct sockaddr *)&from, &size) == sizeof(payload)) {
		if (serve)
			sendto(fd, &payload, sizeof(payload), 0, (struct sockaddr *)&from, size);
		else
			note(payload.index, false);
	}
}

static void accept_all(int fd)
{
	int one;

	while ((one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		close(one);
}

static void connected(uint32_t index)
{
	struct linger reset = { .l_onoff = 1 };
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(probes[index].fd, SOL_SOCKET, SO_ERROR, &error, &size);
	errno = error;
	if (error)
		floor_die("connect");
	setsockopt(probes[index].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(probes[index].fd);
	note(index, false);
}

static void collect(int timeout)
{
	struct epoll_event events[64];
	int n;

	while ((n = epoll_wait(epoll_fd, events, 64, timeout)) > 0) {
		timeout = 0;
		for (int i = 0; i < n; i++) {
			enum what what = (enum what)(events[i].data.u64 >> 32);
			uint32_t index = (uint32_t)events[i].data.u64;

			if (what <= RAW_ANSWERS)
				read_raw((int)index, what);
			else if (what == DATAGRAMS || what == UDP_PORT)
				read_datagrams((int)index, what == UDP_PORT);
			else if (what == TCP_PORT)
				accept_all((int)index);
			else
				connected(index);
		}
	}
}

static uint16_t checksum(const void *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2) {
		uint16_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)(~sum & 0xffff);
}

static void send_probe(uint32_t i, int raw, int dgram)
{
	struct echo echo = { .type = 8, .id = 7, .seq = (uint16_t)i, .payload = { .magic = { htonl(MAGIC) }, .index = i } };
	int port = FIRST_PORT + (int)(i % PORTS), on = 1, off = 0, queue = TCP_SEND_QUEUE, *fd = &probes[i].fd;
	struct sockaddr_in to = at_port(i % 3 ? port : 0);
	uint32_t seq = first_seq + i;

	switch (i % 3) {
	case 0:
		echo.sum = checksum(&echo, sizeof(echo));
		floor_check((int)sendto(raw, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)), "echo");
		break;
	case 1:
		*fd = open_socket(SOCK_STREAM, 0);
		floor_check(setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), "TCP_REPAIR");
		floor_check(setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), "TCP_REPAIR_QUEUE");
		floor_check(setsockopt(*fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, sizeof(seq)), "TCP_QUEUE_SEQ");
		floor_check(setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), "TCP_REPAIR");
		if (connect(*fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
			floor_die("connect");
		watch(*fd, CONNECTION, i, EPOLLOUT);
		break;
	default:
		floor_check((int)sendto(dgram, &echo.payload, sizeof(echo.payload), 0, (struct sockaddr *)&to, sizeof(to)), "datagram");
		break;
	}
}

/* Two namespaces and a pair between them; the thread is in the second one afterwards. */
static void build(int netns[2])
{
	char buf[1024];
	size_t used = 0;
	int here, there;

	netns[0] = floor_netns();
	here = floor_netlink();
	netns[1] = floor_netns();
	there = floor_netlink();
	floor_veth(buf, &used, "a", 2, "b", 2, netns[1]);
	floor_addr(buf, &used, 2, 0, 1);
	floor_talk(here, buf, used, 2);
	used = 0;
	floor_up(buf, &used, 2);
	floor_addr(buf, &used, 2, 0, 2);
	floor_talk(there, buf, used, 2);
	floor_wait_up(here, 2);
	floor_wait_up(there, 2);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int netns[2], raw, dgram;
	double start;

	count = left = floor_size(argc, argv);
	probes = calloc((size_t)count, sizeof(*probes));
	if (!probes)
		floor_die("memory");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	build(netns);
	start = floor_now();
	epoll_fd = floor_check(epoll_create1(EPOLL_CLOEXEC), "epoll");
	open_raw(IPPROTO_ICMP, RAW_ICMP, 0, 0xff000000, 8u << 24);
	open_raw(IPPROTO_TCP, RAW_TCP, 12, 0x00120000, 0x00020000); /* SYN without ACK */
	open_raw(IPPROTO_UDP, RAW_UDP, 8, 0xffffffff, MAGIC);
	for (int i = 0; i < PORTS; i++) {
		open_port(SOCK_STREAM, FIRST_PORT + i);
		open_port(SOCK_DGRAM, FIRST_PORT + i);
	}
	floor_check(setns(netns[0], CLONE_NEWNET), "setns");
	raw = open_raw(IPPROTO_ICMP, RAW_ANSWERS, 0, 0xff000000, 0);
	dgram = open_socket(SOCK_DGRAM, 0);
	watch(dgram, DATAGRAMS, (uint32_t)dgram, EPOLLIN);
	for (int i = 0; i < count; i++) {
		send_probe((uint32_t)i, raw, dgram);
		if (i % SENDS_BETWEEN_READS == SENDS_BETWEEN_READS - 1)
			collect(0);
	}
	while (left > 0) {
		int before = left;

		collect(1000);
		errno = ETIMEDOUT;
		if (left == before)
			floor_die("nothing more arrives");
	}
	floor_print(start);
	return 0;
}
