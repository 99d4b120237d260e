/* SPDX-License-Identifier: MIT */
/*
 * star.c - floor: SIZE hosts on one switch, as lab.star makes them: a namespace each, a cable whose far end is made in place, the link-local
 * and two other addresses, quick neighbours, no limit on ICMP errors; for each host one send on either side. The switch comes up last.
 */
#include "floor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BRIDGE = 16, FIRST = 17 };

static void mac_of(int host, int side, uint8_t mac[6])
{
	memcpy(mac, (uint8_t[6]){ 2, (uint8_t)side, 0, 0, (uint8_t)(host >> 8), (uint8_t)host }, 6);
}

static void make_bridge(char *buf, size_t *used)
{
	struct ifinfomsg body = { .ifi_index = BRIDGE };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));
	struct nlattr *info;

	mnl_attr_put_strz(h, IFLA_IFNAME, "br0");
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(h, info);
	floor_finish(h, used);
}

static void one_queue(struct nlmsghdr *h)
{
	mnl_attr_put_u32(h, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(h, IFLA_NUM_RX_QUEUES, 1);
}

static void make_cable(char *buf, size_t *used, int host, int netns)
{
	struct ifinfomsg body = { .ifi_index = FIRST + host, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));
	struct nlattr *info, *data, *other;
	uint8_t mac[6];
	char name[16];

	snprintf(name, sizeof(name), "h%d", host + 1);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mac_of(host, 1, mac);
	mnl_attr_put(h, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(h, IFLA_MASTER, BRIDGE);
	one_queue(h);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(h, VETH_INFO_PEER);
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof(body)), &(struct ifinfomsg){ .ifi_index = FIRST }, sizeof(body));
	mnl_attr_put_strz(h, IFLA_IFNAME, "eth0");
	mac_of(host, 2, mac);
	mnl_attr_put(h, IFLA_ADDRESS, sizeof(mac), mac);
	one_queue(h);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_nest_end(h, other);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	floor_finish(h, used);
}

static void address(char *buf, size_t *used, int family, int length, const void *bytes, size_t size)
{
	struct ifaddrmsg body = {
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = (uint8_t)length,
		.ifa_index = FIRST,
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
	};
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));

	mnl_attr_put(h, IFA_LOCAL, size, bytes);
	mnl_attr_put(h, IFA_ADDRESS, size, bytes);
	floor_finish(h, used);
}

static void addresses(char *buf, size_t *used, int host)
{
	uint32_t number = htonl(10u << 24 | (uint32_t)(host + 1));
	uint8_t local[16] = { 0xfe, 0x80 }, global[16] = { 0xfd };

	memcpy(local + 12, &(uint32_t){ htonl((uint32_t)host + 1) }, 4);
	memcpy(global + 12, local + 12, 4);
	address(buf, used, AF_INET, 22, &number, sizeof(number));
	address(buf, used, AF_INET6, 64, local, sizeof(local));
	address(buf, used, AF_INET6, 64, global, sizeof(global));
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), hub;
	struct rlimit files;
	char buf[4096];
	size_t used = 0;
	double start;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	start = floor_now();
	floor_netns();
	hub = floor_netlink();
	floor_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	make_bridge(buf, &used);
	floor_up(buf, &used, 1);
	floor_talk(hub, buf, used, 2);
	for (int i = 0; i < n; i++) {
		int netns = floor_netns(), host = floor_netlink();

		floor_write("/proc/sys/net/ipv4/icmp_ratemask", "0");
		floor_write("/proc/sys/net/ipv6/icmp/ratelimit", "0");
		used = 0;
		make_cable(buf, &used, i, netns);
		floor_talk(hub, buf, used, 1);
		used = 0;
		floor_up(buf, &used, 1);
		floor_no_link_local(buf, &used, FIRST);
		floor_up(buf, &used, FIRST);
		floor_quick_neighbours(buf, &used, AF_INET, FIRST);
		floor_quick_neighbours(buf, &used, AF_INET6, FIRST);
		addresses(buf, &used, i);
		floor_talk(host, buf, used, 8);
	}
	used = 0;
	floor_up(buf, &used, BRIDGE);
	floor_talk(hub, buf, used, 1);
	floor_print(start);
	return 0;
}
