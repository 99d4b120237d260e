/* SPDX-License-Identifier: MIT */
/* pcap.h - files of frames as tcpdump and Wireshark read them, and filters of frames in their language */
#ifndef NETNS_PACKET_PCAP_H
#define NETNS_PACKET_PCAP_H

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How frames begin: with their Ethernet header, or with a made-up one that says which link they were on. */
enum pcap_link { PCAP_ETHERNET = 1, PCAP_COOKED = 276 /* LINKTYPE_LINUX_SLL2 */ };

#define PCAP_SNAPLEN 262144
#define PCAP_ROOM (PCAP_SNAPLEN + 64)

/* One frame as the file has it. */
struct pcap_frame {
	uint32_t sec, nsec;
	uint32_t captured, length;
};

/* Put a frame of the ring together in `to` (PCAP_ROOM bytes). */
void pcap_assemble(struct pcap_frame *out, uint8_t *to, enum pcap_link link, const struct tpacket3_hdr *frame);

/* The head of a file, and a frame of it, cut at `snaplen`: 0 or -errno. */
int pcap_begin(FILE *file, enum pcap_link link, uint32_t snaplen);
int pcap_write(FILE *file, const struct pcap_frame *frame, const uint8_t *bytes, uint32_t snaplen);

/* bpf.c: a filter, compiled by libpcap, which is loaded for it. */
struct bpf;
/* NULL: `why` says what is wrong with the text, or (*missing) that libpcap is not installed. */
struct bpf *bpf_compile(const char *text, enum pcap_link link, char *why, size_t room, bool *missing);
bool bpf_matches(const struct bpf *bpf, const struct pcap_frame *frame, const uint8_t *bytes);
void bpf_free(struct bpf *bpf);

#endif
