/* SPDX-License-Identifier: MIT */
/*
 * qdisc_kinds.c - what each kind of queueing discipline adds (tc-netem(8), tc-tbf(8), tc-htb(8) ..., include/uapi/linux/pkt_sched.h)
 *
 * The kernel's structures count in ticks of 64 ns and in bytes a second; users say seconds and bits a second, and see those again.
 */
#include "qdisc.h"
#include "units.h"

#include <lauxlib.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <string.h>

#define KEY(name, look) { .key = name, .type = CODEC_CUSTOM, .as = CODEC_##look }
#define END { .type = CODEC_END }

static const struct codec_row netem_keys[] = {
	KEY("delay", TIME), KEY("jitter", TIME), KEY("loss", FRACTION), KEY("duplicate", FRACTION), KEY("corrupt", FRACTION),
	KEY("reorder", FRACTION), KEY("gap", U32), KEY("rate", RATE), KEY("limit", U32), END,
};
static const struct codec_row tbf_keys[] = { KEY("rate", RATE), KEY("burst", SIZE), KEY("limit", SIZE), KEY("latency", TIME), END };
static const struct codec_row htb_keys[] = { KEY("default", U32), KEY("r2q", U32), END };
static const struct codec_row htb_class_keys[] = {
	KEY("rate", RATE), KEY("ceil", RATE), KEY("burst", SIZE), KEY("cburst", SIZE), KEY("prio", U32), KEY("quantum", SIZE), END,
};
static const struct codec_row fifo_keys[] = { KEY("limit", SIZE), END };
static const struct codec_row fq_codel_keys[] = {
	KEY("limit", U32), KEY("target", TIME), KEY("interval", TIME), KEY("flows", U32), KEY("quantum", SIZE), KEY("ecn", BOOL), END,
};

const struct codec_choice qdisc_choices[] = {
	{ "netem", netem_keys, NULL }, { "tbf", tbf_keys, NULL }, { "htb", htb_keys, NULL }, { "pfifo", fifo_keys, NULL },
	{ "bfifo", fifo_keys, NULL }, { "fq_codel", fq_codel_keys, NULL }, { NULL, NULL, NULL },
};

const struct codec_choice class_choices[] = { { "htb", htb_class_keys, NULL }, { NULL, NULL, NULL } };

enum { TICK = 64 /* ns */, DEFAULT_LIMIT = 1000, DEFAULT_BURST = 1600 };

/* ---- reading options ---- */

static struct args_at at(const struct rtnl *r, const char *path)
{
	return (struct args_at){ .op = r->codec.op, .key = path, .index = r->codec.index };
}

/* Push data[key]; its stack index, or 0 (nothing pushed). `path` is "data.key" for errors. */
static int push(struct rtnl *r, int data, const char *key)
{
	if (!data)
		return 0;
	lua_pushstring(r->L, key);
	if (lua_rawget(r->L, data) != LUA_TNIL)
		return lua_gettop(r->L);
	lua_pop(r->L, 1);
	return 0;
}

enum quantity { TIME, RATE, SIZE, FRACTION, COUNT };

/* The quantity in data[key], or `otherwise`. */
static double get(struct rtnl *r, int data, const char *key, enum quantity what, double otherwise)
{
	char path[40] = "data.";
	struct args_at where = at(r, path);
	int idx = push(r, data, key);
	double value = otherwise;

	strncat(path, key, sizeof(path) - 6);
	if (!idx)
		return otherwise;
	switch (what) {
	case TIME:
		value = args_time(r->L, idx, &where);
		break;
	case RATE:
		value = units_rate(r->L, idx, &where);
		break;
	case SIZE:
		value = units_size(r->L, idx, &where);
		break;
	case FRACTION:
		value = units_fraction(r->L, idx, &where);
		break;
	case COUNT:
		value = (double)args_integer(r->L, idx, &where, 0, UINT32_MAX);
		break;
	}
	lua_pop(r->L, 1);
	return value;
}

static bool has(struct rtnl *r, int data, const char *key)
{
	bool there = push(r, data, key) != 0;

	if (there)
		lua_pop(r->L, 1);
	return there;
}

/* What is deleted need not be whole. */
static void need(struct rtnl *r, int data, const char *key)
{
	char path[40] = "data.";
	struct args_at where = at(r, path);
	uint16_t type = ((const struct nlmsghdr *)(r->codec.out->data + r->codec.start))->nlmsg_type;

	strncat(path, key, sizeof(path) - 6);
	if (has(r, data, key) || type == r->object->del)
		return;
	args_misuse(r->L, &where, "is missing");
}

static uint32_t probability(double fraction)
{
	return (uint32_t)llround(fraction * UINT32_MAX);
}

static struct tc_ratespec ratespec(double bytes)
{
	return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET, .rate = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX };
}

/* How long `size` bytes take at a rate, in ticks. */
static uint32_t ticks(double size, double bytes_a_second)
{
	double n = bytes_a_second > 0 ? size * 1e9 / bytes_a_second / TICK : 0;

	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* ---- writing results ---- */

static void set_number(struct rtnl *r, const char *key, double value)
{
	lua_pushnumber(r->L, value);
	lua_setfield(r->L, -2, key);
}

static void set_integer(struct rtnl *r, const char *key, lua_Integer value)
{
	lua_pushinteger(r->L, value);
	lua_setfield(r->L, -2, key);
}

/* A fraction with no more digits than the kernel's 32 bits can mean. */
static void set_fraction(struct rtnl *r, const char *key, uint32_t value)
{
	if (value)
		set_number(r, key, round((double)value / UINT32_MAX * 1e8) / 1e8);
}

static const void *option(const void *options, size_t size, uint16_t type, size_t room)
{
	struct codec_span found = codec_inner((struct codec_span){ options, size }, type);

	return found.data && found.size >= room ? found.data : NULL;
}

static uint64_t number_in(const void *options, size_t size, uint16_t type, uint64_t otherwise)
{
	struct codec_span found = codec_inner((struct codec_span){ options, size }, type);

	return found.data ? codec_load(found.data, found.size) : otherwise;
}

/* A whole number, or the largest: what the kernel says might be anything. */
static lua_Integer whole(double value)
{
	return value < 9e18 ? (lua_Integer)value : LUA_MAXINTEGER;
}

static lua_Integer bits(double bytes_a_second)
{
	return whole(bytes_a_second * 8);
}

static lua_Integer bytes_in(uint32_t buffer, double bytes_a_second)
{
	return whole(ceil((double)buffer * TICK * bytes_a_second / 1e9 - 1e-6));
}

/* ---- netem ---- */

static void put_netem(struct rtnl *r, int data)
{
	struct codec *c = &r->codec;
	double rate = get(r, data, "rate", RATE, 0) / 8;
	struct tc_netem_qopt base = {
		.limit = (uint32_t)get(r, data, "limit", COUNT, DEFAULT_LIMIT),
		.loss = probability(get(r, data, "loss", FRACTION, 0)),
		.duplicate = probability(get(r, data, "duplicate", FRACTION, 0)),
		.gap = (uint32_t)get(r, data, "gap", COUNT, 0),
	};
	int64_t delay = llround(get(r, data, "delay", TIME, 0) * 1e9), jitter = llround(get(r, data, "jitter", TIME, 0) * 1e9);
	struct tc_netem_reorder reorder = { .probability = probability(get(r, data, "reorder", FRACTION, 0)) };
	struct tc_netem_corrupt corrupt = { .probability = probability(get(r, data, "corrupt", FRACTION, 0)) };
	size_t nest;

	if (reorder.probability && !base.gap)
		base.gap = 1;
	nest = codec_nest(c, TCA_OPTIONS);
	/* the structure comes first, without an attribute's header of its own */
	codec_put(c, 0, (const char *)&base + NLA_HDRLEN, sizeof(base) - NLA_HDRLEN);
	memcpy(c->out->data + c->out->size - sizeof(base), &base, sizeof(base));
	codec_put(c, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	codec_put(c, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
	if (reorder.probability)
		codec_put(c, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	if (corrupt.probability)
		codec_put(c, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt));
	if (rate > 0) {
		struct tc_netem_rate shape = { .rate = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX };
		uint64_t wide = (uint64_t)rate;

		if (wide > UINT32_MAX)
			codec_put(c, TCA_NETEM_RATE64, &wide, sizeof(wide));
		codec_put(c, TCA_NETEM_RATE, &shape, sizeof(shape));
	}
	codec_nest_end(c, nest);
}

static void push_netem(struct rtnl *r, const void *options, size_t size)
{
	const struct tc_netem_qopt *base = options;
	const struct tc_netem_reorder *reorder;
	const struct tc_netem_corrupt *corrupt;
	const struct tc_netem_rate *rate;
	const char *rest = (const char *)options + sizeof(*base);

	if (size < sizeof(*base))
		return;
	size -= sizeof(*base);
	set_integer(r, "limit", base->limit);
	set_fraction(r, "loss", base->loss);
	set_fraction(r, "duplicate", base->duplicate);
	if (base->gap)
		set_integer(r, "gap", base->gap);
	if (number_in(rest, size, TCA_NETEM_LATENCY64, 0))
		set_number(r, "delay", (double)(int64_t)number_in(rest, size, TCA_NETEM_LATENCY64, 0) / 1e9);
	if (number_in(rest, size, TCA_NETEM_JITTER64, 0))
		set_number(r, "jitter", (double)(int64_t)number_in(rest, size, TCA_NETEM_JITTER64, 0) / 1e9);
	reorder = option(rest, size, TCA_NETEM_REORDER, sizeof(*reorder));
	corrupt = option(rest, size, TCA_NETEM_CORRUPT, sizeof(*corrupt));
	rate = option(rest, size, TCA_NETEM_RATE, sizeof(*rate));
	if (reorder)
		set_fraction(r, "reorder", reorder->probability);
	if (corrupt)
		set_fraction(r, "corrupt", corrupt->probability);
	if (rate && rate->rate)
		set_integer(r, "rate", bits((double)number_in(rest, size, TCA_NETEM_RATE64, rate->rate)));
}

/* ---- tbf ---- */

static void put_tbf(struct rtnl *r, int data)
{
	struct codec *c = &r->codec;
	struct tc_tbf_qopt base = { 0 };
	double rate, burst, limit;
	uint64_t wide;
	size_t nest;

	need(r, data, "rate");
	need(r, data, "burst");
	if (!has(r, data, "latency"))
		need(r, data, "limit");
	rate = get(r, data, "rate", RATE, 0) / 8;
	burst = get(r, data, "burst", SIZE, 0);
	limit = get(r, data, "limit", SIZE, 0);
	if (!has(r, data, "limit"))
		limit = rate * get(r, data, "latency", TIME, 0) + burst;
	base.rate = ratespec(rate);
	base.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
	base.buffer = ticks(burst, rate);
	nest = codec_nest(c, TCA_OPTIONS);
	codec_put(c, TCA_TBF_PARMS, &base, sizeof(base));
	codec_put(c, TCA_TBF_BURST, &(uint32_t){ (uint32_t)burst }, sizeof(uint32_t));
	wide = (uint64_t)rate;
	if (wide > UINT32_MAX)
		codec_put(c, TCA_TBF_RATE64, &wide, sizeof(wide));
	codec_nest_end(c, nest);
}

static void push_tbf(struct rtnl *r, const void *options, size_t size)
{
	const struct tc_tbf_qopt *base = option(options, size, TCA_TBF_PARMS, sizeof(*base));
	double rate;

	if (!base)
		return;
	rate = (double)number_in(options, size, TCA_TBF_RATE64, base->rate.rate);
	set_integer(r, "rate", bits(rate));
	set_integer(r, "limit", base->limit);
	set_integer(r, "burst", bytes_in(base->buffer, rate));
}

/* ---- htb ---- */

static void put_htb(struct rtnl *r, int data)
{
	struct tc_htb_glob base = {
		.version = 3,
		.rate2quantum = (uint32_t)get(r, data, "r2q", COUNT, 10),
		.defcls = (uint32_t)get(r, data, "default", COUNT, 0),
	};
	size_t nest = codec_nest(&r->codec, TCA_OPTIONS);

	codec_put(&r->codec, TCA_HTB_INIT, &base, sizeof(base));
	codec_nest_end(&r->codec, nest);
}

static void push_htb(struct rtnl *r, const void *options, size_t size)
{
	const struct tc_htb_glob *base = option(options, size, TCA_HTB_INIT, sizeof(*base));

	if (!base)
		return;
	set_integer(r, "r2q", base->rate2quantum);
	set_integer(r, "default", base->defcls);
}

static void put_htb_class(struct rtnl *r, int data)
{
	struct codec *c = &r->codec;
	struct tc_htb_opt base = { 0 };
	double rate, ceiling;
	uint64_t wide;
	size_t nest;

	need(r, data, "rate");
	rate = get(r, data, "rate", RATE, 0) / 8;
	ceiling = get(r, data, "ceil", RATE, rate * 8) / 8;
	base.rate = ratespec(rate);
	base.ceil = ratespec(ceiling);
	base.buffer = ticks(get(r, data, "burst", SIZE, rate / 1000 + DEFAULT_BURST), rate);
	base.cbuffer = ticks(get(r, data, "cburst", SIZE, ceiling / 1000 + DEFAULT_BURST), ceiling);
	base.prio = (uint32_t)get(r, data, "prio", COUNT, 0);
	base.quantum = (uint32_t)get(r, data, "quantum", SIZE, 0);
	nest = codec_nest(c, TCA_OPTIONS);
	wide = (uint64_t)rate;
	if (wide > UINT32_MAX)
		codec_put(c, TCA_HTB_RATE64, &wide, sizeof(wide));
	wide = (uint64_t)ceiling;
	if (wide > UINT32_MAX)
		codec_put(c, TCA_HTB_CEIL64, &wide, sizeof(wide));
	codec_put(c, TCA_HTB_PARMS, &base, sizeof(base));
	codec_nest_end(c, nest);
}

static void push_htb_class(struct rtnl *r, const void *options, size_t size)
{
	const struct tc_htb_opt *base = option(options, size, TCA_HTB_PARMS, sizeof(*base));
	double rate, ceiling;

	if (!base)
		return;
	rate = (double)number_in(options, size, TCA_HTB_RATE64, base->rate.rate);
	ceiling = (double)number_in(options, size, TCA_HTB_CEIL64, base->ceil.rate);
	set_integer(r, "rate", bits(rate));
	set_integer(r, "ceil", bits(ceiling));
	set_integer(r, "burst", bytes_in(base->buffer, rate));
	set_integer(r, "cburst", bytes_in(base->cbuffer, ceiling));
	set_integer(r, "prio", base->prio);
	set_integer(r, "quantum", base->quantum);
}

/* ---- fifos and fq_codel ---- */

static void put_fifo(struct rtnl *r, int data)
{
	struct tc_fifo_qopt base = { .limit = (uint32_t)get(r, data, "limit", SIZE, 0) };

	if (has(r, data, "limit"))
		codec_put(&r->codec, TCA_OPTIONS, &base, sizeof(base));
}

static void push_fifo(struct rtnl *r, const void *options, size_t size)
{
	const struct tc_fifo_qopt *base = options;

	if (size >= sizeof(*base))
		set_integer(r, "limit", base->limit);
}

static const struct {
	const char *key, *path;
	uint16_t attr;
	enum quantity what;
} fq_codel[] = {
	{ "limit", "data.limit", TCA_FQ_CODEL_LIMIT, COUNT }, { "target", "data.target", TCA_FQ_CODEL_TARGET, TIME },
	{ "interval", "data.interval", TCA_FQ_CODEL_INTERVAL, TIME }, { "flows", "data.flows", TCA_FQ_CODEL_FLOWS, COUNT },
	{ "quantum", "data.quantum", TCA_FQ_CODEL_QUANTUM, SIZE },
};

static void put_fq_codel(struct rtnl *r, int data)
{
	struct codec *c = &r->codec;
	size_t nest = codec_nest(c, TCA_OPTIONS);
	uint32_t ecn;
	int idx;

	for (size_t i = 0; i < sizeof(fq_codel) / sizeof(*fq_codel); i++) {
		double value = get(r, data, fq_codel[i].key, fq_codel[i].what, -1);
		struct args_at where = at(r, fq_codel[i].path);

		/* the kernel counts in 1.024 us, and rounds down both ways: one more makes what it lists its own cause */
		if (fq_codel[i].what == TIME && value >= 0)
			value = nearbyint(value * 1e6) + 1;
		if (value > UINT32_MAX)
			args_misuse(r->L, &where, "longer than %u us", UINT32_MAX - 1);
		if (value >= 0)
			codec_put(c, fq_codel[i].attr, &(uint32_t){ (uint32_t)llround(value) }, 4);
	}
	idx = push(r, data, "ecn");
	if (idx) {
		struct args_at where = at(r, "data.ecn");

		ecn = args_boolean(r->L, idx, &where);
		codec_put(c, TCA_FQ_CODEL_ECN, &ecn, sizeof(ecn));
		lua_pop(r->L, 1);
	}
	codec_nest_end(c, nest);
}

static void push_fq_codel(struct rtnl *r, const void *options, size_t size)
{
	for (size_t i = 0; i < sizeof(fq_codel) / sizeof(*fq_codel); i++) {
		uint64_t value = number_in(options, size, fq_codel[i].attr, UINT64_MAX);

		if (value == UINT64_MAX)
			continue;
		if (fq_codel[i].what == TIME)
			set_number(r, fq_codel[i].key, (double)value / 1e6);
		else
			set_integer(r, fq_codel[i].key, (lua_Integer)value);
	}
	lua_pushboolean(r->L, number_in(options, size, TCA_FQ_CODEL_ECN, 0) != 0);
	lua_setfield(r->L, -2, "ecn");
}

const struct qdisc_kind qdisc_kinds[] = {
	{ "netem", put_netem, push_netem }, { "tbf", put_tbf, push_tbf }, { "htb", put_htb, push_htb }, { "pfifo", put_fifo, push_fifo },
	{ "bfifo", put_fifo, push_fifo }, { "fq_codel", put_fq_codel, push_fq_codel }, { NULL, NULL, NULL },
};

const struct qdisc_kind class_kinds[] = { { "htb", put_htb_class, push_htb_class }, { NULL, NULL, NULL } };
