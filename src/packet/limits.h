/* SPDX-License-Identifier: MIT */
/* limits.h - how many ICMP errors a namespace held back, because their rate is limited */
#ifndef NETNS_PACKET_LIMITS_H
#define NETNS_PACKET_LIMITS_H

/* The files that count them, in the namespace of the thread that opens them. */
#define LIMITS_FILES { "/proc/thread-self/net/snmp", "/proc/thread-self/net/snmp6" }
enum { LIMITS = 2 };

/* The sum of their counters, or -1 where the kernel has none, as older ones. */
long limits_read(const int fd[LIMITS]);

#endif
