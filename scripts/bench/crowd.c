/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - floor: SIZE hosts on one switch, each sends an echo to every other; what arrives is seen in the receiver, and the reply in the
 * sender
 *
 * A raw socket for each host does all three. The hosts do not know each other's link-layer addresses yet. Only the echoes are timed.
 */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BRIDGE = 100, FIRST = 101, ETH0 = 2, PATIENCE = 5000, SENDS_BETWEEN_READS = 32, REQUEST = 8, REPLY = 0 };

struct echo {
	uint8_t type, code;
	uint16_t sum, id, seq;
	uint32_t index;
};

static struct pollfd *hosts;
static int count, left;
static uint8_t *seen; /* of each pair: 1 the request, 2 the reply */

static uint32_t address_of(int host)
{
	return htonl(10u << 24 | (uint32_t)(host + 1));
}

static void make_bridge(int hub)
{
	struct ifinfomsg body = { .ifi_index = BRIDGE, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	char buf[1024];
	size_t used = 0;
	struct nlmsghdr *h = floor_message(buf, &used, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));
	struct nlattr *info;

	mnl_attr_put_strz(h, IFLA_IFNAME, "br0");
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(h, info);
	floor_finish(h, &used);
	floor_talk(hub, buf, used, 1);
}

/* The thread is in the host's namespace afterwards. */
static void make_host(int hub, int host)
{
	struct ifinfomsg body = { .ifi_index = FIRST + host };
	int netns = floor_netns(), there = floor_netlink();
	char buf[1024], name[16];
	size_t used = 0;
	struct nlmsghdr *h;

	snprintf(name, sizeof(name), "h%d", host);
	floor_veth(buf, &used, name, FIRST + host, "eth0", ETH0, netns);
	h = floor_message(buf, &used, RTM_NEWLINK, NLM_F_ACK, &body, sizeof(body));
	mnl_attr_put_u32(h, IFLA_MASTER, BRIDGE);
	floor_finish(h, &used);
	floor_talk(hub, buf, used, 2);
	used = 0;
	floor_up(buf, &used, ETH0);
	floor_addr(buf, &used, ETH0, 0, (unsigned int)host + 1);
	floor_talk(there, buf, used, 2);
	floor_wait_up(there, ETH0);
	floor_wait_up(hub, FIRST + host);
}

static void open_host(int host)
{
	int fd = floor_check(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP), "socket"), size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	hosts[host] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void read_host(int fd)
{
	char buf[2048];
	struct echo echo;
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), 0)) >= 20 + (ssize_t)sizeof(echo)) {
		memcpy(&echo, buf + (buf[0] & 15) * 4, sizeof(echo));
		if (echo.index >= (uint32_t)(count * count) || (echo.type != REQUEST && echo.type != REPLY))
			continue;
		seen[echo.index] |= echo.type == REQUEST ? 1 : 2;
		if (seen[echo.index] == 3) {
			seen[echo.index] = 7;
			left--;
		}
	}
}

static void collect(int timeout)
{
	while (left > 0 && poll(hosts, (nfds_t)count, timeout) > 0) {
		timeout = 0;
		for (int i = 0; i < count; i++)
			if (hosts[i].revents)
				read_host(hosts[i].fd);
	}
}

static void send_echo(int from, int to)
{
	struct echo echo = { .type = REQUEST, .id = htons(7), .seq = htons((uint16_t)to), .index = (uint32_t)(from * count + to) };
	struct sockaddr_in target = { .sin_family = AF_INET, .sin_addr.s_addr = address_of(to) };
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(echo); i += 2) {
		uint16_t word;

		memcpy(&word, (const char *)&echo + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	echo.sum = (uint16_t)(~(sum + (sum >> 16)) & 0xffff);
	floor_check((int)sendto(hosts[from].fd, &echo, sizeof(echo), 0, (struct sockaddr *)&target, sizeof(target)), "echo");
}

int main(int argc, char **argv)
{
	double start;
	int hub, sends = 0, before;

	count = floor_size(argc, argv);
	hosts = calloc((size_t)count, sizeof(*hosts));
	seen = calloc((size_t)(count * count), 1);
	if (!hosts || !seen)
		floor_die("memory");
	floor_netns();
	hub = floor_netlink();
	make_bridge(hub);
	for (int i = 0; i < count; i++) {
		make_host(hub, i);
		open_host(i);
	}
	left = count * (count - 1);
	start = floor_now();
	for (int from = 0; from < count; from++)
		for (int to = 0; to < count; to++) {
			if (from == to)
				continue;
			send_echo(from, to);
			if (++sends % SENDS_BETWEEN_READS == 0)
				collect(0);
		}
	do {
		before = left;
		collect(PATIENCE);
	} while (left > 0 && left < before);
	if (left > 0) {
		errno = ETIMEDOUT;
		floor_die("nothing more arrives");
	}
	floor_print(start);
	return 0;
}
