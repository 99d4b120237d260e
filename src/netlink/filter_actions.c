/* SPDX-License-Identifier: MIT */
/*
 * filter_actions.c - what is done with the packets that a filter finds (tc-actions(8), tc-mirred(8), tc-police(8))
 *
 *   { kind = "gact", action = "drop" }
 *   { kind = "mirred", mode = "redirect", dev = "ifb0", direction = "egress" }
 *   { kind = "police", rate = "1mbit", burst = "10kb", action = "drop" }
 */
#include "filter.h"
#include "units.h"

#include "../lua/args.h"

#include <lauxlib.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <math.h>
#include <string.h>

enum { TICK = 64 /* ns */, CELL_LOG = 3, RTAB_SIZE = 1024 };

static const struct codec_name verdicts[] = {
	{ "pass", TC_ACT_OK }, { "drop", TC_ACT_SHOT }, { "pipe", TC_ACT_PIPE }, { "reclassify", TC_ACT_RECLASSIFY },
	{ "continue", 0xffff /* TC_ACT_UNSPEC */ }, { NULL, 0 },
};

static const struct codec_name modes[] = { { "redirect", TCA_EGRESS_REDIR }, { "mirror", TCA_EGRESS_MIRROR }, { NULL, 0 } };
static const struct codec_name directions[] = { { "egress", 0 }, { "ingress", 2 }, { NULL, 0 } }; /* added to the mode */

#define KEY(name, look) { .key = name, .type = CODEC_CUSTOM, .as = CODEC_##look }

enum { ACTION, MODE, DIRECTION };
const struct codec_row filter_action_rows[] = {
	{ .key = "action", .type = CODEC_U16, .names = verdicts },
	{ .key = "mode", .type = CODEC_U16, .names = modes },
	{ .key = "direction", .type = CODEC_U16, .names = directions },
	{ .key = "kind", .type = CODEC_STRING, .max = 15 },
	{ .key = "dev", .type = CODEC_LINK },
	KEY("rate", RATE), KEY("burst", SIZE),
	{ .type = CODEC_END },
};

/* The word in action[key]; `otherwise` when there is none. */
static uint32_t word(struct rtnl *r, int action, int which, uint32_t otherwise)
{
	int idx = filter_push(r, action, filter_action_rows[which].key);
	uint32_t value = idx ? (uint32_t)codec_number(r->L, &filter_action_rows[which], idx) : otherwise;

	if (idx)
		lua_pop(r->L, 1);
	return value == 0xffff ? (uint32_t)TC_ACT_UNSPEC : value;
}

static void need(struct rtnl *r, int action, const char *key, const char *path)
{
	struct args_at where = filter_at(r, path);

	if (!rtnl_has(r, action, key))
		args_misuse(r->L, &where, "is missing");
}

static void put_gact(struct rtnl *r, int action)
{
	struct tc_gact parms = { .action = (int)word(r, action, ACTION, TC_ACT_SHOT) };

	need(r, action, "action", "data.actions.action");
	codec_put(&r->codec, TCA_GACT_PARMS, &parms, sizeof(parms));
}

static void put_mirred(struct rtnl *r, int action)
{
	struct tc_mirred parms = { .eaction = (int)word(r, action, MODE, TCA_EGRESS_REDIR) };
	int idx;

	need(r, action, "mode", "data.actions.mode");
	need(r, action, "dev", "data.actions.dev");
	parms.action = parms.eaction == TCA_EGRESS_REDIR ? TC_ACT_STOLEN : (int)word(r, action, ACTION, TC_ACT_PIPE);
	parms.eaction += (int)word(r, action, DIRECTION, 0);
	idx = filter_push(r, action, "dev");
	parms.ifindex = codec_ifindex(&r->codec, idx, "actions.dev");
	lua_pop(r->L, 1);
	codec_put(&r->codec, TCA_MIRRED_PARMS, &parms, sizeof(parms));
}

/* The kernel wants a table of times for old kernels' sake, and computes its own. */
static void put_police(struct rtnl *r, int action)
{
	struct args_at rate_at = filter_at(r, "data.actions.rate"), burst_at = filter_at(r, "data.actions.burst");
	struct tc_police parms = { .action = (int)word(r, action, ACTION, TC_ACT_SHOT) };
	double rate, burst;

	need(r, action, "rate", rate_at.key);
	need(r, action, "burst", burst_at.key);
	rate = units_rate(r->L, filter_push(r, action, "rate"), &rate_at) / 8;
	burst = units_size(r->L, filter_push(r, action, "burst"), &burst_at);
	lua_pop(r->L, 2);
	if (rate < 1 || rate > UINT32_MAX)
		args_misuse(r->L, &rate_at, "from 8 bits a second to 34gbit");
	parms.burst = (uint32_t)fmin(burst * 1e9 / rate / TICK, UINT32_MAX);
	parms.rate = (struct tc_ratespec){ .rate = (uint32_t)rate, .cell_log = CELL_LOG, .linklayer = TC_LINKLAYER_ETHERNET, .cell_align = -1 };
	codec_put(&r->codec, TCA_POLICE_TBF, &parms, sizeof(parms));
	codec_put(&r->codec, TCA_POLICE_RATE, NULL, RTAB_SIZE);
}

static void push_word(struct rtnl *r, int which, uint32_t value)
{
	const struct codec_name *name = filter_action_rows[which].names;

	while (name->name && name->value != (value & 0xffff))
		name++;
	if (name->name)
		lua_pushstring(r->L, name->name);
	else
		lua_pushinteger(r->L, value);
	lua_setfield(r->L, -2, filter_action_rows[which].key);
}

static void push_gact(struct rtnl *r, struct codec_span options)
{
	struct codec_span parms = codec_inner(options, TCA_GACT_PARMS);

	if (parms.size >= sizeof(struct tc_gact))
		push_word(r, ACTION, (uint32_t)((const struct tc_gact *)parms.data)->action);
}

static void push_mirred(struct rtnl *r, struct codec_span options)
{
	struct codec_span found = codec_inner(options, TCA_MIRRED_PARMS);
	const struct tc_mirred *parms = (const struct tc_mirred *)found.data;
	bool mirrors;

	if (found.size < sizeof(*parms))
		return;
	mirrors = parms->eaction == TCA_EGRESS_MIRROR || parms->eaction == TCA_INGRESS_MIRROR;
	push_word(r, MODE, mirrors ? TCA_EGRESS_MIRROR : TCA_EGRESS_REDIR);
	push_word(r, DIRECTION, parms->eaction >= TCA_INGRESS_REDIR ? 2 : 0);
	if (mirrors)
		push_word(r, ACTION, (uint32_t)parms->action);
	r->codec.push_ifname(&r->codec, parms->ifindex);
	lua_setfield(r->L, -2, "dev");
}

static void push_police(struct rtnl *r, struct codec_span options)
{
	struct codec_span found = codec_inner(options, TCA_POLICE_TBF);
	const struct tc_police *parms = (const struct tc_police *)found.data;

	if (found.size < sizeof(*parms))
		return;
	push_word(r, ACTION, (uint32_t)parms->action);
	lua_pushinteger(r->L, (lua_Integer)parms->rate.rate * 8);
	lua_setfield(r->L, -2, "rate");
	lua_pushinteger(r->L, (lua_Integer)ceil((double)parms->burst * TICK * parms->rate.rate / 1e9 - 1e-6));
	lua_setfield(r->L, -2, "burst");
}

static const struct {
	const char *name;
	void (*put)(struct rtnl *r, int action);
	void (*push)(struct rtnl *r, struct codec_span options);
} kinds[] = { { "gact", put_gact, push_gact }, { "mirred", put_mirred, push_mirred }, { "police", put_police, push_police } };

static void put_action(struct rtnl *r, int action, uint16_t number)
{
	struct args_at where = filter_at(r, "data.actions.kind");
	const char *name = rtnl_field(r, action, "kind");
	size_t nest, options;

	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		nest = codec_nest(&r->codec, number);
		codec_put(&r->codec, TCA_ACT_KIND, name, strlen(name) + 1);
		options = codec_nest(&r->codec, TCA_ACT_OPTIONS);
		kinds[i].put(r, action);
		codec_nest_end(&r->codec, options);
		codec_nest_end(&r->codec, nest);
		return;
	}
	args_misuse(r->L, &where, name ? "'%s' is none of gact, mirred, police" : "is missing", name);
}

void filter_put_actions(struct rtnl *r, int data, const struct codec_row *row, uint16_t attr)
{
	int array = filter_push(r, data, "actions");
	size_t nest;

	if (!array)
		return;
	luaL_checkstack(r->L, 12, r->codec.op);
	codec_check(&r->codec, data, array, row);
	nest = codec_nest(&r->codec, attr);
	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(r->L, array); i++) {
		lua_rawgeti(r->L, array, i);
		put_action(r, array + 1, (uint16_t)i);
		lua_settop(r->L, array);
	}
	codec_nest_end(&r->codec, nest);
	lua_settop(r->L, array - 1);
}

void filter_push_actions(struct rtnl *r, struct codec_span actions)
{
	lua_State *L = r->L;
	const struct nlattr *a;
	lua_Integer n = 0;

	if (!actions.data)
		return;
	lua_newtable(L);
	while ((a = codec_next(&actions))) {
		struct codec_span all = { (const char *)(a + 1), a->nla_len - NLA_HDRLEN }, kind = codec_inner(all, TCA_ACT_KIND);

		lua_newtable(L);
		lua_pushlstring(L, kind.data ? kind.data : "", kind.data ? strnlen(kind.data, kind.size) : 0);
		lua_setfield(L, -2, "kind");
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (strcmp(kinds[i].name, rtnl_field(r, lua_gettop(L), "kind")) == 0)
				kinds[i].push(r, codec_inner(all, TCA_ACT_OPTIONS));
		lua_rawseti(L, -2, ++n);
	}
	lua_setfield(L, -2, "actions");
}
