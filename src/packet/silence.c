/* SPDX-License-Identifier: MIT */
/*
 * silence.c - when a probe without an answer is sent again, and when its silence is believed
 *
 * Theory. Silence needs time, because what would end it may be held back, and the schedules below are made so that nothing is:
 * - Linux sends one ICMP error a second to a host, after a burst of six. Who is silent is asked again all the while, and a silence counts
 *   from the last error that the sender heard: as long as errors come, each is the turn of one of the silent siblings.
 * - A router without a route takes two turns for one error (ip_error() has a limit of its own on the same account), and asking again
 *   meanwhile takes the first of them in vain: so the last attempt follows a pause of more than two seconds.
 * - A router that looks for its neighbour gives up after three seconds, and only then sends its error. The sender itself, too, but there
 *   the neighbour's entry can be watched.
 */
#include "silence.h"

#include "../lua/handle.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

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

void silence_ask_hop(struct engine *e, struct post *post, struct hop *hop, double now)
{
	struct nlsock *s;

	if (!hop || (hop->asked > 0 && now - hop->asked < ASK_EVERY))
		return;
	s = e->route(post->place);
	if (s && path_ask(s, &hop->target, &hop->path) == 0)
		hop->asked = now;
}

void silence_ask(struct engine *e, struct probe *p, double now)
{
	struct nlsock *s = p->icmp ? e->route(p->from->place) : NULL;
	struct path path;

	if (s && path_ask(s, &p->icmp_from, &path) == 0)
		p->icmp_own = path.type == RTN_LOCAL;
	silence_ask_hop(e, p->from, p->hop, now);
	if (p->to)
		silence_ask_hop(e, p->to, p->end, now);
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
		engine_attempt(e, p, now);
		engine_collect(e);
		if (p->done || p->icmp || p->reply || p->delivered || p->attempts == attempts || held_back(e, p->to) != before + 1)
			return;
	}
	p->withheld = true;
	engine_finish(e, p, now);
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
		if (sendto(p->from->raw_tcp, syn, sizeof(syn), MSG_NOSIGNAL, &to.any, packet_address_size(&to)) < 0 && errno == EPERM) {
			p->sent = false;
			p->errnum = EPERM;
		}
	}
	engine_finish(e, p, now);
}

/*
 * Others' errors come, one by one, and this probe's turn may be late; what the receiver knows is as good. Has it ended, or been answered?
 */
static bool ask_receiver(struct engine *e, struct probe *p, double now)
{
	if (is_closed(p)) {
		p->cut = CUT_LIMITED;
		accept_silence(e, p, now);
	} else if (p->to && !p->delivered && !p->counted) {
		count_held_back(e, p, now);
	}
	return p->done || p->icmp || p->reply;
}

/* A silent probe: send again, wait on, or accept the silence. Returns when to look again. */
double silence_watch(struct engine *e, struct probe *p, double now)
{
	double since = later(p->first, p->resolved), next = now + 60, end, believe, unit;
	const struct schedule *schedule;

	if (p->hop->asked == 0 && now >= p->first + ASK_EVERY)
		silence_ask_hop(e, p->from, p->hop, now);
	schedule = schedule_of(p);
	unit = unit_of(e, p, schedule);
	if (p->from->errors) {
		if (now >= since + unit * schedule->believe && ask_receiver(e, p, now))
			return now;
		since = later(since, p->from->last_error);
	}
	believe = since + unit * schedule->believe;
	if (p->timeout >= 0)
		end = p->first + p->timeout;
	else
		end = p->from->errors ? e->start + PACED_WITHIN : p->first + RESOLVE_WITHIN + unit;
	if (now >= end) {
		silence_ask_hop(e, p->from, p->hop, now);
		if (unresolved(p->hop))
			p->cut = CUT_NEIGHBOUR;
		else if (now < believe && p->from->errors)
			p->cut = CUT_LIMITED;
		accept_silence(e, p, now);
		return now;
	}
	if (now >= believe || p->resolving) {
		silence_ask_hop(e, p->from, p->hop, now);
		if (unresolved(p->hop)) {
			/* TCP's own retransmission, just when the kernel gives the neighbour up, would make it ask anew */
			close_early(p);
			p->resolving = true;
			return now + 2 * ASK_EVERY;
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
		engine_attempt(e, p, now);
		return now + ASK_EVERY;
	}
	if (next - p->last > unit && (p->fd[0] >= 0 || p->fd[1] >= 0) && !p->delivered) {
		double pause = p->last + 0.2 * unit; /* in which TCP's own retransmissions must not be heard */

		if (now >= pause) {
			close_early(p);
		} else if (pause < next) {
			next = pause;
		}
	}
	if (p->hop->asked == 0 && next > p->first + ASK_EVERY)
		next = p->first + ASK_EVERY;
	if (believe < next)
		next = believe;
	return end < next ? end : next;
}
