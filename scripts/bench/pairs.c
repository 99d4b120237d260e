/* SPDX-License-Identifier: MIT */
/* pairs.c - floor: SIZE veth pairs between two namespaces, both ends addressed and up: two sends for each, one on either side */
#include "floor.h"

#include <stdio.h>

enum { FIRST_INDEX = 2 };

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv), here, there, netns;
	double start;

	floor_netns();
	here = floor_netlink();
	netns = floor_netns();
	there = floor_netlink();
	start = floor_now();
	for (int i = 0; i < n; i++) {
		int index = FIRST_INDEX + i;
		char buf[1024], name[16], peer[16];
		size_t used = 0;

		snprintf(name, sizeof(name), "a%d", i);
		snprintf(peer, sizeof(peer), "b%d", i);
		floor_veth(buf, &used, name, index, peer, index, netns);
		floor_addr(buf, &used, index, (unsigned int)i, 1);
		floor_talk(here, buf, used, 2);
		used = 0;
		floor_up(buf, &used, index);
		floor_addr(buf, &used, index, (unsigned int)i, 2);
		floor_talk(there, buf, used, 2);
	}
	floor_print(start);
	return 0;
}
