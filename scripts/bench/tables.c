/* SPDX-License-Identifier: MIT */
/*
 * tables.c - floor: SIZE things of one namespace; "load": put routes there, in large sends; "routes", "addrs", "links": read those that are
 * there, and step over each attribute
 */
#include "floor.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

enum { INDEX = 2, BATCH = 400, ROOM = 64, READ_SIZE = 32768 };

static void put_route(char *buf, size_t *used, int i, uint16_t flags)
{
	struct rtmsg route = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | flags, &route, sizeof(route));

	mnl_attr_put_u32(h, RTA_DST, htonl(0x0b000000u + (uint32_t)i));
	mnl_attr_put_u32(h, RTA_OIF, INDEX);
	floor_finish(h, used);
}

static void put_addr(char *buf, size_t *used, int i, uint16_t flags)
{
	struct ifaddrmsg addr = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = INDEX };
	struct nlmsghdr *h = floor_message(buf, used, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | flags, &addr, sizeof(addr));

	mnl_attr_put_u32(h, IFA_LOCAL, htonl(0x0b000000u + (uint32_t)i));
	floor_finish(h, used);
}

/* An error is told unasked, so only the last of a send is asked about. */
static void load(int fd, int n, void (*put)(char *buf, size_t *used, int i, uint16_t flags))
{
	static char buf[BATCH * ROOM];

	for (int i = 0; i < n;) {
		size_t used = 0;

		for (int k = 0; k < BATCH && i < n; k++, i++)
			put(buf, &used, i, k == BATCH - 1 || i == n - 1 ? NLM_F_ACK : 0);
		floor_talk(fd, buf, used, 1);
	}
}

/* Pairs behind the first one, which is there. */
static void make_links(int fd, int n, int netns)
{
	for (int i = 1; i < n / 2; i++) {
		char buf[1024], name[16], peer[16];
		size_t used = 0;

		snprintf(name, sizeof(name), "x%d", i);
		snprintf(peer, sizeof(peer), "y%d", i);
		floor_veth(buf, &used, name, INDEX + 2 * i, peer, INDEX + 2 * i + 1, netns);
		floor_talk(fd, buf, used, 1);
	}
}

/* How many there are; each attribute of each is looked at. */
static int list(int fd, uint16_t type, const void *header, size_t size)
{
	static char buf[READ_SIZE];
	int things = 0, attributes = 0;
	size_t used = 0;

	floor_finish(floor_message(buf, &used, type, NLM_F_DUMP, header, size), &used);
	floor_check((int)send(fd, buf, used, 0), "send");
	for (;;) {
		int got = floor_check((int)recv(fd, buf, sizeof(buf), 0), "recv");

		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; mnl_nlmsg_ok(h, got); h = mnl_nlmsg_next(h, &got)) {
			const struct nlattr *attr;

			if (h->nlmsg_type == NLMSG_DONE)
				return attributes > things ? things : 0;
			things++;
			mnl_attr_for_each(attr, h, size)
				attributes += mnl_attr_get_u32(attr) != 0;
		}
	}
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), netns = floor_netns(), fd = floor_netlink(), found = n;
	const char *what = argc > 2 ? argv[2] : "load";
	struct ifaddrmsg addrs = { .ifa_family = AF_INET };
	struct rtmsg routes = { .rtm_family = AF_INET };
	struct ifinfomsg links = { 0 };
	char buf[1024];
	size_t used = 0;
	double start;

	floor_veth(buf, &used, "x", INDEX, "y", INDEX + 1, netns);
	floor_up(buf, &used, INDEX + 1);
	floor_talk(fd, buf, used, 2);
	if (strcmp(what, "addrs") == 0)
		load(fd, n, put_addr);
	else if (strcmp(what, "links") == 0)
		make_links(fd, n, netns);
	else if (strcmp(what, "routes") == 0)
		load(fd, n, put_route);
	start = floor_now();
	if (strcmp(what, "addrs") == 0)
		found = list(fd, RTM_GETADDR, &addrs, sizeof(addrs));
	else if (strcmp(what, "links") == 0)
		found = list(fd, RTM_GETLINK, &links, sizeof(links));
	else if (strcmp(what, "routes") == 0)
		found = list(fd, RTM_GETROUTE, &routes, sizeof(routes));
	else
		load(fd, n, put_route);
	floor_print(start);
	if (found < n)
		floor_die("not all of them");
	return 0;
}
