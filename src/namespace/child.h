/* SPDX-License-Identifier: MIT */
/* child.h - what runs in the processes that netns makes: the supervisor, the program's child, the mount helper */
#ifndef NETNS_CHILD_H
#define NETNS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

enum { CHILD_STACK = 16384 };

/* Where a child failed: which call, and so which option was at fault. */
enum child_step {
	CHILD_CLONE,
	CHILD_SETNS,
	CHILD_MOUNTS,
	CHILD_CWD,
	CHILD_STDIO,
	CHILD_SIGNALS,
	CHILD_FILES,
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

/*
 * All that a supervisor and its child read. It stands, with everything it points to and both stacks, in a mapping of its own that
 * is kept until the supervisor has been reaped; nothing in it is Lua's.
 */
struct child_job {
	int user, net, mounts;    /* nsfs descriptors to enter; -1 for user and mounts: not that */
	int stdio[3];             /* what becomes 0, 1 and 2 */
	bool session;             /* a session of its own, away from our terminal */
	bool quiet;               /* no CHILD_STARTED, and no pidfd: nobody is interested before the end */
	const char *cwd;
	char *const *argv, *const *envp;
	const char *const *paths; /* what to try to execute, in order */
	int64_t timeout;          /* ns from the start until everything is killed, -1: never */

	int control;              /* the supervisor's ends: a pipe whose closing means "end it all", */
	int status;               /* the pipe for reports, */
	int host;                 /* and a pidfd of the process that asked */
	int pidfd;                /* out: of the child, unless quiet; a descriptor of the host */

	int supervisor;           /* its pid, for the child */
	_Atomic bool apart;       /* out: it has its own descriptor table */
	int error, step;          /* from child to supervisor */
	char *supervisor_stack, *child_stack; /* tops */
	char scratch[4096];
};

/*
 * Start a supervisor, which starts the child: its pid, or -errno. *pidfd gets a descriptor of it. Until its first report, or until it is
 * `apart`, it shares the caller's descriptor table: close nothing that is its.
 */
int child_start(struct child_job *job, int *pidfd);

/* The child's own part, run by the supervisor; returns only if it failed, with the reason in the job. */
__attribute__((visibility("hidden"))) int child_main(void *job);

/* One mount that the mount helper makes. */
struct child_bind {
	const char *source, *target;
};

struct child_mounts {
	int user, net;                  /* to enter; user -1: not that */
	const struct child_bind *binds; /* ended by a NULL source */
	int fd;                         /* out: the new mount namespace, a descriptor of the caller */
	const char *failed;             /* out: what could not be done, and the errno */
	int error;
	struct { char bytes[4096]; } stack_room __attribute__((aligned(16)));
};

/* Make a mount namespace for the processes of the network namespace `job->net`; 0, or -errno. */
int child_mounts(struct child_mounts *job);

#endif
