/* SPDX-License-Identifier: MIT */
/* routes.c - floor: SIZE routes of one namespace; "load": put them there, in large sends; "list": read them, and step over each attribute */
#include "floor.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

enum { INDEX = 2, BATCH = 500, READ_SIZE = 32768 };

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

/* An error is told unasked, so only the last of a send is asked about. */
static void load(int fd, int n)
{
	static char buf[BATCH * 64];

	for (int i = 0; i < n;) {
		size_t used = 0;

		for (int k = 0; k < BATCH && i < n; k++, i++)
			put_route(buf, &used, i, k == BATCH - 1 || i == n - 1 ? NLM_F_ACK : 0);
		floor_talk(fd, buf, used, 1);
	}
}

/* The number of routes; each attribute of each is looked at. */
static int list(int fd)
{
	static char buf[READ_SIZE];
	struct rtmsg all = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN };
	int routes = 0, attributes = 0;
	size_t used = 0;

	floor_finish(floor_message(buf, &used, RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all)), &used);
	floor_check((int)send(fd, buf, used, 0), "send");
	for (;;) {
		int got = floor_check((int)recv(fd, buf, sizeof(buf), 0), "recv");

		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; mnl_nlmsg_ok(h, got); h = mnl_nlmsg_next(h, &got)) {
			const struct nlattr *attr;

			if (h->nlmsg_type == NLMSG_DONE)
				return attributes > routes ? routes : 0;
			routes++;
			mnl_attr_for_each(attr, h, sizeof(struct rtmsg))
				attributes += mnl_attr_get_u32(attr) != 0;
		}
	}
}

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), netns = floor_netns(), fd = floor_netlink();
	char buf[1024];
	size_t used = 0;
	double start;

	floor_veth(buf, &used, "x", INDEX, "y", INDEX + 1, netns);
	floor_up(buf, &used, INDEX + 1);
	floor_talk(fd, buf, used, 2);
	start = floor_now();
	load(fd, n);
	if (argc > 2 && strcmp(argv[2], "list") == 0) {
		start = floor_now();
		if (list(fd) < n)
			floor_die("not all of them");
	}
	floor_print(start);
	return 0;
}
