/* SPDX-License-Identifier: MIT */
/*
 * engine.c - many probes in flight at once: opens their sockets, sends, and observes what comes
 *
 * All probes share a few sockets for each namespace; only TCP needs one for each, so that it is the sender's own TCP that connects, by the
 * routes and rules that apply to it. An answer or an error ends a probe at once. When a silent one is asked again, and when its silence is
 * believed, says silence.c.
 */
#include "engine.h"

#include "../lua/handle.h"
#include "../lua/wait.h"
#include "silence.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum watch { WATCH_ICMP, WATCH_TCP, WATCH_UDP, WATCH_DGRAM, WATCH_LISTENER, WATCH_CONNECT };

enum { BACKLOG = 4096, RECEIVE_BUFFER = 4 << 20, SENDS_BETWEEN_READS = 32 };

static bool same_host(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

static int watch(struct engine *e, int fd, enum watch what, size_t index, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* ---- opening ---- */

/* What is sent stays in one piece, whatever path MTU the kernel remembers. */
static void do_not_fragment(int fd, int family)
{
	int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE, one = 1;

	if (family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
		return;
	}
	setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6));
	setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &one, sizeof(one));
}

static int open_raw(struct engine *e, struct post *post, int *fd, int proto, enum watch what)
{
	int wire = proto == IPPROTO_ICMP && post->family == AF_INET6 ? IPPROTO_ICMPV6 : proto, size = RECEIVE_BUFFER, code;

	if (*fd >= 0)
		return 0;
	*fd = e->socket(e, post->place, post->family, SOCK_RAW | SOCK_NONBLOCK, wire);
	if (*fd < 0) {
		code = *fd;
		*fd = -1;
		return code;
	}
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* the kernel cuts it to what is allowed */
	do_not_fragment(*fd, post->family);
	code = packet_filter(&e->key, post->family, proto, *fd);
	return code < 0 ? code : watch(e, *fd, what, (size_t)(post - e->posts), EPOLLIN);
}

static int open_dgram(struct engine *e, struct post *post)
{
	union address here = { .any.sa_family = (sa_family_t)post->family };
	socklen_t size = sizeof(here);
	int code;

	if (post->dgram >= 0)
		return 0;
	code = e->socket(e, post->place, post->family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (code < 0)
		return code;
	post->dgram = code;
	do_not_fragment(post->dgram, post->family);
	if (bind(post->dgram, &here.any, packet_address_size(&here)) < 0 || getsockname(post->dgram, &here.any, &size) < 0)
		return -errno;
	post->sport = ntohs(here.in.sin_port);
	return watch(e, post->dgram, WATCH_DGRAM, (size_t)(post - e->posts), EPOLLIN);
}

/* Take the port, or find out why not. Whoever only asks gives it back at once. */
static int open_listener(struct engine *e, struct listener *l)
{
	int one = 1, type = l->proto == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;

	l->fd = e->socket(e, l->place, l->at.any.sa_family, type | SOCK_NONBLOCK, 0);
	if (l->fd < 0) {
		int code = l->fd;

		l->fd = -1;
		return code;
	}
	if (l->at.any.sa_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (l->proto == IPPROTO_TCP) /* a port in TIME_WAIT is free; one that somebody listens on is not */
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l->at.any.sa_family == AF_INET6) /* an address still under duplicate address detection will do */
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	if (bind(l->fd, &l->at.any, packet_address_size(&l->at)) < 0 || (l->proto == IPPROTO_TCP && listen(l->fd, BACKLOG) < 0)) {
		l->errnum = errno;
		l->service = errno == EADDRINUSE;
	}
	if (l->errnum || !l->own) {
		handle_closefd(&l->fd);
		return 0;
	}
	return watch(e, l->fd, WATCH_LISTENER, (size_t)(l - e->listeners), EPOLLIN);
}

int engine_open(struct engine *e, const char **step)
{
	int code = 0;

	*step = "epoll";
	e->epoll = handle_safefd(epoll_create1(EPOLL_CLOEXEC));
	if (e->epoll < 0)
		return -errno;
	for (size_t i = 0; code == 0 && i < e->n_probes; i++) {
		struct probe *p = &e->probes[i];

		*step = "raw ICMP socket";
		code = open_raw(e, p->from, &p->from->raw_icmp, IPPROTO_ICMP, WATCH_ICMP);
		if (code == 0 && p->proto == IPPROTO_UDP) {
			*step = "UDP socket";
			code = open_dgram(e, p->from);
		}
		if (code == 0 && p->proto == IPPROTO_TCP) {
			*step = "raw TCP socket";
			code = open_raw(e, p->from, &p->from->raw_tcp, IPPROTO_TCP, WATCH_TCP);
		}
		if (code < 0 || !p->to)
			continue;
		*step = "raw socket of the receiver";
		if (p->proto == IPPROTO_ICMP)
			code = open_raw(e, p->to, &p->to->raw_icmp, IPPROTO_ICMP, WATCH_ICMP);
		else if (p->proto == IPPROTO_TCP)
			code = open_raw(e, p->to, &p->to->raw_tcp, IPPROTO_TCP, WATCH_TCP);
		else
			code = open_raw(e, p->to, &p->to->raw_udp, IPPROTO_UDP, WATCH_UDP);
	}
	*step = code == 0 ? "listener" : *step;
	for (size_t i = 0; code == 0 && i < e->n_listeners; i++)
		code = open_listener(e, &e->listeners[i]);
	e->home(e);
	return code;
}

void engine_close(struct engine *e)
{
	for (size_t i = 0; i < e->n_probes; i++) {
		handle_closefd(&e->probes[i].fd[0]);
		handle_closefd(&e->probes[i].fd[1]);
	}
	for (size_t i = 0; i < e->n_listeners; i++)
		handle_closefd(&e->listeners[i].fd);
	for (size_t i = 0; i < e->n_posts; i++) {
		handle_closefd(&e->posts[i].raw_icmp);
		handle_closefd(&e->posts[i].raw_tcp);
		handle_closefd(&e->posts[i].raw_udp);
		handle_closefd(&e->posts[i].dgram);
		for (int j = 0; j < LIMITS; j++)
			handle_closefd(&e->posts[i].limits[j]);
	}
	handle_closefd(&e->epoll);
}

/* ---- observing ---- */

void engine_finish(struct engine *e, struct probe *p, double now)
{
	if (p->done)
		return;
	p->done = true;
	p->ended_at = now;
	handle_closefd(&p->fd[0]);
	handle_closefd(&p->fd[1]);
	e->open--;
}

static void answered(struct engine *e, struct probe *p, enum probe_reply reply, const union address *from, bool exact, double now)
{
	if (p->reply || p->done)
		return;
	p->reply = reply;
	p->reply_from = *from;
	p->reply_exact = exact;
	p->answered_at = now;
	if (now - p->last > e->rtt)
		e->rtt = now - p->last;
}

static void refused(struct engine *e, struct post *post, const struct packet_seen *seen, const union address *from, double now)
{
	post->quiet = post->errors > 0 && now - post->last_error > 1.5 * e->settle;
	post->errors++;
	post->last_error = now;
	for (size_t i = 0; i < e->n_probes; i++) {
		struct probe *p = &e->probes[i];

		if (seen->index != PACKET_UNKNOWN)
			p = &e->probes[seen->index];
		else if (seen->sport != post->sport || p->target.in.sin_port != seen->target.in.sin_port || !same_host(&p->target, &seen->target))
			continue;
		if (p->from == post && p->proto == seen->proto && !p->icmp && !p->done) {
			p->icmp = true;
			p->icmp_type = seen->type;
			p->icmp_code = seen->code;
			p->icmp_from = *from;
			p->answered_at = now;
		}
		if (seen->index != PACKET_UNKNOWN)
			return;
	}
}

static ssize_t receive(int fd, uint8_t *buf, size_t size, union address *from)
{
	socklen_t length = sizeof(*from);
	ssize_t got;

	if (fd < 0)
		return -1;
	do
		got = recvfrom(fd, buf, size, MSG_TRUNC, &from->any, &length);
	while (got < 0 && errno == EINTR);
	return got > (ssize_t)size ? (ssize_t)size : got;
}

static void read_raw(struct engine *e, struct post *post, int fd, int proto)
{
	uint8_t buf[PACKET_MAX];
	union address from;
	ssize_t got;

	while ((got = receive(fd, buf, sizeof(buf), &from)) >= 0) {
		double now = wait_clock();
		struct packet_seen seen;
		struct probe *p;

		packet_read(&e->key, post->family, proto, buf, (size_t)got, &seen);
		if (seen.kind == PACKET_ERROR) {
			refused(e, post, &seen, &from, now);
			continue;
		}
		if (seen.kind == PACKET_NONE)
			continue;
		p = &e->probes[seen.index];
		if (p->proto != proto)
			continue;
		if (seen.kind == PACKET_REPLY && p->from == post) {
			answered(e, p, REPLY_ECHO, &from, true, now);
		} else if (seen.kind == PACKET_PROBE && p->to == post && !p->delivered) {
			p->delivered = true;
			p->delivered_at = now;
		}
	}
}

static void read_answers(struct engine *e, struct post *post)
{
	uint8_t buf[PACKET_MAX];
	union address from;
	ssize_t got;

	while ((got = receive(post->dgram, buf, sizeof(buf), &from)) >= 0) {
		uint32_t index = packet_index(&e->key, buf, (size_t)got);
		double now = wait_clock();

		if (index != PACKET_UNKNOWN) {
			struct probe *p = &e->probes[index];

			if (p->proto == IPPROTO_UDP && p->from == post)
				answered(e, p, REPLY_DATA, &from, true, now);
			continue;
		}
		for (size_t i = 0; i < e->n_probes; i++) { /* a service's own words: known by whom they come from */
			struct probe *p = &e->probes[i];

			if (p->proto == IPPROTO_UDP && p->from == post && same_host(&p->target, &from) &&
			    p->target.in.sin_port == from.in.sin_port)
				answered(e, p, REPLY_DATA, &from, false, now);
		}
	}
}

static void serve(struct engine *e, struct listener *l)
{
	uint8_t buf[PACKET_MAX];
	union address from;
	ssize_t got;

	if (l->proto == IPPROTO_TCP) {
		int fd;

		while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
			close(fd);
		return;
	}
	while ((got = receive(l->fd, buf, sizeof(buf), &from)) >= 0)
		if (packet_index(&e->key, buf, (size_t)got) != PACKET_UNKNOWN) /* a stranger's datagram is not echoed */
			sendto(l->fd, buf, (size_t)got, MSG_NOSIGNAL, &from.any, packet_address_size(&from));
}

/* A connect() has ended. The raw ICMP socket was handed a refusal before TCP was, so it is read first. */
static void connected(struct engine *e, struct probe *p, int slot)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (p->fd[slot] < 0)
		return;
	getsockopt(p->fd[slot], SOL_SOCKET, SO_ERROR, &error, &size);
	read_raw(e, p->from, p->from->raw_icmp, IPPROTO_ICMP);
	if (error == 0) {
		struct linger reset = { .l_onoff = 1 }; /* leave no TIME_WAIT behind */

		setsockopt(p->fd[slot], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		answered(e, p, REPLY_SYN_ACK, &p->target, true, wait_clock());
	} else if (!p->icmp && (error == ECONNREFUSED || error == ECONNRESET)) {
		answered(e, p, REPLY_RESET, &p->target, true, wait_clock());
	} else if (!p->icmp && error != ETIMEDOUT) { /* the kernel gave up; we have not */
		p->late_errnum = error;
	}
	handle_closefd(&p->fd[slot]);
}

void engine_collect(struct engine *e)
{
	struct epoll_event events[64];
	int n;

	while ((n = epoll_wait(e->epoll, events, 64, 0)) > 0)
		for (int i = 0; i < n; i++) {
			size_t index = (uint32_t)events[i].data.u64;

			switch ((enum watch)(events[i].data.u64 >> 32)) {
			case WATCH_ICMP:
				read_raw(e, &e->posts[index], e->posts[index].raw_icmp, IPPROTO_ICMP);
				break;
			case WATCH_TCP:
				read_raw(e, &e->posts[index], e->posts[index].raw_tcp, IPPROTO_TCP);
				break;
			case WATCH_UDP:
				read_raw(e, &e->posts[index], e->posts[index].raw_udp, IPPROTO_UDP);
				break;
			case WATCH_DGRAM:
				read_answers(e, &e->posts[index]);
				break;
			case WATCH_LISTENER:
				serve(e, &e->listeners[index]);
				break;
			case WATCH_CONNECT:
				connected(e, &e->probes[index >> 1], (int)(index & 1));
				break;
			}
		}
}

/* ---- sending ---- */

/* A connect() whose SYN carries our sequence number: 0, or -errno; *step names what of ours failed. */
static int send_syn(struct engine *e, struct probe *p, const char **step)
{
	int on = 1, off = 0, queue = TCP_SEND_QUEUE, slot = p->attempts > 0, code, *fd = &p->fd[slot];
	uint32_t index = (uint32_t)(p - e->probes), seq = packet_seq(&e->key, index, p->attempts);

	handle_closefd(fd);
	*step = "TCP socket";
	code = e->socket(e, p->from->place, p->from->family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (code < 0)
		return code;
	*fd = code;
	*step = "TCP_REPAIR";
	if (setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0 ||
	    setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) < 0 ||
	    setsockopt(*fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, sizeof(seq)) < 0 ||
	    setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0)
		return -errno;
	*step = NULL;
	if (connect(*fd, &p->target.any, packet_address_size(&p->target)) < 0 && errno != EINPROGRESS)
		return -errno;
	return watch(e, *fd, WATCH_CONNECT, (size_t)index << 1 | (size_t)slot, EPOLLOUT);
}

static int send_packet(struct engine *e, struct probe *p)
{
	uint32_t index = (uint32_t)(p - e->probes);
	union address to = p->target;
	uint8_t buf[PACKET_LONGEST];
	size_t size = PACKET_PAYLOAD, header = (p->from->family == AF_INET ? 20 : 40) + (p->proto == IPPROTO_UDP ? 8 : 0);
	int fd = p->from->dgram;

	if (p->proto == IPPROTO_ICMP) {
		packet_echo(&e->key, p->from->family, index, p->attempts, buf);
		size = PACKET_ECHO;
		fd = p->from->raw_icmp;
		to.in.sin_port = 0;
	} else {
		packet_payload(&e->key, index, p->attempts, buf);
	}
	if (p->size > header + size) {
		memset(buf + size, 0, p->size - header - size);
		size = p->size - header;
	}
	return sendto(fd, buf, size, MSG_NOSIGNAL, &to.any, packet_address_size(&to)) < 0 ? -errno : 0;
}

/* ---- in turn ---- */

void engine_attempt(struct engine *e, struct probe *p, double now)
{
	const char *step = NULL;
	int code;

	code = p->proto == IPPROTO_TCP ? send_syn(e, p, &step) : send_packet(e, p);
	if (code == -EAGAIN || code == -ENOBUFS || ((code == -EMFILE || code == -ENFILE) && now < e->start + PACED_WITHIN)) {
		p->next = now + ASK_EVERY; /* a full queue, or too many sockets at once: the others' will be closed */
		return;
	}
	if (code == -EADDRNOTAVAIL && p->target.any.sa_family == AF_INET6 && now < e->start + RESOLVE_WITHIN) {
		silence_ask_hop(e, p->from, p->hop, now);
		if (p->hop->path.errnum == 0) { /* there is a route: the source address is still under duplicate address detection */
			p->next = now + ASK_EVERY;
			return;
		}
	}
	p->last = now;
	if (code == 0) {
		if (p->attempts++ == 0)
			p->first = now;
		p->sent = true;
	} else if (!p->sent) { /* a later attempt that fails says nothing of the first, which left */
		p->errnum = -code;
		p->broken = step;
		engine_finish(e, p, now);
	}
}

double engine_step(struct engine *e, double now)
{
	double next = now + 60;
	int sends = 0;

	for (size_t i = 0; i < e->n_probes; i++) {
		struct probe *p = &e->probes[i];
		double at;

		if (p->done)
			continue;
		if (p->reply || p->icmp || p->late_errnum) {
			engine_finish(e, p, now);
			continue;
		}
		if (p->sent) {
			unsigned int before = p->attempts;

			at = silence_watch(e, p, now);
			sends += p->attempts != before;
		} else if (now >= p->next) {
			engine_attempt(e, p, wait_clock());
			at = p->next;
			sends++;
		} else {
			at = p->next;
		}
		if (sends >= SENDS_BETWEEN_READS) { /* 250 small packets fill a raw socket's buffer */
			engine_collect(e);
			sends = 0;
		}
		if (!p->done && at < next)
			next = at;
	}
	e->home(e);
	return next;
}
