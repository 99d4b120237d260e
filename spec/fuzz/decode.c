/* SPDX-License-Identifier: MIT */
/*
 * decode.c - fuzz target: any message of the kernel's, as a listing reads it
 *
 * Input: the object, four bytes (an offset, as in an extended ack), a message. What is decoded is encoded again: that may be refused, but
 * only as any misuse is, and what it gives is decoded, too. One object more is what nftables says of packets that are traced.
 */
#include "fuzz.h"

#include "../../src/netlink/nftrace.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* A copy of its own, so that the sanitizer knows where it ends. */
static struct nlmsghdr *push_message(lua_State *L, struct input bytes, uint16_t type)
{
	struct nlmsghdr *h = lua_newuserdatauv(L, bytes.size, 0);

	memcpy(h, bytes.data, bytes.size);
	h->nlmsg_len = (uint32_t)bytes.size;
	h->nlmsg_type = type;
	return h;
}

/* Push what a message lists; nothing is pushed when it is passed over. */
static bool decode(struct rtnl *r, const struct nlmsghdr *h)
{
	const struct rtnl_object *o = r->object;

	if (h->nlmsg_len < NLMSG_HDRLEN + o->header || (o->wanted && !o->wanted(r, h, 0)))
		return false;
	rtnl_push(r, h);
	if (o->nth)
		o->nth(r, h, 0);
	return true;
}

static int run(lua_State *L)
{
	struct input *in = lua_touserdata(L, 1);
	unsigned int what = input_byte(in) % (FUZZ_OBJECTS + 1);
	const struct rtnl_object *object = fuzz_objects[what % FUZZ_OBJECTS];
	uint32_t offset = (uint32_t)input_number(in, 4);
	struct nlmsghdr *h;
	struct codec_path path;
	struct rtnl r;
	size_t start;

	if (in->size < NLMSG_HDRLEN)
		return 0;
	if (what == FUZZ_OBJECTS) {
		h = push_message(L, *in, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE);
		lua_newtable(L);
		nftrace_decode(L, h, in->size, 0);
		return 0;
	}
	fuzz_rtnl(&r, L, object, "decode");
	h = push_message(L, *in, object->new);
	r.family = h->nlmsg_len > NLMSG_HDRLEN ? ((const uint8_t *)h)[NLMSG_HDRLEN] : 0;
	codec_key_at(h, object->header, object->rows, offset % (h->nlmsg_len + 16), &path);
	if (!decode(&r, h))
		return 0;
	r.lenient = true; /* nobody is asked which kind a link is */
	start = rtnl_encode(&r, lua_gettop(L), RTNL_ADD);
	decode(&r, (struct nlmsghdr *)(r.codec.out->data + start));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_call(run, &(struct input){ data, size });
	return 0;
}
