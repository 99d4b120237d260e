/* SPDX-License-Identifier: MIT */
/*
 * ntable.c - how a link asks for its neighbours: the parameters of ARP and neighbour discovery (ip-ntable(8), include/uapi/linux/neighbour.h)
 *
 * An entry is a table's parameters on one link. Thresholds of the tables themselves are the whole machine's and only listed. Times are in
 * milliseconds, as `ip ntable` has them.
 */
#include "rtnl.h"

#include "../lua/args.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct codec_name families[] = { { "inet", AF_INET }, { "inet6", AF_INET6 }, { NULL, 0 } };

#define PARAMETER(name, attribute, kind) { .key = name, .attr = NDTPA_##attribute, .type = CODEC_##kind }

static const struct codec_row parameters[] = {
	{ .key = "dev", .attr = NDTPA_IFINDEX, .type = CODEC_LINK },
	PARAMETER("base_reachable", BASE_REACHABLE_TIME, U64),
	PARAMETER("retrans", RETRANS_TIME, U64),
	PARAMETER("gc_stale", GC_STALETIME, U64),
	PARAMETER("delay_probe", DELAY_PROBE_TIME, U64),
	PARAMETER("queue", QUEUE_LEN, U32),
	PARAMETER("app_probes", APP_PROBES, U32),
	PARAMETER("ucast_probes", UCAST_PROBES, U32),
	PARAMETER("mcast_probes", MCAST_PROBES, U32),
	PARAMETER("anycast_delay", ANYCAST_DELAY, U64),
	PARAMETER("proxy_delay", PROXY_DELAY, U64),
	PARAMETER("proxy_queue", PROXY_QLEN, U32),
	PARAMETER("locktime", LOCKTIME, U64),
	{ .key = "reachable", .attr = NDTPA_REACHABLE_TIME, .type = CODEC_U64, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

static const struct codec_row counts[] = {
	{ .key = "entries", .type = CODEC_U32, CODEC_HDR(ndt_config, ndtc_entries) },
	{ .type = CODEC_END },
};

#define STAT(member) { .key = #member, .type = CODEC_U64, CODEC_HDR(ndt_stats, ndts_##member) }

static const struct codec_row stats[] = {
	STAT(allocs), STAT(destroys), STAT(hash_grows), STAT(res_failed), STAT(lookups), STAT(hits), STAT(rcv_probes_mcast),
	STAT(rcv_probes_ucast), STAT(periodic_gc_runs), STAT(forced_gc_runs), STAT(table_fulls),
	{ .type = CODEC_END },
};

static const struct codec_row rows[] = {
	{ .key = "name", .attr = NDTA_NAME, .type = CODEC_STRING, .max = 31 },
	{ .key = "family", .type = CODEC_U8, .names = families, CODEC_HDR(ndtmsg, ndtm_family) },
	{ .attr = NDTA_PARMS, .type = CODEC_INLINE, .sub = parameters },
	{ .key = "thresh1", .attr = NDTA_THRESH1, .type = CODEC_U32, .flags = CODEC_RO },
	{ .key = "thresh2", .attr = NDTA_THRESH2, .type = CODEC_U32, .flags = CODEC_RO },
	{ .key = "thresh3", .attr = NDTA_THRESH3, .type = CODEC_U32, .flags = CODEC_RO },
	{ .key = "gc_interval", .attr = NDTA_GC_INTERVAL, .type = CODEC_U64, .flags = CODEC_RO },
	{ .key = "config", .attr = NDTA_CONFIG, .type = CODEC_MEMBER, .sub = counts, .flags = CODEC_RO },
	{ .key = "stats", .attr = NDTA_STATS, .type = CODEC_MEMBER, .sub = stats, .flags = CODEC_RO },
	{ .type = CODEC_END },
};

/* The two tables have a name for each family; both may be said, and must agree with nothing else to find one. */
static void end(struct rtnl *r, int spec, enum rtnl_verb verb)
{
	static const struct {
		const char *name;
		uint8_t family;
	} tables[] = { { "arp_cache", AF_INET }, { "ndisc_cache", AF_INET6 } };
	struct args_at at = { .op = r->codec.op, .key = "name", .index = r->codec.index };
	const char *name = rtnl_field(r, spec, "name");
	struct ndtmsg *header = codec_header(&r->codec);

	if (verb != RTNL_SET && verb != RTNL_REPLACE)
		args_misuse(r->L, &at, "the kernel's tables can be set and listed only");
	if (!rtnl_has(r, spec, "dev") && verb == RTNL_SET) {
		at.key = "dev";
		args_misuse(r->L, &at, "is missing: the parameters of a table itself are the whole machine's");
	}
	for (size_t i = 0; i < 2; i++) {
		if (name && strcmp(name, tables[i].name) == 0) {
			header->ndtm_family = tables[i].family;
			return;
		}
		if (!name && header->ndtm_family == tables[i].family) {
			codec_put(&r->codec, NDTA_NAME, tables[i].name, strlen(tables[i].name) + 1);
			return;
		}
	}
	args_misuse(r->L, &at, "\"arp_cache\" or \"ndisc_cache\" expected, or a family");
}

/* The parameters of a table itself are the whole machine's. */
static bool passed_over(struct rtnl *r, int spec)
{
	return !rtnl_has(r, spec, "dev");
}

const struct rtnl_object rtnl_ntable = {
	.name = "ntable",
	.key = "name",
	.rows = rows,
	.header = sizeof(struct ndtmsg),
	.get = RTM_GETNEIGHTBL,
	.new = RTM_NEWNEIGHTBL,
	.set = RTM_SETNEIGHTBL,
	.end = end,
	.passed_over = passed_over,
};
