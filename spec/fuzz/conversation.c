/* SPDX-License-Identifier: MIT */
/*
 * conversation.c - fuzz target: any answers of the kernel's to any verb
 *
 * The library's netlink socket is one end of a socket pair whose other end says what the input has: acks, extended acks, dumps in pieces,
 * interrupted ones, messages of others. Input: the object and the verb; then datagrams, each with its length and which of the coming
 * requests its messages are made to answer. Nothing blocks, since an end without data gives EAGAIN.
 */
#include "fuzz.h"

#include "../../src/packet/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ours = -1, theirs = -1;
static struct nlsock sock = { .fd = -1 };

static void open_pair(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		fuzz_fail("socketpair: %s", strerror(errno));
	ours = ends[0];
	theirs = ends[1];
	sock = (struct nlsock){ .fd = ours };
}

static void drain(int fd)
{
	static char scrap[1 << 18];

	while (recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT) >= 0)
		;
}

/* The messages of a datagram are given the sequence number that is asked for. */
static void send_answer(struct input bytes, uint32_t seq)
{
	static uint8_t out[1 << 16];
	size_t at = 0;

	memcpy(out, bytes.data, bytes.size);
	while (bytes.size - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t step;

		memcpy(&h, out + at, sizeof(h));
		h.nlmsg_seq = seq;
		memcpy(out + at, &h, sizeof(h));
		step = NLMSG_ALIGN((size_t)h.nlmsg_len);
		if (step < sizeof(h) || step > bytes.size - at)
			break;
		at += step;
	}
	if (send(theirs, out, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != EMSGSIZE)
		fuzz_fail("send: %s", strerror(errno));
}

/* Push what each object's verbs are asked with. */
static void push_specs(lua_State *L, const struct rtnl_object *object, bool one)
{
	static const struct {
		const char *object, *code;
	} specs[] = {
		{ "link", "return { { name = 'a', kind = 'bridge', alias = 'x' }, { name = 'b', kind = 'veth', peer = { name = 'c', up = true } } }" },
		{ "addr", "return { { dev = 'a', addr = '10.0.0.1/24' }, { dev = 'a', addr = 'fd00::1/64' }, { dev = 'b', addr = '10.0.0.2/24' } }" },
		{ "route", "return { { dst = 'default', via = '10.0.0.1' }, { dst = 'fd00::/8', dev = 'a' }, { dst = '10.0.0.0/8', dev = 'b' } }" },
		{ "rule", "return { { priority = 100, from = '10.0.0.0/8', table = 5 }, { priority = 101, iif = 'a', action = 'prohibit' } }" },
		{ "neigh", "return { { dev = 'a', dst = '10.0.0.2', lladdr = '02:00:00:00:00:01' }, { dev = 'a', dst = 'fd00::2', proxy = true } }" },
		{ "fdb", "return { { dev = 'a', lladdr = '02:00:00:00:00:01' }, { dev = 'b', lladdr = '02:00:00:00:00:02' } }" },
		{ "qdisc", "return { { dev = 'a', kind = 'htb', handle = '1:' }, { dev = 'b', kind = 'tbf', data = { rate = 1e6, burst = 2000, limit = 3000 } } }" },
		{ "class", "return { { dev = 'a', classid = '1:1', kind = 'htb', data = { rate = '1mbit' } } }" },
		{ "ntable", "return { { dev = 'a', name = 'arp_cache', retrans = 100 }, { dev = 'a', family = 'inet6', queue = 5 } }" },
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++)
		if (strcmp(specs[i].object, object->name) == 0 && luaL_dostring(L, specs[i].code))
			fuzz_fail("%s", lua_tostring(L, -1));
	if (one) {
		lua_rawgeti(L, -1, 1);
		lua_remove(L, -2);
	}
}

static int run(lua_State *L)
{
	struct input *in = lua_touserdata(L, 1);
	const struct rtnl_object *object = fuzz_objects[input_byte(in) % FUZZ_OBJECTS];
	unsigned int verb = input_byte(in);
	union address target = { 0 };
	struct path path;
	struct rtnl r;

	while (in->size > 0) {
		uint32_t ahead = input_byte(in) % 8;
		size_t length = (size_t)input_number(in, 2);

		send_answer(input_run(in, length), sock.seq + 1 + ahead);
	}
	rtnl_init(&r, L, object, &sock, "talk", "fuzz");
	switch (verb % 8) {
	case 0:
		rtnl_list(&r, 0);
		break;
	case 1:
		lua_pushstring(L, object == &rtnl_link ? "a" : object == &rtnl_addr ? "10.0.0.1/24" : "10.0.0.0/8");
		rtnl_get(&r, rtnl_spec(&r, -1));
		break;
	case 2:
		rtnl_flush(&r, 0);
		break;
	case 3:
		lua_pushliteral(L, "10.0.0.1");
		rtnl_route_lookup(&r, lua_gettop(L));
		break;
	case 7:
		target.in.sin_family = AF_INET;
		target.in.sin_addr.s_addr = htonl(0x0a000001);
		path_ask(&sock, &target, &path);
		break;
	default:
		push_specs(L, object, verb & 8);
		rtnl_apply(&r, lua_gettop(L), (enum rtnl_verb)(verb % 8 - 4 + (verb >> 4) % 2));
		break;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ours < 0)
		open_pair();
	fuzz_call(run, &(struct input){ data, size });
	drain(ours);
	drain(theirs);
	return 0;
}
