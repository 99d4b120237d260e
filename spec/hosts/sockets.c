/* SPDX-License-Identifier: MIT */
/* sockets.c - sockets of every kind for spec/sockets_spec.lua: opens them, says "ready", and ends with its standard input */
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_one(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static int bound(int fd, const void *address, socklen_t size)
{
	if (bind(fd, address, size) < 0)
		err(1, "bind");
	return fd;
}

static struct sockaddr_in inet(const char *address, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

static struct sockaddr_in6 inet6(const char *address, int port)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	inet_pton(AF_INET6, address, &in.sin6_addr);
	return in;
}

/* `size`: of the name; one that begins with NUL is no file's. */
static socklen_t path(struct sockaddr_un *un, const char *name, size_t size)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(un->sun_path, name, size);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

int main(int argc, char **argv)
{
	struct sockaddr_in tcp = inet("127.0.0.1", 8000), udp = inet("0.0.0.0", 8001), on_lo = inet("127.0.0.1", 8002);
	struct sockaddr_in6 tcp6 = inet6("::", 8003), udp6 = inet6("::1", 8004);
	struct sockaddr_ll packet = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct sockaddr_un un;
	int fd, client, one = 1;
	socklen_t size;

	if (argc != 2)
		errx(2, "the path of a socket expected");
	fd = bound(open_one(AF_INET, SOCK_STREAM, 0), &tcp, sizeof(tcp));
	client = open_one(AF_INET, SOCK_STREAM, 0);
	if (listen(fd, 7) < 0 || connect(client, (struct sockaddr *)&tcp, sizeof(tcp)) < 0 || accept(fd, NULL, NULL) < 0)
		err(1, "tcp");
	if (write(client, "hello", 5) != 5)
		err(1, "write");
	fd = open_one(AF_INET6, SOCK_STREAM, 0);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 || listen(bound(fd, &tcp6, sizeof(tcp6)), 3) < 0)
		err(1, "tcp6");
	bound(open_one(AF_INET, SOCK_DGRAM, 0), &udp, sizeof(udp));
	fd = open_one(AF_INET, SOCK_DGRAM, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0)
		err(1, "bind to lo");
	bound(fd, &on_lo, sizeof(on_lo));
	bound(open_one(AF_INET6, SOCK_DGRAM, 0), &udp6, sizeof(udp6));
	open_one(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	open_one(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	size = path(&un, argv[1], strlen(argv[1]) + 1);
	bound(open_one(AF_UNIX, SOCK_DGRAM, 0), &un, size);
	size = path(&un, "\0abstract", 9);
	fd = bound(open_one(AF_UNIX, SOCK_STREAM, 0), &un, size);
	client = open_one(AF_UNIX, SOCK_STREAM, 0);
	if (listen(fd, 2) < 0 || connect(client, (struct sockaddr *)&un, size) < 0 || accept(fd, NULL, NULL) < 0)
		err(1, "unix");
	packet.sll_ifindex = (int)if_nametoindex("lo");
	bound(open_one(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)), &packet, sizeof(packet));
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &one, sizeof(one)) > 0)
		;
	return 0;
}
