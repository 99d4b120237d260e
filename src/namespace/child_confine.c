/* SPDX-License-Identifier: MIT */
/*
 * child_confine.c - in a program's child: takes from it what the program shall not have
 *
 * Theory. The order matters: limits first, since they may be raised as long as there is the privilege; the bounding set while there is
 * CAP_SETPCAP; then the user, and what the sets hold; at last no_new_privs, and a filter when there is nothing left to do
 * but to execute. Dropping capabilities does not touch the memory that the
 * child may share with us, but a change of user makes it undumpable (commit_creds() in the kernel), so that needs memory of its own.
 * It also clears the death signal.
 *
 * Nothing here may call libc (see rawcall.h).
 */
#include "child.h"

#include "rawcall.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { CAPS = 64 };

BARE static long set_limits(struct child_job *job)
{
	const struct child_confinement *confine = &job->confine;
	long code = 0;

	for (int i = 0; i < confine->n_limits && code >= 0; i++) {
		const struct child_limit *limit = &confine->limits[i];
		uint64_t values[2];

		values[0] = limit->soft;
		values[1] = limit->hard;
		job->detail = limit->name;
		code = RAW(prlimit64, 0, limit->resource, values, NULL);
	}
	return code;
}

/* No program, of whatever rights, can bring back what the bounding set has not. */
BARE static long bound(uint64_t keep)
{
	long code = 0;

	for (int cap = 0; cap < CAPS && code >= 0; cap++) {
		code = RAW(prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
		if (code == -EINVAL) /* the kernel knows no more */
			return 0;
		if (code == 1 && !(keep >> cap & 1))
			code = RAW(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	return code;
}

/* Exactly these: permitted, effective, inheritable, and ambient, so that they are kept by a program that is not executed as root. */
BARE static long set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	long code;

	header.version = _LINUX_CAPABILITY_VERSION_3;
	header.pid = 0;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(caps >> 32 * i);
	code = RAW(capset, &header, data);
	if (code >= 0)
		code = RAW(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int cap = 0; cap < CAPS && code >= 0; cap++)
		if (caps >> cap & 1)
			code = RAW(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return code;
}

/* Where groups cannot be given up, they can be kept: by the user who has them. */
BARE static long set_user(const struct child_confinement *confine)
{
	long uid = confine->uid, gid = confine->gid, code;

	code = RAW(setgroups, confine->n_groups, confine->groups);
	if (code == -EPERM && RAW(geteuid, 0) == uid && RAW(getegid, 0) == gid)
		code = 0;
	if (code >= 0)
		code = RAW(setresgid, gid, gid, gid);
	if (code >= 0 && confine->has_caps)
		code = RAW(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
	return code < 0 ? code : RAW(setresuid, uid, uid, uid);
}

BARE int child_filter(struct child_job *job)
{
	struct sock_fprog program;
	long code;

	program.len = job->confine.filter_size;
	program.filter = (struct sock_filter *)(uintptr_t)job->confine.filter;
	code = RAW(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return code < 0 ? child_fail(job, CHILD_SECCOMP, code) : 0;
}

BARE int child_confine(struct child_job *job)
{
	const struct child_confinement *confine = &job->confine;
	long code = set_limits(job);

	if (code < 0)
		return child_fail(job, CHILD_LIMITS, code);
	job->detail = NULL;
	code = confine->has_caps ? bound(confine->caps) : 0;
	if (code < 0)
		return child_fail(job, CHILD_CAPS, code);
	if (confine->has_user) {
		code = set_user(confine);
		if (code < 0)
			return child_fail(job, CHILD_USER, code);
	}
	code = confine->has_caps ? set_caps(confine->caps) : 0;
	if (code < 0)
		return child_fail(job, CHILD_CAPS, code);
	if (confine->no_new_privs) {
		code = RAW(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (code < 0)
			return child_fail(job, CHILD_PRIVS, code);
	}
	return 0;
}
