/* SPDX-License-Identifier: MIT */
/* floor.c - what the floors share (floor.h) */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

double floor_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void floor_print(double start)
{
	printf("%.4f\n", floor_now() - start);
}

void floor_die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

int floor_check(int result, const char *what)
{
	if (result < 0)
		floor_die(what);
	return result;
}

int floor_size(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;

	if (n > 0)
		return n;
	fprintf(stderr, "usage: %s SIZE\n", argv[0]);
	exit(2);
}

void floor_write(const char *path, const char *text)
{
	int fd = floor_check(open(path, O_WRONLY | O_CLOEXEC), path);

	floor_check((int)write(fd, text, strlen(text)), path);
	close(fd);
}

int floor_netns(void)
{
	floor_check(unshare(CLONE_NEWNET), "unshare");
	return floor_check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "/proc/thread-self/ns/net");
}

int floor_netlink(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = floor_check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "socket"), one = 1;

	floor_check(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return fd;
}

struct nlmsghdr *floor_message(char *buf, size_t *used, uint16_t type, uint16_t flags, const void *header, size_t size)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf + *used);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(h, size), header, size);
	return h;
}

void floor_finish(const struct nlmsghdr *h, size_t *used)
{
	*used += MNL_ALIGN(h->nlmsg_len);
}

void floor_talk(int fd, char *buf, size_t used, int acks)
{
	char in[32768];

	floor_check((int)send(fd, buf, used, 0), "send");
	while (acks > 0) {
		int got = floor_check((int)recv(fd, in, sizeof(in), 0), "recv");

		for (struct nlmsghdr *h = (struct nlmsghdr *)in; mnl_nlmsg_ok(h, got); h = mnl_nlmsg_next(h, &got)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			errno = -e->error;
			if (e->error)
				floor_die("netlink");
			acks--;
		}
	}
}

static void one_queue(struct nlmsghdr *h)
{
	mnl_attr_put_u32(h, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(h, IFLA_NUM_RX_QUEUES, 1);
}

void floor_veth(char *buf, size_t *used, const char *name, int index, const char *peer, int peer_index, int netns)
{
	struct ifinfomsg body = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));
	struct nlattr *info, *data, *other;

	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	one_queue(h);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(h, VETH_INFO_PEER);
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof(body)), &(struct ifinfomsg){ .ifi_index = peer_index }, sizeof(body));
	mnl_attr_put_strz(h, IFLA_IFNAME, peer);
	one_queue(h);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_nest_end(h, other);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	floor_finish(h, used);
}

void floor_up(char *buf, size_t *used, int index)
{
	struct ifinfomsg body = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	floor_finish(floor_message(buf, used, RTM_NEWLINK, NLM_F_ACK, &body, sizeof(body)), used);
}

void floor_addr(char *buf, size_t *used, int index, unsigned int network, unsigned int host)
{
	struct ifaddrmsg body = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = (uint32_t)index };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));
	uint32_t address = htonl(10u << 24 | network << 8 | host);

	mnl_attr_put_u32(h, IFA_LOCAL, address);
	mnl_attr_put_u32(h, IFA_ADDRESS, address);
	floor_finish(h, used);
}

void floor_no_link_local(char *buf, size_t *used, int index)
{
	struct ifinfomsg body = { .ifi_index = index };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWLINK, NLM_F_ACK, &body, sizeof(body));
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC), *inet6 = mnl_attr_nest_start(h, AF_INET6);

	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, spec);
	floor_finish(h, used);
}

void floor_quick_neighbours(char *buf, size_t *used, int family, int index)
{
	struct ndtmsg body = { .ndtm_family = (uint8_t)family };
	struct nlmsghdr *h = floor_message(buf, used, RTM_SETNEIGHTBL, NLM_F_ACK, &body, sizeof(body));
	struct nlattr *parameters;

	mnl_attr_put_strz(h, NDTA_NAME, family == AF_INET ? "arp_cache" : "ndisc_cache");
	parameters = mnl_attr_nest_start(h, NDTA_PARMS);
	mnl_attr_put_u32(h, NDTPA_IFINDEX, (uint32_t)index);
	mnl_attr_put_u64(h, NDTPA_RETRANS_TIME, 50);
	mnl_attr_nest_end(h, parameters);
	floor_finish(h, used);
}

static int operstate(int fd, int index)
{
	struct ifinfomsg body = { .ifi_index = index };
	char buf[32768];
	size_t used = 0;
	const struct nlattr *attr;
	const struct nlmsghdr *h = floor_message(buf, &used, RTM_GETLINK, 0, &body, sizeof(body));

	floor_check((int)send(fd, buf, h->nlmsg_len, 0), "send");
	floor_check((int)recv(fd, buf, sizeof(buf), 0), "recv");
	mnl_attr_for_each(attr, h, sizeof(body)) {
		if (mnl_attr_get_type(attr) == IFLA_OPERSTATE)
			return mnl_attr_get_u8(attr);
	}
	return -1;
}

void floor_wait_up(int fd, int index)
{
	enum { UP = 6 };

	while (operstate(fd, index) != UP)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}
