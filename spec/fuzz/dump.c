/* SPDX-License-Identifier: MIT */
/*
 * dump.c - writes what the kernel says of the namespace that it runs in: seeds for the fuzz targets
 *
 *   fuzz-dump DIRECTORY
 *
 * DIRECTORY/decode gets a file for each message, DIRECTORY/conversation one for each piece of a dump and each refusal. Both must be there.
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *directory;
static unsigned int count;

static FILE *open_file(const char *target)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%03u", directory, target, ++count);
	f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

/* Which object, a verb (list), then one datagram: answers of the first request. */
static void write_conversation(uint8_t object, uint8_t verb, const void *data, size_t size)
{
	FILE *f = open_file("conversation");
	uint8_t head[] = { object, verb, 0, (uint8_t)size, (uint8_t)(size >> 8) };

	fwrite(head, 1, sizeof(head), f);
	fwrite(data, 1, size, f);
	fclose(f);
}

static void write_message(uint8_t object, const struct nlmsghdr *h)
{
	FILE *f = open_file("decode");
	uint8_t head[] = { object, 40, 0, 0, 0 };

	fwrite(head, 1, sizeof(head), f);
	fwrite(h, 1, h->nlmsg_len, f);
	fclose(f);
}

/* Send a request and write all that comes back, until it is done or acknowledged. */
static void ask(int fd, uint8_t object, uint8_t verb, uint16_t type, uint16_t flags, size_t header, const void *body)
{
	static _Alignas(8) char in[32768];
	struct {
		struct nlmsghdr h;
		char body[64];
	} request = { .h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(header), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags } };

	memcpy(request.body, body, header);
	if (send(fd, &request, request.h.nlmsg_len, 0) < 0) {
		perror("fuzz-dump: send");
		exit(1);
	}
	for (bool more = true; more;) {
		ssize_t got = recv(fd, in, sizeof(in), 0);
		size_t left = got > 0 ? (size_t)got : 0;

		if (got < 0) {
			perror("fuzz-dump: recv");
			exit(1);
		}
		write_conversation(object, verb, in, left);
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)in; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				more = false;
			else
				write_message(object, h);
		}
	}
}

int main(int argc, char **argv)
{
	static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;
	static const char body[64], inet6[64] = { AF_INET6 }, inet[64] = { AF_INET }, bridge[64] = { AF_BRIDGE };
	struct tcmsg link = { .tcm_ifindex = (int)if_nametoindex("v0") };

	if (argc != 2 || fd < 0) {
		fprintf(stderr, "usage: fuzz-dump DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(fd, SOL_NETLINK, options[i], &one, sizeof(one));
	for (uint8_t i = 0; i < FUZZ_OBJECTS; i++) {
		const struct rtnl_object *o = fuzz_objects[i];

		const void *first = o->families ? inet : body;

		if (o == &rtnl_fdb || o == &rtnl_vlan)
			first = bridge;
		else if (o == &rtnl_class || o == &rtnl_filter)
			first = &link;
		ask(fd, i, 0, o->get, NLM_F_DUMP, o->header, first);
		if (o->families && o != &rtnl_fdb && o != &rtnl_filter)
			ask(fd, i, 0, o->get, NLM_F_DUMP, o->header, inet6);
		/* refusals: an empty request of each verb, with its extended ack */
		ask(fd, i, 4, o->new, NLM_F_ACK | NLM_F_CREATE, o->header, body);
		ask(fd, i, 4, o->del, NLM_F_ACK, o->header, body);
	}
	close(fd);
	return 0;
}
