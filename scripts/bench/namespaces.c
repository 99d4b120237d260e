/* SPDX-License-Identifier: MIT */
/* namespaces.c - floor: SIZE network namespaces, each held by a descriptor */
#include "floor.h"

int main(int argc, char **argv)
{
	int n = floor_size(argc, argv);
	double start = floor_now();

	for (int i = 0; i < n; i++)
		floor_netns();
	floor_print(start);
	return 0;
}
