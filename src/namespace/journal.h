/* SPDX-License-Identifier: MIT */
/* journal.h - who made which name in /run/netns, so that what a dead program left can be told from everybody else's */
#ifndef NETNS_JOURNAL_H
#define NETNS_JOURNAL_H

#include "ns.h"

#include <stdint.h>

#define JOURNAL_DIR "/run/nslua-names"

/* One entry: the maker (a process, told from a later one with the same number by its start time) and the namespace. */
struct journal_entry {
	int pid;
	unsigned long long start; /* clock ticks after boot, field 22 of /proc/PID/stat */
	unsigned long long pidns; /* inode of the PID namespace in which `pid` means that process */
	unsigned long long dev, inode;
	unsigned long long cookie; /* an inode's number passes on to a later namespace, this one does not; 0: not known */
};

/*
 * The lock that everybody holds who changes names: a descriptor to close, or -errno; -EWOULDBLOCK while somebody else has it. Makes the
 * directory.
 */
int journal_lock(void);

/* The cookie of a network namespace (SO_NETNS_COOKIE, Linux 5.14); 0 where it cannot be had. */
unsigned long long journal_cookie(const struct ns *ns);

/* Write down that this process is about to give `name` to `ns`. The lock is held. 0 or -errno. */
int journal_write(int lock, const char *name, const struct ns *ns);
int journal_read(int lock, const char *name, struct journal_entry *entry);
void journal_forget(int lock, const char *name);

/* Remove what a killed journal_write() left of itself. The lock is held. */
void journal_tidy(int lock);

/* Is the maker certainly gone? Not when it lived in another PID namespace, of which nothing is known here. */
int journal_is_orphan(const struct journal_entry *entry);

#endif
