/* The program's registers as saved at a trap, or built from a system call when a signal is due. */
#pragma once
#include <stdint.h>
#include <stdbool.h>

struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector, error; /* error: of the CPU, or 0 */
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Kernel code, where neither signals are delivered nor threads preempted. The vDSO and the program
 * lie outside. */
bool in_kernel_text(uintptr_t rip);
