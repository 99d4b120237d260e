/* SPDX-License-Identifier: MIT */
/* pcap.c - files of frames as tcpdump and Wireshark read them (pcap-savefile(5), LINKTYPE_LINUX_SLL2) */
#include "pcap.h"

#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

enum { NANOSECONDS = (int)0xa1b23c4d, MACS = 2 * ETH_ALEN, TAG = 4 };

struct cooked {
	uint16_t protocol, reserved;
	uint32_t index;
	uint16_t hatype;
	uint8_t pkttype, halen;
	uint8_t address[8];
};

/* The kernel takes a frame's vlan tag out of it: put it where it was. */
static uint32_t put_tag(uint8_t *to, const struct tpacket3_hdr *frame)
{
	uint16_t tag[2] = { htons(frame->tp_status & TP_STATUS_VLAN_TPID_VALID ? frame->hv1.tp_vlan_tpid : ETH_P_8021Q),
			    htons((uint16_t)frame->hv1.tp_vlan_tci) };

	memcpy(to, tag, TAG);
	return TAG;
}

void pcap_assemble(struct pcap_frame *out, uint8_t *to, enum pcap_link link, const struct tpacket3_hdr *frame)
{
	const uint8_t *bytes = (const uint8_t *)frame + (link == PCAP_COOKED ? frame->tp_net : frame->tp_mac);
	uint32_t size = frame->tp_snaplen < PCAP_SNAPLEN ? frame->tp_snaplen : PCAP_SNAPLEN, put = 0, taken = 0;
	const struct sockaddr_ll *from = ring_from(frame);

	if (link == PCAP_COOKED) {
		struct cooked head = {
			.protocol = from->sll_protocol,
			.index = htonl((uint32_t)from->sll_ifindex),
			.hatype = htons(from->sll_hatype),
			.pkttype = from->sll_pkttype,
			.halen = from->sll_halen,
		};

		memcpy(head.address, from->sll_addr, sizeof(head.address));
		memcpy(to, &head, sizeof(head));
		put = sizeof(head);
	} else if (frame->tp_status & TP_STATUS_VLAN_VALID && size >= MACS) {
		memcpy(to, bytes, MACS);
		taken = MACS;
		put = MACS + put_tag(to + MACS, frame);
	}
	memcpy(to + put, bytes + taken, size - taken);
	*out = (struct pcap_frame){
		.sec = frame->tp_sec,
		.nsec = frame->tp_nsec,
		.captured = size - taken + put,
		.length = frame->tp_len - taken + put,
	};
}

int pcap_begin(FILE *file, enum pcap_link link, uint32_t snaplen)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
	} head = { (uint32_t)NANOSECONDS, 2, 4, 0, 0, snaplen, link };

	return fwrite(&head, sizeof(head), 1, file) == 1 ? 0 : -errno;
}

int pcap_write(FILE *file, const struct pcap_frame *frame, const uint8_t *bytes, uint32_t snaplen)
{
	struct pcap_frame cut = *frame;

	if (cut.captured > snaplen)
		cut.captured = snaplen;
	if (fwrite(&cut, sizeof(cut), 1, file) != 1 || fwrite(bytes, 1, cut.captured, file) != cut.captured)
		return -errno;
	return 0;
}
