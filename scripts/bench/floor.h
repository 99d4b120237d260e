/* SPDX-License-Identifier: MIT */
/* floor.h - what the floors share: programs that do a piece of work with the least system calls, and print how many ms it took */
#ifndef NETNS_BENCH_FLOOR_H
#define NETNS_BENCH_FLOOR_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* Milliseconds on the monotonic clock. */
double floor_now(void);

/* Print the result: the time since `start`. */
void floor_print(double start);

/* Print "floor: WHAT: strerror(errno)" and exit. */
void floor_die(const char *what) __attribute__((noreturn));
/* Die if `result` is negative; else return it. */
int floor_check(int result, const char *what);

/* argv[1] as a positive number. */
int floor_size(int argc, char **argv);

/* Go into a fresh network namespace; returns its descriptor. */
int floor_netns(void);

/* Write a file that is there. */
void floor_write(const char *path, const char *text);

/* A netlink socket of the namespace that the thread is in. */
int floor_netlink(void);

/* One message is begun at the end of `buf`, of which `*used` bytes are taken; `flags` beside NLM_F_REQUEST. */
struct nlmsghdr *floor_message(char *buf, size_t *used, uint16_t type, uint16_t flags, const void *header, size_t size);
/* It is complete. */
void floor_finish(const struct nlmsghdr *h, size_t *used);
/* Send all of it in one call, and read until `acks` acks have come. Dies when one of them is a refusal. */
void floor_talk(int fd, char *buf, size_t used, int acks);

/* Append the message that makes a veth pair: `name`, up, with `index`, and `peer`, `peer_index` in the namespace `netns`. */
void floor_veth(char *buf, size_t *used, const char *name, int index, const char *peer, int peer_index, int netns);
/* ... that sets a link up */
void floor_up(char *buf, size_t *used, int index);
/* ... that gives it 10.x.y.host/24, x.y being `network` */
void floor_addr(char *buf, size_t *used, int index, unsigned int network, unsigned int host);
/* ... that keeps it from choosing an IPv6 address by itself */
void floor_no_link_local(char *buf, size_t *used, int index);
/* ... that has its neighbours asked every 50 ms */
void floor_quick_neighbours(char *buf, size_t *used, int family, int index);

/* Until the link's operational state is "up": the kernel hears of a carrier in the background, up to a second late. */
void floor_wait_up(int fd, int index);

#endif
