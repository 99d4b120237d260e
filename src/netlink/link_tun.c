/* SPDX-License-Identifier: MIT */
/*
 * link_tun.c - tun and tap devices (linux/Documentation/networking/tuntap.rst)
 *
 * The kernel makes them by an ioctl on /dev/net/tun, opened by a thread in the namespace, and keeps them only as long as that descriptor
 * is open. So all the rest of the spec is set first, by rtnetlink as for any link, and the device is told to stay as the last thing: when
 * something is refused on the way, closing the descriptor removes it.
 */
#include "link.h"

#include "../lua/args.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "/dev/net/tun"

struct tun {
	char name[IFNAMSIZ];
	unsigned int index;       /* 0: any */
	unsigned short flags;     /* IFF_ */
	int64_t user, group;      /* -1: any */
};

static int64_t number(struct codec_span data, uint16_t attr, int64_t absent)
{
	struct codec_span found = codec_inner(data, attr);

	return found.data ? (int64_t)codec_load(found.data, found.size) : absent;
}

/* What the message that cannot be sent says. */
static struct tun read_message(const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct codec_span all = { (const char *)(info + 1), h->nlmsg_len - NLMSG_LENGTH(sizeof(*info)) };
	struct codec_span data = codec_inner(codec_inner(all, IFLA_LINKINFO), IFLA_INFO_DATA), name = codec_inner(all, IFLA_IFNAME);
	struct tun tun = {
		.index = (unsigned int)info->ifi_index,
		.flags = (unsigned short)number(data, IFLA_TUN_TYPE, IFF_TUN),
		.user = number(data, IFLA_TUN_OWNER, -1),
		.group = number(data, IFLA_TUN_GROUP, -1),
	};

	snprintf(tun.name, sizeof(tun.name), "%.*s", (int)strnlen(name.data, name.size), name.data);
	tun.flags |= IFF_TUN_EXCL;
	if (!number(data, IFLA_TUN_PI, 0))
		tun.flags |= IFF_NO_PI;
	if (number(data, IFLA_TUN_VNET_HDR, 0))
		tun.flags |= IFF_VNET_HDR;
	if (number(data, IFLA_TUN_MULTI_QUEUE, 0))
		tun.flags |= IFF_MULTI_QUEUE;
	return tun;
}

static int refused(struct nlerror *error, const char *what)
{
	*error = (struct nlerror){ .errnum = errno };
	snprintf(error->text, sizeof(error->text), "%s: %s", what, strerrordesc_np(errno));
	return -error->errnum;
}

static int make(int fd, const struct tun *tun, struct nlerror *error)
{
	struct ifreq request = { .ifr_flags = (short)tun->flags };

	memcpy(request.ifr_name, tun->name, sizeof(tun->name));
	if (tun->index && ioctl(fd, TUNSETIFINDEX, &tun->index) < 0)
		return refused(error, "TUNSETIFINDEX");
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		/* since a moment ago there is one */
		*error = (struct nlerror){ .errnum = errno == EBUSY ? EEXIST : errno };
		return -error->errnum;
	}
	if (tun->user >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)tun->user) < 0)
		return refused(error, "data.user");
	if (tun->group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)tun->group) < 0)
		return refused(error, "data.group");
	return 0;
}

/* All of it, without a lua_State: `rest` is the message that sets what is not peculiar to a tun device. 0, or -errno with `error` filled. */
static int make_and_keep(int fd, const struct tun *tun, struct nlsock *sock, struct nlmsghdr *rest, struct nlerror *error)
{
	int code;

	if (fd < 0) {
		errno = -fd;
		return refused(error, DEVICE);
	}
	code = make(fd, tun, error);
	if (code == 0)
		code = nlsock_talk(sock, rest, NULL, error);
	if (code == 0 && ioctl(fd, TUNSETPERSIST, 1) < 0)
		code = refused(error, "TUNSETPERSIST");
	close(fd);
	return code;
}

bool link_tun(struct rtnl *r, int spec)
{
	static const char *const made_otherwise[] = { "kind", "data", "netns", "index", NULL };
	const char *kind = rtnl_field(r, spec, "kind"), *name = rtnl_field(r, spec, "name");
	struct tun tun;
	struct rtnl there;
	struct nlsock *sock = r->sock;
	struct nlmsghdr *rest;
	struct nlerror error;
	const void *netns;
	int top = lua_gettop(r->L), where;

	if (!kind || strcmp(kind, "tun") != 0)
		return false;
	tun = read_message((struct nlmsghdr *)(r->codec.out->data + r->codec.start));
	lua_pushliteral(r->L, "netns");
	where = lua_rawget(r->L, spec) == LUA_TNIL ? 0 : top + 1;
	if (where)
		sock = r->netns_sock(r, where, "netns");
	netns = r->netns_of(r, where, "netns");
	rtnl_init(&there, r->L, r->object, sock, r->codec.op, r->netns);
	there.codec.index = r->codec.index;
	if (rtnl_ifindex(&there, name))
		rtnl_refuse(&there, &(struct nlerror){ .errnum = EEXIST }, NULL, name);
	rtnl_encode(&there, link_copy(&there, spec, made_otherwise), RTNL_SET);
	rest = (struct nlmsghdr *)there.codec.out->data;
	if (make_and_keep(r->open_in(netns, DEVICE, O_RDWR), &tun, sock, rest, &error) < 0)
		rtnl_refuse(&there, &error, error.offset ? rest : NULL, name);
	lua_settop(r->L, top);
	return true;
}
