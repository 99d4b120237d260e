/* SPDX-License-Identifier: MIT */
/* child.h - what runs in the processes that netns makes: the supervisor, the program's child, the mount helper */
#ifndef NETNS_CHILD_H
#define NETNS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIDDEN __attribute__((visibility("hidden")))

struct sock_filter;

enum { CHILD_STACK = 16384 };

enum { CHILD_SIGNALS = 31 }; /* beside those for real time */

/* Where a child failed: which call, and so which option was at fault. */
enum child_step {
	CHILD_CLONE,
	CHILD_SETNS,
	CHILD_MOUNTS,
	CHILD_UNSHARE,
	CHILD_USER_MAP,
	CHILD_HOSTNAME,
	CHILD_KEYRING,
	CHILD_INIT,
	CHILD_PROC,
	CHILD_ROOT,
	CHILD_READONLY,
	CHILD_MASKED,
	CHILD_CWD,
	CHILD_STDIO,
	CHILD_PTY,
	CHILD_FILES,
	CHILD_LIMITS,
	CHILD_CAPS,
	CHILD_USER,
	CHILD_PRIVS,
	CHILD_SECCOMP,
	CHILD_EXEC,
};

enum child_event { CHILD_STARTED, CHILD_FAILED, CHILD_ENDED };

/* What the supervisor writes to `status`: CHILD_STARTED (unless the job is quiet) or CHILD_FAILED, later CHILD_ENDED. */
struct child_report {
	int32_t event;
	int32_t pid;
	int32_t error;  /* CHILD_FAILED: errno and enum child_step */
	int32_t step;
	int32_t killed; /* CHILD_ENDED: 1 if `value` is a signal, 0 if it is an exit code */
	int32_t value;
	int32_t late;   /* ... at its deadline */
	int32_t left;   /* ... leaving descendants behind */
	int64_t when;   /* CLOCK_MONOTONIC, ns */
};

/* Resource limits, as prlimit(2) takes them. */
enum { CHILD_LIMITS_MAX = 16 };
#define CHILD_UNLIMITED UINT64_MAX

struct child_limit {
	const char *name;
	int resource;
	uint64_t soft, hard;
};

enum { CHILD_GROUPS_MAX = 64 };

/* What the program may do less than we. */
struct child_confinement {
	bool any;          /* of the following */
	bool has_user;
	uint32_t uid, gid;
	int n_groups;
	uint32_t groups[CHILD_GROUPS_MAX]; /* beside gid */
	bool no_new_privs;
	bool has_caps;
	uint64_t caps;     /* those that it keeps, by number */
	const struct sock_filter *filter; /* a seccomp filter; NULL: none */
	unsigned short filter_size;
	int n_limits;
	struct child_limit limits[CHILD_LIMITS_MAX];
};

enum { CHILD_HOSTNAME_MAX = 64, CHILD_TEXT = 4096 };

/* What becomes the root of a container. */
enum child_root {
	CHILD_ROOT_NONE,      /* ours stays it */
	CHILD_ROOT_DIRECTORY, /* the directory `lower` */
	CHILD_ROOT_OVERLAY,   /* `lower`, beneath a tmpfs that takes what is written */
};

/* Namespaces of the program's own. Then its child has memory of its own. */
struct child_container {
	unsigned long flags;      /* CLONE_NEW...: which */
	char hostname[CHILD_HOSTNAME_MAX];
	size_t hostname_size;     /* 0: ours */
	enum child_root root;
	const char *lower;
	const char *const *readonly, *const *masked; /* paths, ended by NULL */
	bool protects, hides;     /* what container runtimes do, too */
	bool anywhere;            /* where `cwd` is not in the new root, start in it */
	char terminal[32];        /* the path of its terminal, to be /dev/console; "": none */
	int init;                 /* out: pid 1 of its PID namespace, 0 if it has none of its own, */
	int program;              /* and the program's pid, as the supervisor sees them */
	int parent;               /* a pidfd of the supervisor, to see that it is alive from where its pid has no number */
	uintptr_t code, code_end; /* the pages of this code, */
	uintptr_t page;           /* and their size */
	char mountinfo[32];       /* the path of that file, as seen before there is a new /proc */
	int layers;               /* overlays so far */
	char base[CHILD_TEXT], text[CHILD_TEXT], entries[CHILD_TEXT], from[CHILD_TEXT], to[CHILD_TEXT]; /* room to work in */
};

/*
 * All that a supervisor and its child read. It stands, with everything it points to and both stacks, in a mapping of its own that
 * is kept until the supervisor has been reaped; nothing in it is Lua's.
 */
struct child_job {
	int user, net, mounts;    /* nsfs descriptors to enter; -1: not that */
	int stdio[3];             /* what becomes 0, 1 and 2 */
	bool session;             /* a session of its own, away from our terminal */
	bool pty;                 /* ... of which 0 becomes the controlling terminal */
	bool own_memory;          /* a copy of ours, for what would change ours; then this mapping is a shared one */
	bool quiet;               /* no CHILD_STARTED, and no pidfd: nobody is interested before the end */
	uint64_t changed;         /* real-time signals that we ignore or handle and the program shall not, bit N-1 for signal N */
	const char *cwd;
	char *const *argv, *const *envp;
	const char *const *paths; /* what to try to execute, in order */
	int64_t timeout;          /* ns from the start until everything is killed, -1: never */
	struct child_confinement confine;
	struct child_container *container; /* NULL: none */

	int control;              /* the supervisor's ends: a pipe whose closing means "end it all" (as SIGTERM does), */
	int status;               /* the pipe for reports, */
	int host;                 /* and a pidfd of the process that asked */
	int pidfd;                /* out: of the child, unless quiet; a descriptor of the host */

	int supervisor;           /* its pid, for the child */
	_Atomic bool apart;       /* out: it has its own descriptor table */
	int error, step;          /* from child to supervisor */
	const char *detail;       /* ... on what, if there is more to say: in the job, or a constant */
	char *supervisor_stack, *child_stack, *init_stack, *program_stack; /* tops; the latter two only in a container */
	char scratch[4096] __attribute__((aligned(8)));
};

/*
 * Start a supervisor, which starts the child: its pid, or -errno. *pidfd gets a descriptor of it. Until its first report, or until it is
 * `apart`, it shares the caller's descriptor table: close nothing that is its.
 */
int child_start(struct child_job *job, int *pidfd);

/* The child's own part, run by the supervisor; returns only if it failed, with the reason in the job. */
HIDDEN int child_main(void *job);

/* Become the program; `alone`: no parent is watched, since a process that is ends us. Returns only if it fails. */
HIDDEN int child_program(struct child_job *job, bool alone);

/* Enter namespaces of its own, and become the program there; a PID namespace has it as child of another. Likewise. */
HIDDEN int child_contain(struct child_job *job);

/* Its parts in other files: 0, or what child_fail() returns. */
HIDDEN int child_furnish(struct child_job *job);
HIDDEN int child_confine(struct child_job *job);
HIDDEN int child_filter(struct child_job *job);

/* Record why it fails, and return its exit code. */
HIDDEN int child_fail(struct child_job *job, enum child_step step, long error);

/* One mount that the mount helper makes. */
struct child_bind {
	const char *source, *target;
};

struct child_mounts {
	int user, net;                  /* to enter; user -1: not that */
	const struct child_bind *binds; /* ended by a NULL source */
	const char *hosts;              /* what stands in its /etc/hosts; NULL: what is there */
	size_t hosts_size;
	int fd;                         /* out: the new mount namespace, a descriptor of the caller */
	const char *failed;             /* out: what could not be done, and the errno */
	int error;
	struct {
		char bytes[4096];
	} stack_room __attribute__((aligned(16)));
};

/* Make a mount namespace for the processes of the network namespace `job->net`; 0, or -errno. */
int child_mounts(struct child_mounts *job);

#endif
