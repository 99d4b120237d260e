/* SPDX-License-Identifier: MIT */
/*
 * rawcall.h - system calls and clone() without libc
 *
 * A process that shares the interpreter's memory (CLONE_VM) also shares libc's: errno and the rest of the thread's storage, locks, the
 * allocator. So it may not enter libc at all, and what it runs is marked BARE: no instrumentation, no stack protector, no calls that the
 * compiler invents.
 */
#ifndef NETNS_RAWCALL_H
#define NETNS_RAWCALL_H

#include <sys/syscall.h>

#if defined(__clang__)
#define BARE __attribute__((no_sanitize("all"), no_stack_protector, no_builtin, no_profile_instrument_function))
#else
#define BARE __attribute__((no_sanitize("address", "undefined", "thread", "leak"), no_stack_protector, \
	optimize("no-tree-loop-distribute-patterns"), no_profile_instrument_function))
#endif

#if defined(__x86_64__)

BARE static inline long raw6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}

/* clone(): the caller gets the pid or -errno; the child runs f(arg) on `stack` and exits with what it returns. */
BARE static inline long raw_clone(unsigned long flags, char *stack, int *pidfd, int (*f)(void *), void *arg)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register int (*r12)(void *) __asm__("r12") = f;
	register void *r13 __asm__("r13") = arg;
	long ret;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"xor %%ebp, %%ebp\n\t"
		"mov %%r13, %%rdi\n\t"
		"call *%%r12\n\t"
		"mov %%eax, %%edi\n\t"
		"mov %[exit], %%eax\n\t"
		"syscall\n\t"
		"hlt\n"
		"1:"
		: "=a"(ret)
		: "a"((long)SYS_clone), "D"(flags), "S"(stack), "d"(pidfd), "r"(r10), "r"(r8), "r"(r12), "r"(r13), [exit] "i"(SYS_exit_group)
		: "rcx", "r11", "cc", "memory");
	return ret;
}

#elif defined(__aarch64__)

BARE static inline long raw6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
	return x0;
}

BARE static inline long raw_clone(unsigned long flags, char *stack, int *pidfd, int (*f)(void *), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register char *x1 __asm__("x1") = stack;
	register int *x2 __asm__("x2") = pidfd;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register int (*x9)(void *) __asm__("x9") = f;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile(
		"svc 0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x29, xzr\n\t"
		"mov x30, xzr\n\t"
		"mov x0, x10\n\t"
		"blr x9\n\t"
		"mov x8, %[exit]\n\t"
		"svc 0\n\t"
		"brk 1\n"
		"1:"
		: "+r"(x0)
		: "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10), [exit] "i"(SYS_exit_group)
		: "x30", "memory", "cc");
	return x0;
}

#else
#error "netns starts processes with a few lines of assembly, written for x86_64 and aarch64 only"
#endif

/* Bytes in the kernel's signal set, and its struct sigaction; SIG_DFL and no flags are all zero on every architecture. */
enum { SIGSET_SIZE = 8 };

struct raw_sigaction {
	unsigned long handler, flags, restorer, mask;
};

#define RAW(n, ...) RAW_PICK(n, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_PICK(n, a, b, c, d, e, f, ...) raw6(SYS_##n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
