/* SPDX-License-Identifier: MIT */
/*
 * bpf.c - filters of frames, compiled by libpcap (pcap-filter(7), pcap_compile(3PCAP))
 *
 * libpcap is loaded when there is something to compile: nothing else here needs it, and it need not be there to build. A filter is
 * applied to what the file would hold: in the kernel a frame's vlan tag stands elsewhere, and cooked frames have no header yet.
 */
#include "pcap.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>

/* As <pcap/pcap.h> has them. */
struct bpf_program {
	unsigned int size;
	void *instructions;
};

struct pcap_pkthdr {
	struct timeval time;
	uint32_t captured, length;
};

struct bpf {
	void *library;
	struct bpf_program program;
	int (*matches)(const struct bpf_program *, const struct pcap_pkthdr *, const uint8_t *);
	void (*free_program)(struct bpf_program *);
};

/* The function of that name, for a pointer of its type; ISO C knows no such conversion, POSIX does. */
static void find(void *library, const char *name, void *function, bool *all)
{
	void *found = dlsym(library, name);

	*(void **)function = found;
	*all = *all && found;
}

static void *load(void)
{
	static const char *const names[] = { "libpcap.so.1", "libpcap.so.0.8" /* Debian's name for the same */ };
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(*names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

struct bpf *bpf_compile(const char *text, enum pcap_link link, char *why, size_t room, bool *missing)
{
	enum { OPTIMIZE = 1 };
	const uint32_t unknown_netmask = UINT32_MAX;
	int (*compile)(void *, struct bpf_program *, const char *, int, uint32_t);
	void *(*open_dead)(int, int);
	char *(*get_error)(void *);
	void (*close_pcap)(void *);
	struct bpf *bpf = calloc(1, sizeof(*bpf));
	bool all = true;
	void *pcap;

	*missing = false;
	snprintf(why, room, "not enough memory");
	if (!bpf)
		return NULL;
	bpf->library = load();
	if (bpf->library) {
		find(bpf->library, "pcap_open_dead", &open_dead, &all);
		find(bpf->library, "pcap_compile", &compile, &all);
		find(bpf->library, "pcap_geterr", &get_error, &all);
		find(bpf->library, "pcap_close", &close_pcap, &all);
		find(bpf->library, "pcap_offline_filter", &bpf->matches, &all);
		find(bpf->library, "pcap_freecode", &bpf->free_program, &all);
	}
	if (!bpf->library || !all) {
		*missing = true;
		bpf_free(bpf);
		return NULL;
	}
	pcap = open_dead(link, PCAP_SNAPLEN);
	if (pcap && compile(pcap, &bpf->program, text, OPTIMIZE, unknown_netmask) == 0) {
		close_pcap(pcap);
		return bpf;
	}
	if (pcap) {
		snprintf(why, room, "%s", get_error(pcap));
		close_pcap(pcap);
	}
	bpf_free(bpf);
	return NULL;
}

bool bpf_matches(const struct bpf *bpf, const struct pcap_frame *frame, const uint8_t *bytes)
{
	struct pcap_pkthdr h = { .time = { frame->sec, frame->nsec / 1000 }, .captured = frame->captured, .length = frame->length };

	return bpf->matches(&bpf->program, &h, bytes) != 0;
}

void bpf_free(struct bpf *bpf)
{
	if (!bpf)
		return;
	if (bpf->program.instructions)
		bpf->free_program(&bpf->program);
	if (bpf->library)
		dlclose(bpf->library);
	free(bpf);
}
