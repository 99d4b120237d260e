/* SPDX-License-Identifier: MIT */
/*
 * ring.c - frames of a packet socket, in memory that the kernel fills (packet(7), linux/Documentation/networking/packet_mmap.rst)
 *
 * A socket's own buffer is small for who may not enlarge it, and counts each small frame as a large one; this memory (TPACKET_V3) is packed,
 * and as large as was asked for. The kernel fills block after block and hands one over when it is full. It would also hand over a block
 * that is not, after some time: then few frames could use up all blocks, so that time is made very long, and who wants to read takes frames
 * out of the block that is being filled. A frame is in its place some moments before it is whole: the kernel copies it as a reader of RCU,
 * so what was there before a grace period is whole behind it. membarrier(2) waits for one, and so does to bind the socket anew.
 */
#include "ring.h"

#include "../lua/handle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A block holds frames up to 128 KiB; LONG: ms, as many as older kernels can keep; UNUSED: a protocol that nobody speaks. */
enum { BLOCK = 1 << 17, ALIGNMENT = 2048, LONG = 65535, UNUSED = 0x88b5 };

/* Of each frame, keep so many bytes; of none, none. */
static int keep(int fd, uint32_t bytes)
{
	struct sock_filter filter = BPF_STMT(BPF_RET | BPF_K, bytes);
	struct sock_fprog program = { 1, &filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int ring_open(struct ring *r, size_t buffer, uint32_t snaplen)
{
	struct tpacket_req3 request = { .tp_block_size = BLOCK, .tp_frame_size = ALIGNMENT, .tp_retire_blk_tov = LONG };
	int version = TPACKET_V3, code;

	r->blocks = (unsigned int)((buffer + BLOCK - 1) / BLOCK);
	if (r->blocks < 2) /* one to fill, one to read */
		r->blocks = 2;
	request.tp_block_nr = r->blocks;
	request.tp_frame_nr = BLOCK / ALIGNMENT * r->blocks;
	code = keep(r->fd, snaplen);
	if (code < 0)
		return code;
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return -errno;
	r->map = mmap(NULL, (size_t)BLOCK * r->blocks, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return -errno;
	}
	return 0;
}

static int listen_to(const struct ring *r, int ifindex, uint16_t protocol)
{
	struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = ifindex };

	return bind(r->fd, (struct sockaddr *)&here, sizeof(here)) < 0 ? -errno : 0;
}

int ring_start(struct ring *r, int ifindex)
{
	return listen_to(r, ifindex, ETH_P_ALL);
}

void ring_stop(struct ring *r)
{
	keep(r->fd, 0);
	r->stopped = listen_to(r, 0, UNUSED) == 0;
}

static void count_dropped(struct ring *r)
{
	struct tpacket_stats_v3 stats = { 0 }; /* since the last time */
	socklen_t size = sizeof(stats);

	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		r->dropped += stats.tp_drops;
}

/* How many frames of a block that is being filled are whole. Where nobody can tell, none that is not known already: the block will be full. */
static uint32_t whole(const struct ring *r, const struct tpacket_block_desc *block)
{
	uint32_t n = __atomic_load_n(&block->hdr.bh1.num_pkts, __ATOMIC_ACQUIRE);

	if (n != r->taken && !r->stopped && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0) < 0)
		return r->taken;
	return n;
}

/* Its number of frames is ours to forget: the kernel does so only when it comes to fill the block. */
static void give_back(struct ring *r, struct tpacket_block_desc *block)
{
	block->hdr.bh1.num_pkts = 0;
	__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->current = (r->current + 1) % r->blocks;
	r->taken = r->offset = 0;
}

int ring_read(struct ring *r, int (*each)(void *data, const struct tpacket3_hdr *frame), void *data)
{
	bool full = true;
	int code = 0;

	/* once around: what comes meanwhile is for the next time */
	for (unsigned int n = 0; code == 0 && full && n < r->blocks; n++) {
		struct tpacket_block_desc *block = (struct tpacket_block_desc *)(r->map + (size_t)BLOCK * r->current);
		uint32_t frames;

		full = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
		frames = full ? block->hdr.bh1.num_pkts : whole(r, block);
		for (; code == 0 && r->taken < frames; r->taken++) {
			const struct tpacket3_hdr *h;

			if (r->taken == 0)
				r->offset = block->hdr.bh1.offset_to_first_pkt;
			h = (const struct tpacket3_hdr *)((const char *)block + r->offset);
			code = each(data, h);
			r->offset += h->tp_next_offset;
		}
		if (full && r->taken == frames)
			give_back(r, block);
	}
	count_dropped(r);
	return code;
}

void ring_close(struct ring *r)
{
	if (r->map)
		munmap(r->map, (size_t)BLOCK * r->blocks);
	r->map = NULL;
	handle_closefd(&r->fd);
}
