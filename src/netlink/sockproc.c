/* SPDX-License-Identifier: MIT */
/* sockproc.c - what /proc/net says of raw and packet sockets (proc_pid_net(5)), as the messages of sock_diag(7) */
#include "sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int put(struct nlbuf *out, const void *data, size_t size)
{
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = SOCK_DIAG_BY_FAMILY };
	int code = nlbuf_reserve(out, NLMSG_SPACE(size));

	if (code < 0)
		return code;
	memcpy(out->data + out->size, &h, sizeof(h));
	memset(out->data + out->size + NLMSG_HDRLEN, 0, NLMSG_SPACE(size) - NLMSG_HDRLEN);
	memcpy(out->data + out->size + NLMSG_HDRLEN, data, size);
	out->size += NLMSG_SPACE(size);
	return 0;
}

/* An address in words of base 16, as the machine reads its bytes; what stands behind it. */
static const char *address(const char *text, int family, uint32_t *words)
{
	for (int i = 0; i < (family == AF_INET6 ? 4 : 1); i++, text += 8) {
		char word[9] = "";

		if (strlen(text) < 8)
			return NULL;
		memcpy(word, text, 8);
		words[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	return *text == ':' ? text + 1 : NULL;
}

/* "1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 12345 2 ..." */
static int raw_line(const char *line, int family, struct nlbuf *out)
{
	struct inet_diag_msg m = { .idiag_family = (uint8_t)family };
	unsigned int protocol, state, sent, received, uid, inode;
	char local[48], remote[48];
	const char *behind;

	if (sscanf(line, " %*u: %47s %47s %x %x:%x %*x:%*x %*x %u %*u %u", local, remote, &state, &sent, &received, &uid, &inode) != 7)
		return 0;
	behind = address(local, family, (uint32_t *)m.id.idiag_src);
	if (!behind || sscanf(behind, "%x", &protocol) != 1 || !address(remote, family, (uint32_t *)m.id.idiag_dst))
		return 0;
	m.id.idiag_sport = htons((uint16_t)protocol);
	m.idiag_state = (uint8_t)state;
	m.idiag_wqueue = sent;
	m.idiag_rqueue = received;
	m.idiag_uid = uid;
	m.idiag_inode = inode;
	return put(out, &m, sizeof(m));
}

/* "0000000000000000 3      3    0003   2     1 0      0      19838" */
static int packet_line(const char *line, struct nlbuf *out)
{
	unsigned int type, protocol, index, received, uid, inode;
	struct {
		struct packet_diag_msg m;
		struct nlattr info_head;
		struct packet_diag_info info;
		struct nlattr uid_head;
		uint32_t uid;
		struct nlattr memory_head;
		uint32_t memory[9];
	} message = {
		.m = { .pdiag_family = AF_PACKET },
		.info_head = { .nla_len = NLA_HDRLEN + sizeof(message.info), .nla_type = PACKET_DIAG_INFO },
		.uid_head = { .nla_len = NLA_HDRLEN + sizeof(message.uid), .nla_type = PACKET_DIAG_UID },
		.memory_head = { .nla_len = NLA_HDRLEN + sizeof(message.memory), .nla_type = PACKET_DIAG_MEMINFO },
	};

	if (sscanf(line, "%*x %*u %u %x %u %*u %u %u %u", &type, &protocol, &index, &received, &uid, &inode) != 6)
		return 0;
	message.m.pdiag_type = (uint8_t)type;
	message.m.pdiag_num = (uint16_t)protocol;
	message.m.pdiag_ino = inode;
	message.info.pdi_index = index;
	message.uid = uid;
	message.memory[0] = received; /* SK_MEMINFO_RMEM_ALLOC */
	return put(out, &message, sizeof(message));
}

int sockproc_read(int fd, int family, struct nlbuf *out)
{
	FILE *file = fdopen(fd, "re");
	size_t room = 0;
	char *line = NULL;
	int code = 0;

	if (!file) {
		code = -errno;
		close(fd);
		return code;
	}
	while (code == 0 && getline(&line, &room, file) > 0) /* the heading has no numbers where they are looked for */
		code = family == AF_PACKET ? packet_line(line, out) : raw_line(line, family, out);
	if (code == 0 && ferror(file))
		code = -EIO;
	free(line);
	fclose(file);
	return code;
}
