/* SPDX-License-Identifier: MIT */
/*
 * socket.c - talk to the kernel over a netlink socket
 *
 * The kernel answers a request inside the sender's sendmsg, so reading an ack never waits for long and EINTR is simply retried. One
 * buffer size serves all: 32 KiB is the largest piece in which the kernel hands out a dump. Of a batch only the last message is
 * acknowledged, since acks take time and a refusal is told unasked; it is cut so that refusals of all fit the receive buffer (256 fill the
 * default one; beyond that they are lost with ENOBUFS).
 *
 * Nothing here takes a lua_State. A reply is believed only when it comes from the kernel (nl_pid 0) and bears our sequence number; what is
 * left over from an earlier, broken conversation is read away. Lengths are checked unsigned, since mnl_nlmsg_ok() casts to int.
 */
#include "socket.h"

#include "attrs.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	READ_SIZE = 32768,
	BATCH_BYTES = 65536,
	DUMP_TRIES = 5,
	MAX_ERRNO = 4095,
};

int nlbuf_reserve(struct nlbuf *buf, size_t size)
{
	size_t room = buf->room ? buf->room : 4096;
	char *data;

	while (room - buf->size < size)
		room *= 2;
	if (room == buf->room)
		return 0;
	data = realloc(buf->data, room);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->room = room;
	return 0;
}

void nlbuf_free(struct nlbuf *buf)
{
	free(buf->data);
	*buf = (struct nlbuf){ 0 };
}

void nlsock_close(struct nlsock *s)
{
	int fd = s->fd;

	s->fd = -1;
	if (fd >= 0)
		close(fd);
}

int nlsock_init(struct nlsock *s, int fd)
{
	static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	struct sockaddr_nl kernel_chooses = { .nl_family = AF_NETLINK };
	int one = 1, error;

	/* A kernel without one of them (before 4.20) works all the same, with poorer errors: the result is not looked at. */
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(fd, SOL_NETLINK, options[i], &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&kernel_chooses, sizeof(kernel_chooses)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	s->fd = fd;
	s->seq = 0;
	return 0;
}

/* `n` bytes of requests at `data` go out in one system call. */
static int send_all(struct nlsock *s, void *data, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr m = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	do
		sent = sendmsg(s->fd, &m, 0);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? 0 : -EIO;
}

/* One datagram from the kernel into `to`; its size, or -errno. A cut one is -EMSGSIZE, a stranger's is skipped. */
static ssize_t receive(struct nlsock *s, void *to, size_t room, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = to, .iov_len = room };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t got = recvmsg(s->fd, &m, flags);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue;
		if (m.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return got;
	}
}

static bool message_ok(const struct nlmsghdr *h, size_t left)
{
	return left >= sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= left;
}

static struct nlmsghdr *message_next(struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);

	*left = step < *left ? *left - step : 0;
	return (struct nlmsghdr *)((char *)h + step);
}

/* What an error or a done message says. Returns -errno, 0 for an ack. */
static int parse_ack(const struct nlmsghdr *h, struct nlerror *e)
{
	bool is_done = h->nlmsg_type == NLMSG_DONE;
	size_t fixed = is_done ? sizeof(int) : sizeof(struct nlmsgerr);
	const struct nlmsgerr *body = mnl_nlmsg_get_payload(h);
	const struct nlattr *attr;
	struct codec_span rest;
	size_t skip = fixed;
	int code;

	memset(e, 0, sizeof(*e));
	if (h->nlmsg_len < NLMSG_HDRLEN + fixed) {
		e->errnum = is_done ? 0 : EBADMSG;
		return -e->errnum;
	}
	code = is_done ? *(const int *)mnl_nlmsg_get_payload(h) : body->error;
	e->errnum = code >= 0 ? 0 : code < -MAX_ERRNO ? EBADMSG : -code;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return -e->errnum;
	/* An ack that is not capped has all of the request before its attributes. */
	if (!is_done && !(h->nlmsg_flags & NLM_F_CAPPED) && body->msg.nlmsg_len > NLMSG_HDRLEN)
		skip += body->msg.nlmsg_len - NLMSG_HDRLEN;
	rest = codec_attrs(h, skip);
	while ((attr = codec_next(&rest))) {
		struct codec_span value = { (const char *)(attr + 1), attr->nla_len - NLA_HDRLEN };

		switch (attr->nla_type & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			snprintf(e->text, sizeof(e->text), "%.*s", (int)value.size, value.data);
			break;
		case NLMSGERR_ATTR_OFFS:
			if (value.size >= sizeof(uint32_t))
				e->offset = (uint32_t)codec_load(value.data, sizeof(uint32_t));
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (value.size >= sizeof(uint32_t))
				e->miss = (uint16_t)codec_load(value.data, sizeof(uint32_t));
			break;
		default:
			break;
		}
	}
	return -e->errnum;
}

static int broken(struct nlerror *error, int code)
{
	memset(error, 0, sizeof(*error));
	error->errnum = -code;
	return code;
}

/* Read away what an earlier conversation left behind. */
static void drain(struct nlsock *s)
{
	char scrap[READ_SIZE];

	while (receive(s, scrap, sizeof(scrap), MSG_DONTWAIT) >= 0)
		;
}

static int append(struct nlbuf *out, const void *data, size_t size)
{
	int code = nlbuf_reserve(out, size);

	if (code < 0)
		return code;
	memcpy(out->data + out->size, data, size);
	out->size += size;
	return 0;
}

int nlsock_talk(struct nlsock *s, struct nlmsghdr *request, struct nlbuf *answer, struct nlerror *error)
{
	char in[READ_SIZE];
	int code;

	request->nlmsg_seq = ++s->seq;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	code = send_all(s, request, request->nlmsg_len);
	if (code < 0)
		return broken(error, code);
	for (;;) {
		ssize_t got = receive(s, in, sizeof(in), 0);
		size_t left = got > 0 ? (size_t)got : 0;

		if (got < 0) {
			drain(s);
			return broken(error, (int)got);
		}
		for (struct nlmsghdr *h = (struct nlmsghdr *)in; message_ok(h, left); h = message_next(h, &left)) {
			if (h->nlmsg_seq != s->seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return parse_ack(h, error);
			if (answer && (code = append(answer, h, NLMSG_ALIGN(h->nlmsg_len))) < 0) {
				drain(s);
				return broken(error, code);
			}
		}
	}
}

/* What comes for `n` requests, whose sequence numbers begin at `first`: refusals, unasked, and the last one's answer at the end. */
static int collect(struct nlsock *s, uint32_t first, unsigned int n, struct nlerror *errors)
{
	char in[READ_SIZE];

	if (errors)
		memset(errors, 0, n * sizeof(*errors));
	for (bool ended = false; !ended;) {
		ssize_t got = receive(s, in, sizeof(in), 0);
		size_t left = got > 0 ? (size_t)got : 0;

		if (got < 0)
			return (int)got;
		for (struct nlmsghdr *h = (struct nlmsghdr *)in; message_ok(h, left); h = message_next(h, &left)) {
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - first >= n)
				continue;
			if (errors)
				parse_ack(h, &errors[h->nlmsg_seq - first]);
			ended = h->nlmsg_seq - first == n - 1;
		}
	}
	return 0;
}

int nlsock_batch(struct nlsock *s, void *data, size_t size, unsigned int n, struct nlerror *errors, size_t *used)
{
	struct nlmsghdr *last = data;
	unsigned int count = 0;
	int code;

	*used = 0;
	while (count < n && count < NLSOCK_BATCH && *used < size) {
		struct nlmsghdr *h = (struct nlmsghdr *)((char *)data + *used);

		if (count > 0 && *used + h->nlmsg_len > BATCH_BYTES)
			break;
		h->nlmsg_seq = ++s->seq;
		h->nlmsg_flags |= NLM_F_REQUEST;
		*used += NLMSG_ALIGN(h->nlmsg_len);
		count++;
		last = h;
	}
	last->nlmsg_flags |= NLM_F_ACK;
	code = send_all(s, data, *used);
	if (code == 0)
		code = collect(s, s->seq - count + 1, count, errors);
	if (code < 0) {
		drain(s);
		return code;
	}
	return (int)count;
}

/* One try, read in pieces of `piece` bytes. `*interrupted` is set when the kernel says that the table changed under the dump. */
static int dump_once(struct nlsock *s, struct nlmsghdr *request, struct nlbuf *out, size_t piece, struct nlerror *error,
		     bool *interrupted)
{
	int code;

	out->size = 0;
	*interrupted = false;
	request->nlmsg_seq = ++s->seq;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	code = send_all(s, request, request->nlmsg_len);
	if (code < 0)
		return broken(error, code);
	for (;;) {
		ssize_t got;
		size_t left;

		code = nlbuf_reserve(out, NLMSG_ALIGN(piece));
		got = code < 0 ? code : receive(s, out->data + out->size, piece, 0);
		if (got < 0) {
			drain(s);
			return broken(error, (int)got);
		}
		left = (size_t)got;
		for (struct nlmsghdr *h = (struct nlmsghdr *)(out->data + out->size); message_ok(h, left); h = message_next(h, &left)) {
			if (h->nlmsg_seq != s->seq) {
				h->nlmsg_type = NLMSG_NOOP; /* another conversation's: decoders pass over it */
				continue;
			}
			if (h->nlmsg_flags & NLM_F_DUMP_INTR)
				*interrupted = true;
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				size_t used = (size_t)((char *)h - (out->data + out->size));

				code = parse_ack(h, error);
				out->size += used;
				return code;
			}
		}
		if (left > 0) { /* what stands there is no message, and what follows could not be found behind it */
			drain(s);
			return broken(error, -EBADMSG);
		}
		out->size += NLMSG_ALIGN((size_t)got);
	}
}

int nlsock_dump(struct nlsock *s, struct nlmsghdr *request, struct nlbuf *out, struct nlerror *error)
{
	bool interrupted = false;
	size_t piece = READ_SIZE;
	int code = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		code = dump_once(s, request, out, piece, error, &interrupted);
		if (code == -EMSGSIZE) /* one message is larger than a piece */
			piece *= 4;
		else if (code < 0 && code != -ENOBUFS)
			return code;
		if (code == 0 && !interrupted)
			return 0;
	}
	if (code == 0) {
		code = broken(error, -EINTR);
		snprintf(error->text, sizeof(error->text), "the table kept changing while it was read");
	}
	return code;
}

int nlsock_join(struct nlsock *s, int group)
{
	return setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

int nlsock_events(struct nlsock *s, struct nlbuf *out)
{
	char in[READ_SIZE];
	bool lost = false;

	for (;;) {
		ssize_t got = receive(s, in, sizeof(in), MSG_DONTWAIT);
		size_t left = got > 0 ? (size_t)got : 0;
		int code = 0;

		if (got == -ENOBUFS) {
			lost = true;
			continue;
		}
		if (got == -EAGAIN)
			return lost ? -ENOBUFS : 0;
		if (got < 0)
			return (int)got;
		for (struct nlmsghdr *h = (struct nlmsghdr *)in; code == 0 && message_ok(h, left); h = message_next(h, &left))
			code = append(out, h, NLMSG_ALIGN(h->nlmsg_len));
		if (code < 0)
			return code;
	}
}
