/*
 * The frame that a signal handler finds on the program's stack: Linux's x86-64 ABI, as glibc's
 * <sys/ucontext.h> and Linux's uapi asm/sigcontext.h describe it. From low addresses to high: the
 * return address (sa_restorer), ucontext, siginfo; above them, 64-byte aligned, the vector state in
 * XSAVE's standard format followed by FP_XSTATE_MAGIC2.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_frame;

/* ucontext_t.uc_mcontext. */
struct sigframe_registers {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap_number, old_mask, cr2;
	uint64_t fpstate; /* address */
	uint64_t reserved[8];
};

struct sigframe_stack {
	uint64_t sp;
	uint32_t flags, padding;
	uint64_t size;
};

struct sigframe_ucontext {
	uint64_t flags, link;
	struct sigframe_stack stack;
	struct sigframe_registers registers;
	uint64_t mask;
};

struct sigframe {
	uint64_t return_address;
	struct sigframe_ucontext uc;
	uint8_t info[128]; /* siginfo_t */
};

/* Bytes 464-511 of the legacy region, which the CPU leaves to software. */
struct sigframe_fpx {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};
#define SIGFRAME_FPX_OFFSET 464

/* How a handler is to be entered. */
struct sigframe_handler {
	uintptr_t entry, restorer;
	uint64_t flags; /* SA_ */
	uint64_t mask;	/* to be restored afterwards */
};

/*
 * Builds a frame for sig on the program's stack, or the alternate one, and points f at the handler.
 * -EFAULT if the stack cannot take it or there is no restorer; f is unchanged then.
 * The current thread's xsave area serves as scratch space. Caller holds no lock.
 */
int sigframe_push(struct trap_frame *f, int sig, const void *siginfo,
		  const struct sigframe_handler *handler);

/*
 * The other way: from the frame at f->rsp (just above its return address) to f and the vector state
 * in the CPU. Only what a program may change is taken. Puts the mask and the alternate stack as the
 * program wants them into *uc. -EFAULT for a frame that cannot be read or makes no sense.
 */
int sigframe_pop(struct trap_frame *f, struct sigframe_ucontext *uc);
