/* The registers of a system call as entry.S pushes them on the thread's kernel stack. */
#pragma once
#include <stdint.h>
#include "sched/thread.h"

struct syscall_regs {
	uint64_t r9, r8, r10, rdx, rsi, rdi, nr, rip;
};

/* Those that C functions preserve, pushed where somebody needs them. */
struct kept_regs {
	uint64_t r15, r14, r13, r12, rbx, rbp;
};

/* Those of the call that t is in. */
static inline const struct syscall_regs *syscall_regs(const struct thread *t)
{
	return (const struct syscall_regs *)(t->kstack_top - sizeof(struct syscall_regs));
}

/* clone(2) with the registers that the child starts with; from entry.S and sys/syscall.c. */
long clone_with_regs(const struct kept_regs *kept);
