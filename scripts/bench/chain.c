/* SPDX-License-Identifier: MIT */
/*
 * chain.c - floor: SIZE routers in a row, as a lab has them: a namespace each, a cable to the next one, an address at both ends and a route
 * to every cable that it has no end of. A send for each cable, one for the rest of each router.
 */
#include "floor.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { FIRST = 17, LEFT = 253, RIGHT = 254 }; /* the router right of a cable is host 253 of its network, the one left of it 254 */

static void route(char *buf, size_t *used, int index, int network, int over, int host)
{
	struct rtmsg body = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 24,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = RTN_UNICAST,
	};
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &body, sizeof(body));

	mnl_attr_put_u32(h, RTA_DST, htonl(10u << 24 | (unsigned int)network << 8));
	mnl_attr_put_u32(h, RTA_GATEWAY, htonl(10u << 24 | (unsigned int)over << 8 | (unsigned int)host));
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)index);
	floor_finish(h, used);
}

static int end_of_cable(char *buf, size_t *used, int index, int network, int host)
{
	floor_no_link_local(buf, used, index);
	floor_up(buf, used, index);
	floor_quick_neighbours(buf, used, AF_INET, index);
	floor_addr(buf, used, index, (unsigned int)network, (unsigned int)host);
	return 4;
}

/* Router i of n: cable i - 1 leads to the one on its left, cable i to the one on its right. */
static void furnish(int fd, int i, int n, char *buf)
{
	int right = i > 0 ? FIRST + 1 : FIRST, acks = 1;
	size_t used = 0;

	floor_up(buf, &used, 1);
	if (i > 0)
		acks += end_of_cable(buf, &used, FIRST, i - 1, LEFT);
	if (i < n - 1)
		acks += end_of_cable(buf, &used, right, i, RIGHT);
	for (int cable = 0; cable < n - 1; cable++) {
		if (cable == i - 1 || cable == i)
			continue;
		if (cable < i)
			route(buf, &used, FIRST, cable, i - 1, RIGHT);
		else
			route(buf, &used, right, cable, i, LEFT);
		acks++;
	}
	floor_talk(fd, buf, used, acks);
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), *netns = calloc((size_t)n, sizeof(int)), *sockets = calloc((size_t)n, sizeof(int));
	static char buf[65536];
	struct rlimit files;
	double start;

	if (!netns || !sockets)
		floor_die("calloc");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	start = floor_now();
	for (int i = 0; i < n; i++) {
		netns[i] = floor_netns();
		sockets[i] = floor_netlink();
		floor_write("/proc/sys/net/ipv4/icmp_ratemask", "0");
		if (n >= 60)
			floor_write("/proc/sys/net/ipv4/ip_default_ttl", "255");
		floor_write("/proc/sys/net/ipv4/ip_forward", "1");
	}
	for (int i = 0; i < n - 1; i++) {
		size_t used = 0;

		floor_veth(buf, &used, i > 0 ? "eth1" : "eth0", i > 0 ? FIRST + 1 : FIRST, "eth0", FIRST, netns[i + 1]);
		floor_talk(sockets[i], buf, used, 1);
	}
	for (int i = 0; i < n; i++)
		furnish(sockets[i], i, n, buf);
	floor_print(start);
	free(netns);
	free(sockets);
	return 0;
}
