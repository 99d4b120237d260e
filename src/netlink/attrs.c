/* SPDX-License-Identifier: MIT */
/*
 * attrs.c - reads attributes that stand one behind the other
 *
 * Nothing behind the end of a span is read, also where the last attribute is cut, or the message's length is no multiple of four.
 */
#include "attrs.h"

#include <string.h>

struct codec_span codec_attrs(const struct nlmsghdr *message, size_t header)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	if (message->nlmsg_len <= skip)
		return (struct codec_span){ NULL, 0 };
	return (struct codec_span){ (const char *)message + skip, message->nlmsg_len - skip };
}

const struct nlattr *codec_next(struct codec_span *rest)
{
	const struct nlattr *a = (const struct nlattr *)rest->data;
	size_t step;

	if (rest->size < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > rest->size)
		return NULL;
	step = NLA_ALIGN((size_t)a->nla_len);
	if (step > rest->size)
		step = rest->size;
	rest->data += step;
	rest->size -= step;
	return a;
}

struct codec_span codec_inner(struct codec_span attrs, uint16_t type)
{
	const struct nlattr *a;

	while ((a = codec_next(&attrs)))
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return (struct codec_span){ (const char *)(a + 1), a->nla_len - NLA_HDRLEN };
	return (struct codec_span){ NULL, 0 };
}

uint64_t codec_load(const void *from, size_t size)
{
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;

	if (size >= sizeof(u64))
		memcpy(&u64, from, sizeof(u64));
	else if (size >= sizeof(u32))
		memcpy(&u32, from, sizeof(u32));
	else if (size >= sizeof(u16))
		memcpy(&u16, from, sizeof(u16));
	else if (size)
		memcpy(&u8, from, sizeof(u8));
	return u8 | u16 | u32 | u64;
}
