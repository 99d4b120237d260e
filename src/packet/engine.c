/* SPDX-License-Identifier: MIT */
/*
 * engine.c - many probes in flight at once: sends, resends, observes, and knows when silence has lasted long enough
 *
 * Theory. All probes share a few sockets for each namespace; only TCP needs one for each, so that it is the sender's own TCP that connects,
 * by the routes and rules that apply to it. An answer or an error ends a probe at once. Silence needs time, because what would end it may
 * be held back, and the schedules below are made so that nothing is:
 * - Linux sends one ICMP error a second to a host, after a burst of six. Who is silent is asked again all the while, and a silence counts
 *   from the last error that the sender heard: as long as errors come, each is the turn of one of the silent siblings.
 * - A router without a route takes two turns for one error (ip_error() has a limit of its own on the same account), and asking again
 *   meanwhile takes the first of them in vain: so the last attempt follows a pause of more than two seconds.
 * - A router that looks for its neighbour gives up after three seconds, and only then sends its error. The sender itself, too, but there
 *   the neighbour's entry can be watched.
 */
#include "engine.h"

#include "../lua/handle.h"
#include "../lua/wait.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum watch { WATCH_ICMP, WATCH_TCP, WATCH_UDP, WATCH_DGRAM, WATCH_LISTENER, WATCH_CONNECT };

enum { BACKLOG = 4096, RECEIVE_BUFFER = 4 << 20, SENDS_BETWEEN_READS = 32 };

static const double resolve_within = 3.5;   /* the kernel gives a neighbour up after 3 seconds */
static const double paced_within = 60;      /* how long rate-limited errors are waited for, without a timeout */
static const double ask_every = 0.05;

/* When a silent probe is sent again, and when its silence is believed, in units of the settling time (1.25 s) since it began. */
/* clang-format off */ /* one name and its row a line */
static const struct schedule {
	double resend[6]; /* ended by 0 */
	double believe;
} on_link = { { 0.2, 0.4, 0.6, 0.8 }, 1 },
  routed = { { 0.08, 0.4, 0.8, 2.64 }, 2.8 },         /* nobody has sent an error yet */
  limited = { { 0.2, 0.4, 0.6, 0.8, 1, 2.76 }, 2.92 }, /* errors come, one by one */
  paused = { { 1.76 }, 1.92 };                        /* errors come, but only after a pause */
/* clang-format on */

static socklen_t address_size(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

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
	if (bind(post->dgram, &here.any, address_size(&here)) < 0 || getsockname(post->dgram, &here.any, &size) < 0)
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
	if (bind(l->fd, &l->at.any, address_size(&l->at)) < 0 || (l->proto == IPPROTO_TCP && listen(l->fd, BACKLOG) < 0)) {
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

static void finish(struct engine *e, struct probe *p, double now)
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
			sendto(l->fd, buf, (size_t)got, MSG_NOSIGNAL, &from.any, address_size(&from));
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
	if (connect(*fd, &p->target.any, address_size(&p->target)) < 0 && errno != EINPROGRESS)
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
	return sendto(fd, buf, size, MSG_NOSIGNAL, &to.any, address_size(&to)) < 0 ? -errno : 0;
}

/* ---- judging ---- */

static void ask_hop(struct engine *e, struct post *post, struct hop *hop, double now)
{
	struct nlsock *s;

	if (!hop || (hop->asked > 0 && now - hop->asked < ask_every))
		return;
	s = e->route(post->place);
	if (s && path_ask(s, &hop->target, &hop->path) == 0)
		hop->asked = now;
}

void engine_ask(struct engine *e, struct probe *p, double now)
{
	struct nlsock *s = p->icmp ? e->route(p->from->place) : NULL;
	struct path path;

	if (s && path_ask(s, &p->icmp_from, &path) == 0)
		p->icmp_own = path.type == RTN_LOCAL;
	ask_hop(e, p->from, p->hop, now);
	if (p->to)
		ask_hop(e, p->to, p->end, now);
}

static double later(double a, double b)
{
	return a > b ? a : b;
}

static const struct schedule *schedule_of(const struct probe *p)
{
	if (!p->hop->path.routed)
		return &on_link;
	return !p->from->errors ? &routed : p->from->quiet ? &paused : &limited;
}

/* The schedules' unit. A caller in a hurry gets the same attempts in less time. */
static double unit_of(const struct engine *e, const struct probe *p, const struct schedule *s)
{
	double unit = later(e->settle, 3 * e->rtt);

	return p->timeout >= 0 && p->timeout < unit * s->believe ? p->timeout / s->believe : unit;
}

static void attempt(struct engine *e, struct probe *p, double now)
{
	const char *step = NULL;
	int code;

	code = p->proto == IPPROTO_TCP ? send_syn(e, p, &step) : send_packet(e, p);
	if (code == -EAGAIN || code == -ENOBUFS || ((code == -EMFILE || code == -ENFILE) && now < e->start + paced_within)) {
		p->next = now + ask_every; /* a full queue, or too many sockets at once: the others' will be closed */
		return;
	}
	if (code == -EADDRNOTAVAIL && p->target.any.sa_family == AF_INET6 && now < e->start + resolve_within) {
		ask_hop(e, p->from, p->hop, now);
		if (p->hop->path.errnum == 0) { /* there is a route: the source address is still under duplicate address detection */
			p->next = now + ask_every;
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
		finish(e, p, now);
	}
}

/* The receiver has the packet, and nobody there has the port: only the error that says so is missing. */
static bool is_closed(const struct probe *p)
{
	const struct listener *l = p->listener;

	return p->proto == IPPROTO_UDP && p->delivered && l && !l->own && !l->service && l->errnum == 0;
}

/* How many ICMP errors the receiver has held back; -1: it does not tell. */
static long held_back(struct engine *e, struct post *post)
{
	static const char *const paths[LIMITS] = LIMITS_FILES;

	for (int i = 0; i < LIMITS; i++)
		if (post->limits[i] < 0 && (post->limits[i] = e->file(e, post->place, paths[i])) < 0)
			return -1;
	return limits_read(post->limits);
}

/*
 * Others' errors come at the pace of a rate limit, so that this probe's turn may never come. But the receiver counts each error that it
 * holds back, and a packet between namespaces arrives while it is sent: where one more is counted for it, twice, it was rejected.
 */
static void count_held_back(struct engine *e, struct probe *p, double now)
{
	p->counted = true;
	for (int i = 0; i < 2; i++) {
		long before = held_back(e, p->to);
		unsigned int attempts = p->attempts;

		if (before < 0)
			return;
		attempt(e, p, now);
		engine_collect(e);
		if (p->done || p->icmp || p->reply || p->delivered || p->attempts == attempts || held_back(e, p->to) != before + 1)
			return;
	}
	p->withheld = true;
	finish(e, p, now);
}

/* The neighbour is still being asked for. Without carrier nobody can answer, so that is not waited for. */
static bool unresolved(const struct hop *hop)
{
	return (hop->path.neighbour & NUD_INCOMPLETE) && hop->path.carrier;
}

/* Close the sockets of a probe that goes on, and remember where it came from. */
static void close_early(struct probe *p)
{
	int fd = p->fd[1] >= 0 ? p->fd[1] : p->fd[0];
	socklen_t size = sizeof(p->here);

	if (fd >= 0 && getsockname(fd, &p->here.any, &size) < 0)
		p->here.any.sa_family = 0;
	handle_closefd(&p->fd[0]);
	handle_closefd(&p->fd[1]);
}

/*
 * connect() does not tell when the output hook drops its SYN, but a raw socket is told: EPERM. So the SYN goes once more, from the same
 * port, with a sequence number that no observer takes for a probe.
 */
static void accept_silence(struct engine *e, struct probe *p, double now)
{
	union address to = p->target;
	uint8_t syn[PACKET_SYN];

	close_early(p);
	if (p->proto == IPPROTO_TCP && !p->delivered && p->here.any.sa_family) {
		packet_syn(&p->here, &to, e->key.seq - 1, syn);
		to.in.sin_port = 0;
		if (sendto(p->from->raw_tcp, syn, sizeof(syn), MSG_NOSIGNAL, &to.any, address_size(&to)) < 0 && errno == EPERM) {
			p->sent = false;
			p->errnum = EPERM;
		}
	}
	finish(e, p, now);
}

/* A silent probe: send again, wait on, or accept the silence. Returns when to look again. */
static double watch_silence(struct engine *e, struct probe *p, double now)
{
	double since = later(p->first, p->resolved), next = now + 60, end, believe, unit;
	const struct schedule *schedule;

	if (p->hop->asked == 0 && now >= p->first + ask_every)
		ask_hop(e, p->from, p->hop, now);
	schedule = schedule_of(p);
	unit = unit_of(e, p, schedule);
	if (p->from->errors && is_closed(p)) { /* the others' errors are why its own is late: that is not waited for */
		if (now >= since + unit * schedule->believe) {
			p->cut = CUT_LIMITED;
			accept_silence(e, p, now);
			return now;
		}
	} else if (p->from->errors) {
		if (p->to && !p->delivered && !p->counted && now >= since + unit * schedule->believe)
			count_held_back(e, p, now);
		if (p->done || p->icmp || p->reply)
			return now;
		since = later(since, p->from->last_error);
	}
	believe = since + unit * schedule->believe;
	if (p->timeout >= 0)
		end = p->first + p->timeout;
	else
		end = p->from->errors ? e->start + paced_within : p->first + resolve_within + unit;
	if (now >= end) {
		ask_hop(e, p->from, p->hop, now);
		if (unresolved(p->hop))
			p->cut = CUT_NEIGHBOUR;
		else if (now < believe && p->from->errors)
			p->cut = CUT_LIMITED;
		accept_silence(e, p, now);
		return now;
	}
	if (now >= believe || p->resolving) {
		ask_hop(e, p->from, p->hop, now);
		if (unresolved(p->hop)) {
			/* TCP's own retransmission, just when the kernel gives the neighbour up, would make it ask anew */
			close_early(p);
			p->resolving = true;
			return now + 2 * ask_every;
		}
		if (!p->resolving || (p->hop->path.neighbour & NUD_FAILED)) {
			accept_silence(e, p, now);
			return now;
		}
		p->resolving = false; /* found at last, and what waited for it leaves now */
		p->resolved = since = now;
		believe = since + unit * schedule->believe;
	}
	for (const double *at = schedule->resend; *at > 0; at++)
		if (since + unit * *at > p->last) {
			next = later(since + unit * *at, p->next);
			break;
		}
	if (now >= next) {
		attempt(e, p, now);
		return now + ask_every;
	}
	if (next - p->last > unit && (p->fd[0] >= 0 || p->fd[1] >= 0) && !p->delivered) {
		double pause = p->last + 0.2 * unit; /* in which TCP's own retransmissions must not be heard */

		if (now >= pause) {
			close_early(p);
		} else if (pause < next) {
			next = pause;
		}
	}
	if (p->hop->asked == 0 && next > p->first + ask_every)
		next = p->first + ask_every;
	if (believe < next)
		next = believe;
	return end < next ? end : next;
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
			finish(e, p, now);
			continue;
		}
		if (p->sent) {
			unsigned int before = p->attempts;

			at = watch_silence(e, p, now);
			sends += p->attempts != before;
		} else if (now >= p->next) {
			attempt(e, p, wait_clock());
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
