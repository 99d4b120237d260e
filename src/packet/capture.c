/* SPDX-License-Identifier: MIT */
/*
 * capture.c - ns:capture: what crosses the links of a namespace, into a file
 *
 * Frames wait in memory (ring.c) and are written when the script asks for it and at the end: no thread and no process is at work in
 * between. How many found no room is counted.
 */
#include "capture.h"

#include "../lua/args.h"
#include "../lua/error.h"
#include "../lua/handle.h"
#include "../lua/sigpipe.h"
#include "../namespace/ns.h"
#include "pcap.h"
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPTURE_TYPE "netns.capture"

struct options {
	int has_dev;
	const char *dev, *file, *filter;
	lua_Integer snaplen, buffer;
};

struct capture {
	struct ring ring;
	FILE *file; /* NULL once closed */
	struct bpf *bpf;
	uint8_t *bytes; /* where a frame is put together */
	enum pcap_link link;
	uint32_t snaplen;
	lua_Integer written, filtered;
	pid_t owner; /* a copy of it that fork() made leaves socket and file alone */
	char path[256], label[NS_LABEL_SIZE];
};

static const struct args_row rows[] = {
	{ .key = "dev", .type = ARGS_ANY, .offset = offsetof(struct options, has_dev) },
	{ .key = "file", .type = ARGS_STRING, .offset = offsetof(struct options, file), .min = 1, .required = true },
	{ .key = "filter", .type = ARGS_STRING, .offset = offsetof(struct options, filter) },
	{ .key = "snaplen", .type = ARGS_INTEGER, .offset = offsetof(struct options, snaplen), .min = 1, .max = PCAP_SNAPLEN },
	{ .key = "buffer", .type = ARGS_INTEGER, .offset = offsetof(struct options, buffer), .min = 1, .max = 1 << 30 },
	{ NULL },
};

static struct capture *check(lua_State *L, const char *op)
{
	struct capture *c = args_self(L, CAPTURE_TYPE, op);

	if (!c->file)
		error_closed(L, op);
	if (c->owner != getpid())
		error_raise(L, &(struct error){ .op = op, .attr = "self", .errnum = ECHILD, .message = "it belongs to the process that made it" });
	return c;
}

/* ---- without a lua_State ---- */

/* A frame on a loopback link is seen twice, going out and coming in. */
static bool again(const struct sockaddr_ll *from)
{
	return from->sll_hatype == ARPHRD_LOOPBACK && from->sll_pkttype == PACKET_OUTGOING;
}

static int put(void *data, const struct tpacket3_hdr *h)
{
	struct capture *c = data;
	struct pcap_frame frame;
	int code;

	if (again(ring_from(h)))
		return 0;
	pcap_assemble(&frame, c->bytes, c->link, h);
	if (c->bpf && !bpf_matches(c->bpf, &frame, c->bytes)) {
		c->filtered++;
		return 0;
	}
	code = pcap_write(c->file, &frame, c->bytes, c->snaplen);
	if (code == 0)
		c->written++;
	return code;
}

/* Write what has come: 0 or -errno. The file may be a pipe to who looks at it. */
static int write_all(struct capture *c)
{
	struct sigpipe held;
	int code;

	sigpipe_hold(&held);
	code = ring_read(&c->ring, put, c);
	if (code == 0 && fflush(c->file))
		code = -errno;
	sigpipe_release(&held, code == -EPIPE);
	return code;
}

/* Nothing is left to write, unless that has failed. */
static int close_file(struct capture *c)
{
	struct sigpipe held;
	int code;

	sigpipe_hold(&held);
	code = fclose(c->file) ? -errno : 0;
	sigpipe_release(&held, code == -EPIPE);
	return code;
}

/* What is in memory is written first; 0 or -errno, and again is nothing. */
static int finish(struct capture *c)
{
	int code = 0;

	if (c->file && c->owner == getpid()) {
		int closing;

		ring_stop(&c->ring);
		code = write_all(c);
		closing = close_file(c);
		code = code ? code : closing;
	} else if (c->file) {
		__fpurge(c->file);
		fclose(c->file);
	}
	c->file = NULL;
	ring_close(&c->ring);
	bpf_free(c->bpf);
	c->bpf = NULL;
	free(c->bytes);
	c->bytes = NULL;
	return code;
}

/* The link that is meant: its index, and how its frames begin. 0 or -errno. */
static int look_at(int fd, const char *dev, int *ifindex, enum pcap_link *link)
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, dev, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return -errno;
	*ifindex = request.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER || request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK)
		*link = PCAP_ETHERNET;
	return 0;
}

/* ---- with one ---- */

static int fail(lua_State *L, const struct capture *c, const char *op, const char *subject, int code, const char *message)
{
	return error_raise(L, &(struct error){ .op = op, .subject = subject, .netns = c->label, .errnum = -code, .message = message });
}

/* The packet socket, of the type that the link's frames need; returns the link's index, 0 for all. */
static int open_socket(lua_State *L, struct capture *c, const struct ns *ns, const char *dev)
{
	int ifindex = 0, code;

	c->ring.fd = ns_socket(ns, AF_PACKET, dev ? SOCK_RAW : SOCK_DGRAM, 0);
	if (c->ring.fd < 0) {
		code = c->ring.fd;
		c->ring.fd = -1;
		fail(L, c, "capture", dev, code, "packet socket");
	}
	if (!dev)
		return 0;
	code = look_at(c->ring.fd, dev, &ifindex, &c->link);
	if (code < 0)
		error_raise(L, &(struct error){ .op = "capture", .subject = dev, .netns = c->label, .errnum = -code, .attr = "dev",
			.message = code == -ENODEV ? "no such link in this namespace" : NULL });
	if (c->link == PCAP_COOKED) {
		ring_close(&c->ring);
		open_socket(L, c, ns, NULL);
	}
	return ifindex;
}

static void compile(lua_State *L, struct capture *c, const char *text)
{
	char why[256];
	bool missing;

	c->bpf = bpf_compile(text, c->link, why, sizeof(why), &missing);
	if (c->bpf)
		return;
	if (missing)
		error_raise(L, &(struct error){ .op = "capture", .errnum = ENOPKG, .attr = "filter",
			.message = "filters are compiled by libpcap, which is not installed",
			.hint = "install libpcap (Debian: libpcap0.8), or capture without a filter" });
	error_misuse(L, "capture", "filter", "%s", why);
}

/* ns:capture { file =, dev =, filter =, snaplen =, buffer = } -> capture */
static int m_capture(lua_State *L)
{
	struct options options = { .snaplen = PCAP_SNAPLEN, .buffer = 8 << 20 };
	const struct ns *ns = ns_check(L, 1, "capture", "self");
	char label[NS_LABEL_SIZE];
	struct capture *c;
	int ifindex, fd, code;

	lua_settop(L, 2);
	args_read(L, 2, "capture", rows, &options, false);
	lua_pushliteral(L, "dev");
	lua_rawget(L, 2);
	if (options.has_dev)
		options.dev = args_ifname(L, 3, &(struct args_at){ .op = "capture", .key = "dev" });
	c = lua_newuserdatauv(L, sizeof(*c), 0);
	*c = (struct capture){ .ring = { .fd = -1 }, .link = PCAP_COOKED, .snaplen = (uint32_t)options.snaplen,
		.owner = getpid() };
	luaL_setmetatable(L, CAPTURE_TYPE);
	snprintf(c->label, sizeof(c->label), "%s", ns_label(ns, label));
	snprintf(c->path, sizeof(c->path), "%s", options.file);
	ifindex = open_socket(L, c, ns, options.dev);
	if (options.filter)
		compile(L, c, options.filter);
	c->bytes = malloc(PCAP_ROOM);
	if (!c->bytes)
		return luaL_error(L, "not enough memory");
	code = ring_open(&c->ring, (size_t)options.buffer, c->bpf ? PCAP_SNAPLEN : c->snaplen);
	if (code < 0)
		return fail(L, c, "capture", options.dev, code, "memory for frames");
	fd = handle_safefd(open(options.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (fd < 0)
		return fail(L, c, "capture", options.file, -errno, NULL);
	c->file = fdopen(fd, "we");
	if (!c->file) {
		code = -errno;
		close(fd);
		return fail(L, c, "capture", options.file, code, NULL);
	}
	code = pcap_begin(c->file, c->link, c->snaplen);
	if (code == 0)
		code = ring_start(&c->ring, ifindex);
	if (code < 0)
		return fail(L, c, "capture", options.dev, code, NULL);
	return 1;
}

static int push_counts(lua_State *L, const struct capture *c)
{
	lua_createtable(L, 0, 3);
	lua_pushinteger(L, c->written);
	lua_setfield(L, -2, "packets");
	lua_pushinteger(L, c->filtered);
	lua_setfield(L, -2, "filtered");
	lua_pushinteger(L, (lua_Integer)c->ring.dropped);
	lua_setfield(L, -2, "dropped");
	return 1;
}

/* c:flush() -> counts */
static int m_flush(lua_State *L)
{
	struct capture *c = check(L, "capture flush");
	int code = write_all(c);

	return code < 0 ? fail(L, c, "capture flush", c->path, code, NULL) : push_counts(L, c);
}

/* c:stop() -> counts */
static int m_stop(lua_State *L)
{
	struct capture *c = args_self(L, CAPTURE_TYPE, "capture stop");
	int code = finish(c);

	return code < 0 ? fail(L, c, "capture stop", c->path, code, NULL) : push_counts(L, c);
}

static int m_close(lua_State *L)
{
	finish(args_self(L, CAPTURE_TYPE, "capture close"));
	return 0;
}

/* c:pollfd(), c:events(): ready when much waits to be written; the protocol of cqueues */
static int m_pollfd(lua_State *L)
{
	lua_pushinteger(L, check(L, "capture pollfd")->ring.fd);
	return 1;
}

static int m_events(lua_State *L)
{
	check(L, "capture events");
	lua_pushliteral(L, "r");
	return 1;
}

static int mm_tostring(lua_State *L)
{
	const struct capture *c = luaL_checkudata(L, 1, CAPTURE_TYPE);

	lua_pushfstring(L, CAPTURE_TYPE " (%s)", c->file ? c->path : "closed");
	return 1;
}

void capture_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "capture", m_capture }, { NULL, NULL } };
	static const luaL_Reg methods[] = {
		{ "flush", m_flush }, { "stop", m_stop }, { "close", m_close }, { "pollfd", m_pollfd }, { "events", m_events }, { NULL, NULL },
	};
	static const luaL_Reg meta[] = { { "__tostring", mm_tostring }, { "__gc", m_close }, { "__close", m_close }, { NULL, NULL } };

	if (handle_new(L, CAPTURE_TYPE, meta)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		handle_register(L, CAPTURE_TYPE);
	}
	lua_createtable(L, 0, 2);
	lua_getfield(L, -2, "__index");
	lua_setfield(L, -2, "methods");
	args_push_schema(L, rows);
	lua_setfield(L, -2, "options");
	lua_setfield(L, -3, "capture");
	lua_pop(L, 1);
	ns_add_methods(L, functions);
}
