/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c - system calls that a program may not make: reads the `seccomp` of a spec
 *
 * Theory. A filter cannot look into memory, so what a call is given by pointer it cannot judge: clone3() is therefore answered as if the
 * kernel did not have it, and libraries fall back to clone(), whose flags are a number. What is denied fails with EPERM, as for somebody
 * who lacks the privilege, so programs can say so. libseccomp makes the filter, for the machine's other ABIs as well (32 bit, x32), which
 * would else be ways around it. (It does not survive that malloc() fails: version 2.5 goes on with a null pointer.)
 */
#include "seccomp.h"

#include "../lua/args.h"
#include "../lua/error.h"

#include <errno.h>
#include <lauxlib.h>
#include <linux/filter.h>

#ifdef WITH_SECCOMP

#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT "netns.seccomp.default"

enum { PROGRAM_MAX = BPF_MAXINSNS, NAMES_MAX = 512 };

/* What "default" denies; a name that this libseccomp does not know is one that the kernel's headers of its time did not have. */
static const char *const denied[] = {
	/* namespaces and mounts */
	"unshare", "setns", "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree",
	"open_tree_attr", "mount_setattr", "open_by_handle_at", "fanotify_init", "quotactl", "quotactl_fd", "swapon",
	"swapoff", "acct", "nfsservctl",
	/* parts of the kernel that are seldom needed, and had many holes */
	"bpf", "io_uring_setup", "io_uring_enter", "io_uring_register", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
	"vm86", "vm86old", "uselib", "ustat", "sysfs", "lookup_dcookie", "get_mempolicy", "set_mempolicy", "mbind", "move_pages",
	"migrate_pages",
	/* other processes */
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	/* the machine */
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "reboot", "syslog", "iopl", "ioperm",
	"settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime", "vhangup",
};

/* clone() into namespaces of its own, one flag a rule. */
static const unsigned long clone_flags[] = {
	CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
};

/* Typing into a terminal; the number is 32 bits wide. */
static const unsigned ioctls[] = { TIOCSTI, TIOCLINUX };

struct program {
	unsigned short n;
	struct sock_filter code[PROGRAM_MAX];
};

/* ---- without a lua_State; each returns 0, or -errno ---- */

/* A call that one of the ABIs does not have is none to deny there. */
static int tolerate(int code)
{
	return code == -EDOM || code == -EEXIST ? 0 : code;
}

static int deny(scmp_filter_ctx filter, int number)
{
	return tolerate(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0));
}

static int deny_by_default(scmp_filter_ctx filter)
{
	int code = 0;

	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied) && code == 0; i++) {
		int number = seccomp_syscall_resolve_name(denied[i]);

		if (number != __NR_SCMP_ERROR)
			code = deny(filter, number);
	}
	for (size_t i = 0; i < sizeof(clone_flags) / sizeof(*clone_flags) && code == 0; i++)
		code = seccomp_rule_add(
			filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, clone_flags[i], clone_flags[i]));
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(*ioctls) && code == 0; i++)
		code = seccomp_rule_add(
			filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, ioctls[i]));
	/* No network namespace isolates it. */
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_VSOCK));
	if (code == 0 && seccomp_syscall_resolve_name("clone3") != __NR_SCMP_ERROR)
		code = tolerate(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name("clone3"), 0));
	return code;
}

static int add_abis(scmp_filter_ctx filter)
{
	static const uint32_t others[][2] = {
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X86 },
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X32 },
		{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
	};
	int code = 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others) && code == 0; i++)
		if (others[i][0] == seccomp_arch_native())
			code = tolerate(seccomp_arch_add(filter, others[i][1]));
	return code;
}

static int export(scmp_filter_ctx filter, struct program *out)
{
	int fd = memfd_create("seccomp", MFD_CLOEXEC), code;
	ssize_t size;

	if (fd < 0)
		return -errno;
	code = seccomp_export_bpf(filter, fd);
	size = code < 0 ? 0 : pread(fd, out->code, sizeof(out->code), 0);
	if (size < 0)
		code = -errno;
	close(fd);
	if (code == 0 && (size == 0 || (size_t)size == sizeof(out->code)))
		code = -E2BIG;
	out->n = (unsigned short)((size_t)size / sizeof(*out->code));
	return code;
}

/* The filter that denies these calls; with none, the default. */
static int build(const int *numbers, int n, struct program *out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int code;

	if (!filter)
		return -ENOMEM;
	code = add_abis(filter);
	for (int i = 0; i < n && code == 0; i++)
		code = deny(filter, numbers[i]);
	if (code == 0 && n == 0)
		code = deny_by_default(filter);
	if (code == 0)
		code = export(filter, out);
	seccomp_release(filter);
	return code;
}

/* ---- with one ---- */

static struct program *push_program(lua_State *L, const char *op, const int *numbers, int n)
{
	struct program *program = lua_newuserdatauv(L, sizeof(*program), 0);
	int code = build(numbers, n, program);

	if (code < 0)
		error_raise(L, &(struct error){ .op = op, .errnum = -code, .attr = "seccomp", .message = "making the filter" });
	return program;
}

/* The default is made once for a Lua state. */
static struct program *push_default(lua_State *L, const char *op)
{
	struct program *program;

	if (lua_getfield(L, LUA_REGISTRYINDEX, KEPT) == LUA_TUSERDATA)
		return lua_touserdata(L, -1);
	lua_pop(L, 1);
	program = push_program(L, op, NULL, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, KEPT);
	return program;
}

static struct program *push_list(lua_State *L, const char *op)
{
	const struct args_at at = { .op = op, .key = "seccomp" };
	lua_Integer n = args_array(L, -1, &at);
	int numbers[NAMES_MAX];

	if (n < 1 || n > NAMES_MAX)
		args_misuse(L, &at, "1 to %d names of system calls expected", NAMES_MAX);
	for (lua_Integer i = 1; i <= n; i++) {
		char text[48];
		const char *name;
		size_t size;

		lua_rawgeti(L, -1, i);
		name = args_string(L, -1, &at, &size);
		numbers[i - 1] = seccomp_syscall_resolve_name(name);
		if (numbers[i - 1] == __NR_SCMP_ERROR)
			args_misuse(L, &at, "there is no system call '%s'", args_show(name, size, text, sizeof(text)));
		lua_pop(L, 1);
	}
	return push_program(L, op, numbers, (int)n);
}

/* seccomp = "default" | { "ptrace", "mount" } */
void seccomp_read(lua_State *L, const char *op, struct child_confinement *out)
{
	struct program *program;

	if (lua_type(L, -1) != LUA_TTABLE && !args_is(L, -1, "default"))
		args_misuse(L, &(struct args_at){ .op = op, .key = "seccomp" }, "\"default\" or an array of system calls expected");
	program = lua_type(L, -1) == LUA_TTABLE ? push_list(L, op) : push_default(L, op);
	lua_replace(L, -2);
	out->filter = program->code;
	out->filter_size = program->n;
	/* Without the privilege, the kernel takes a filter only from who gives up gaining it; and with it, the filter would be in the way. */
	out->no_new_privs = out->any = true;
}

#else

void seccomp_read(lua_State *L, const char *op, struct child_confinement *out)
{
	(void)out;
	error_raise(L, &(struct error){
		.op = op,
		.errnum = EOPNOTSUPP,
		.attr = "seccomp",
		.message = "this build of netns is without libseccomp",
		.hint = "install libseccomp-dev (libseccomp-devel, libseccomp), then `make deps` and make again",
	});
}

#endif
