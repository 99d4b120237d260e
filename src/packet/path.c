/* SPDX-License-Identifier: MIT */
/*
 * path.c - the first step of a packet's path, as the sender's kernel sees it: route, link, neighbour
 *
 * Theory. Silence may begin at home: while the kernel still asks for the neighbour's address the packet has not left, and a link without
 * carrier swallows everything. Neither is told by sendto(), so whoever judges a silence asks here first.
 */
#include "path.h"

#include "../netlink/attrs.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *address_bytes(const union address *a, size_t *size)
{
	*size = a->any.sa_family == AF_INET ? 4 : 16;
	return a->any.sa_family == AF_INET ? (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;
}

/* Send the request and leave the first answer in `answer`: the message, if it is of `type` and has all of its header; else NULL. */
static const struct nlmsghdr *ask(struct nlsock *s, struct nlmsghdr *request, uint16_t type, size_t header, struct nlbuf *answer, int *code)
{
	struct nlerror error;
	const struct nlmsghdr *h;

	answer->size = 0;
	*code = nlsock_talk(s, request, answer, &error);
	h = (const struct nlmsghdr *)answer->data;
	if (*code < 0 || answer->size < NLMSG_LENGTH(header) || h->nlmsg_len < NLMSG_LENGTH(header) || h->nlmsg_type != type)
		return NULL;
	return h;
}

static void ask_route(struct nlsock *s, const union address *target, struct path *path, struct nlbuf *answer, int *code)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	struct codec_span all, oif, gateway;
	const struct nlmsghdr *h;
	size_t size;
	const void *bytes = address_bytes(target, &size);

	request->nlmsg_type = RTM_GETROUTE;
	route->rtm_family = (unsigned char)target->any.sa_family;
	route->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(request, RTA_DST, size, bytes);
	if (size == 16 && target->in6.sin6_scope_id)
		mnl_attr_put_u32(request, RTA_OIF, target->in6.sin6_scope_id);
	path->via = *target;
	h = ask(s, request, RTM_NEWROUTE, sizeof(*route), answer, code);
	if (!h)
		return;
	route = mnl_nlmsg_get_payload(h);
	path->type = route->rtm_type;
	all = codec_attrs(h, sizeof(*route));
	oif = codec_inner(all, RTA_OIF);
	if (oif.size >= 4)
		path->oif = (unsigned int)codec_load(oif.data, 4);
	gateway = codec_inner(all, RTA_GATEWAY);
	if (gateway.data && gateway.size == size)
		memcpy((void *)address_bytes(&path->via, &size), gateway.data, size);
	/* RTA_VIA is a gateway of the other family: its neighbour entry is not looked at */
	path->foreign = codec_inner(all, RTA_VIA).data;
	path->routed = (gateway.data && gateway.size == size) || path->foreign;
}

/* Returns the link's flags, 0 if it is gone. */
static unsigned int ask_link(struct nlsock *s, struct path *path, struct nlbuf *answer, int *code)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	const struct nlmsghdr *h;
	struct codec_span name;

	request->nlmsg_type = RTM_GETLINK;
	link->ifi_index = (int)path->oif;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	h = ask(s, request, RTM_NEWLINK, sizeof(*link), answer, code);
	if (!h)
		return 0;
	link = mnl_nlmsg_get_payload(h);
	path->up = link->ifi_flags & IFF_UP;
	path->carrier = link->ifi_flags & IFF_LOWER_UP;
	name = codec_inner(codec_attrs(h, sizeof(*link)), IFLA_IFNAME);
	snprintf(path->dev, sizeof(path->dev), "%.*s", (int)name.size, name.data ? name.data : "");
	return link->ifi_flags;
}

static void ask_neighbour(struct nlsock *s, struct path *path, struct nlbuf *answer, int *code)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(request, sizeof(*neighbour));
	const struct nlmsghdr *h;
	size_t size;
	const void *bytes = address_bytes(&path->via, &size);

	request->nlmsg_type = RTM_GETNEIGH;
	neighbour->ndm_family = (unsigned char)path->via.any.sa_family;
	neighbour->ndm_ifindex = (int)path->oif;
	mnl_attr_put(request, NDA_DST, size, bytes);
	h = ask(s, request, RTM_NEWNEIGH, sizeof(*neighbour), answer, code);
	if (h)
		path->neighbour = ((const struct ndmsg *)mnl_nlmsg_get_payload(h))->ndm_state;
}

/* The question failed, so there is no answer. */
static bool broken(int code)
{
	return code == -ENOMEM || code == -EBADF || code == -ENOBUFS;
}

int path_ask(struct nlsock *s, const union address *target, struct path *path)
{
	struct path found = { .errnum = 0 };
	struct nlbuf answer = { 0 };
	unsigned int flags;
	int code, later = 0;

	ask_route(s, target, &found, &answer, &code);
	if (code == 0 && found.oif) {
		flags = ask_link(s, &found, &answer, &later);
		found.resolved = !broken(later) && !(flags & (IFF_NOARP | IFF_LOOPBACK)) && found.type == RTN_UNICAST && !found.foreign;
		if (found.resolved)
			ask_neighbour(s, &found, &answer, &later);
	}
	nlbuf_free(&answer);
	if (broken(code) || broken(later))
		return broken(code) ? code : later;
	found.errnum = -code; /* the kernel's refusal of the lookup is the answer to it */
	*path = found;
	return 0;
}

const char *path_neighbour_name(int state)
{
	static const struct {
		int state;
		const char *name;
	} names[] = {
		{ NUD_INCOMPLETE, "incomplete" }, { NUD_REACHABLE, "reachable" }, { NUD_STALE, "stale" }, { NUD_DELAY, "delay" },
		{ NUD_PROBE, "probe" }, { NUD_FAILED, "failed" }, { NUD_NOARP, "noarp" }, { NUD_PERMANENT, "permanent" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (state & names[i].state)
			return names[i].name;
	return NULL;
}
