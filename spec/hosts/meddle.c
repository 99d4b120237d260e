/* SPDX-License-Identifier: MIT */
/*
 * meddle.c - runs a program and meddles with one system call of all that it and its descendants make
 *
 *	meddle WHAT N PROGRAM [ARG...]
 *
 * WHAT is "first": when the N-th call begins, the program is killed, whoever made the call, and everything else let go; "caller": who made
 * the call is killed; or an errno, as "ENOMEM": the N-th of the calls that can fail so, fails so. Those that count for an errno are not
 * made by programs that were executed later, and come after the program's own start: from its first socketpair(2) on, or, if
 * MEDDLE_FROM is set, from the first opening of that path. With N = 0 nothing happens, but the last line on stderr says how many there are:
 * "meddle: 2307 calls, EINTR 186, ENOMEM 321 ...".
 *
 * Exit status: that of the program (128 + its signal).
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

enum { CALLS = 48, PIDS = 1024 };

/* What the kernel may answer to which calls. */
/* clang-format off */
static struct fault {
	const char *name;
	int errnum;
	long calls[CALLS]; /* ended by -1 */
	long seen;
} faults[] = {
	{ "EINTR", EINTR, {
		SYS_read, SYS_write, SYS_openat, SYS_ppoll, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_wait4, SYS_waitid,
		SYS_flock, SYS_nanosleep, SYS_clock_nanosleep, SYS_connect,
#ifdef SYS_poll
		SYS_poll,
#endif
		-1 } },
	{ "ENOMEM", ENOMEM, {
		SYS_openat, SYS_mmap, SYS_clone, SYS_clone3, SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_socket, SYS_socketpair,
		SYS_pipe2, SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_read, SYS_write, SYS_ppoll, SYS_getdents64, SYS_memfd_create,
		SYS_pidfd_open, SYS_epoll_create1, SYS_signalfd4, SYS_ioctl, SYS_setsockopt, SYS_newfstatat, SYS_readlinkat, SYS_mkdirat,
		SYS_bind, SYS_flock, SYS_open_tree, SYS_move_mount, SYS_execve,
#ifdef SYS_poll
		SYS_poll, SYS_mkdir, SYS_readlink,
#endif
		-1 } },
	{ "EMFILE", EMFILE, {
		SYS_openat, SYS_socket, SYS_socketpair, SYS_pipe2, SYS_memfd_create, SYS_pidfd_open, SYS_epoll_create1, SYS_signalfd4, SYS_fcntl,
		SYS_dup, SYS_dup3, SYS_open_tree,
		-1 } },
	{ "ENOSPC", ENOSPC, {
		SYS_unshare, SYS_clone, SYS_openat, SYS_write, SYS_mkdirat,
#ifdef SYS_mkdir
		SYS_mkdir,
#endif
		-1 } },
	{ "EPERM", EPERM, {
		SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_clone, SYS_openat, SYS_socket, SYS_bind, SYS_setsockopt, SYS_kill,
		SYS_pidfd_send_signal, SYS_ioctl, SYS_mkdirat, SYS_unlinkat, SYS_sendto, SYS_sendmsg, SYS_chdir, SYS_open_tree, SYS_move_mount,
		SYS_execve,
#ifdef SYS_mkdir
		SYS_mkdir, SYS_chmod, SYS_unlink,
#endif
		-1 } },
};
/* clang-format on */

/* Processes that run another program. */
static pid_t foreign[PIDS];

static struct fault *find_fault(const char *name)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (strcmp(faults[i].name, name) == 0)
			return &faults[i];
	return NULL;
}

/* Who writes to 0, 1 and 2 is the script. */
static bool can_fail(const struct fault *fault, const struct __ptrace_syscall_info *info)
{
	long call = (long)info->entry.nr;

	if (call == SYS_write && info->entry.args[0] <= 2)
		return false;
	for (const long *at = fault->calls; *at >= 0; at++)
		if (*at == call)
			return true;
	return false;
}

static bool is_foreign(pid_t pid)
{
	for (int i = 0; i < PIDS && foreign[i]; i++)
		if (foreign[i] == pid)
			return true;
	return false;
}

static void set_foreign(pid_t pid)
{
	for (int i = 0; i < PIDS && !is_foreign(pid); i++)
		if (!foreign[i])
			foreign[i] = pid;
}

/* Does the call open the path that is said to be the start? */
static bool opens(pid_t pid, const struct __ptrace_syscall_info *info, const char *path)
{
	char text[256] = "";
	struct iovec here = { text, sizeof(text) - 1 }, there = { (void *)(uintptr_t)info->entry.args[1], strlen(path) + 1 };

	if (info->entry.nr != SYS_openat || there.iov_len >= sizeof(text))
		return false;
	here.iov_len = there.iov_len;
	return process_vm_readv(pid, &here, 1, &there, 1, 0) > 0 && strcmp(text, path) == 0;
}

/* At the begin of a call: make it none. */
static void cancel(pid_t pid)
{
#if defined(__x86_64__)
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
#elif defined(__aarch64__)
	int none = -1;

	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &(struct iovec){ &none, sizeof(none) });
#else
#error "meddle knows the registers of x86_64 and aarch64 only"
#endif
}

/* At its end: this is what it returns. */
static void answer(pid_t pid, long value)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		return;
#if defined(__x86_64__)
	regs.rax = (unsigned long)value;
#elif defined(__aarch64__)
	regs.regs[0] = (unsigned long)value;
#endif
	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov);
}

/* Whose call it is. */
static void tell(pid_t pid, bool is_program, long call)
{
	char path[64], name[32] = "?\n";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
	}
	fprintf(stderr, "meddle: call %ld of %s%s", call, is_program ? "the program, " : "", name);
}

static void say(long calls)
{
	fprintf(stderr, "meddle: %ld calls", calls);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		fprintf(stderr, ", %s %ld", faults[i].name, faults[i].seen);
	fprintf(stderr, "\n");
}

static pid_t start(char **argv)
{
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe(gate) < 0 || (pid = fork()) < 0) {
		perror("meddle");
		exit(2);
	}
	if (pid > 0) {
		if (ptrace(PTRACE_SEIZE, pid, NULL,
			   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC) < 0) {
			perror("meddle: ptrace");
			kill(pid, SIGKILL);
			exit(2);
		}
		close(gate[0]);
		close(gate[1]);
		return pid;
	}
	close(gate[1]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(gate[0], &byte, 1) != 0)
		_exit(2);
	close(gate[0]);
	prctl(PR_SET_PDEATHSIG, 0);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	const char *from = getenv("MEDDLE_FROM");
	struct fault *fault;
	long at, calls = 0;
	bool first, begun = false;
	pid_t program, failing = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: meddle first|caller|ERRNO N PROGRAM [ARG...]\n");
		return 2;
	}
	first = strcmp(argv[1], "first") == 0;
	fault = find_fault(argv[1]);
	at = atol(argv[2]);
	program = start(argv + 3);
	for (;;) {
		struct __ptrace_syscall_info info = { 0 };
		int status, signo, event;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return 2;
		if (!WIFSTOPPED(status)) {
			if (pid != program)
				continue;
			say(calls);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		signo = WSTOPSIG(status);
		event = status >> 16;
		if (event == PTRACE_EVENT_STOP && signo != SIGTRAP) {
			ptrace(PTRACE_LISTEN, pid, NULL, 0); /* stopped, as it would be without us */
			continue;
		}
		if (event == PTRACE_EVENT_EXEC && pid != program)
			set_foreign(pid);
		if (signo != (SIGTRAP | 0x80)) {
			ptrace(PTRACE_SYSCALL, pid, NULL, event ? 0 : signo);
			continue;
		}
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (info.op == PTRACE_SYSCALL_INFO_EXIT && pid == failing) {
			answer(pid, -fault->errnum);
			failing = 0;
		} else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			calls++;
			begun = begun || (from ? opens(pid, &info, from) : info.entry.nr == SYS_socketpair);
			if (begun && !is_foreign(pid))
				for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
					if (can_fail(&faults[i], &info) && ++faults[i].seen == at && fault == &faults[i]) {
						tell(pid, pid == program, (long)info.entry.nr);
						cancel(pid);
						failing = pid;
					}
			if (!fault && calls == at) {
				tell(pid, pid == program, (long)info.entry.nr);
				kill(first ? program : pid, SIGKILL);
				if (first)
					return 128 + SIGKILL; /* what is still there is let go by this */
			}
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	}
}
