/*
 * The program's vector and x87 state. The kernel itself never uses it, so it stays in the CPU
 * across calls into the kernel and is saved only when a thread that was *interrupted* is switched
 * away. XSAVE where the CPU has it (sized by CPUID leaf 0xD), else FXSAVE; without XSAVE the CPU
 * offers no AVX either, so Go does not use it. Intel SDM volume 1 chapter 13.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

extern size_t fpu_state_size; /* bytes of a save area; the area is 64-byte aligned */
extern uint64_t fpu_xcr0;     /* enabled features; 0: FXSAVE only */

void fpu_init(void); /* on each CPU: CR0, CR4, XCR0 */
void fpu_save(void *area);
/* Loads a state. area must be valid: state from the program goes through fpu_sanitize. */
void fpu_restore(const void *area);
void fpu_init_area(void *area); /* the state of a new thread: FCW 0x37f, MXCSR 0x1f80 */
/* Makes an area that the program wrote loadable without a fault: reserved MXCSR bits, XSTATE_BV
 * within XCR0, XCOMP_BV and header zero. False if it is no XSAVE area at all. */
bool fpu_sanitize(void *area);

/*
 * What a call of a function preserves of all that state (System V ABI 3.2.1): the control words.
 * That much is kept for threads that called the kernel; the x87 stack is empty then.
 */
struct fpu_control {
	uint32_t mxcsr;
	uint16_t fcw;
};

static inline void fpu_save_control(struct fpu_control *c)
{
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(c->mxcsr), "=m"(c->fcw));
}

/* Clears what another thread left in the x87 unit: pending exceptions, then the stack. */
static inline void fpu_load_control(const struct fpu_control *c)
{
	__asm__ volatile("fnclex; emms; fldcw %1; ldmxcsr %0" : : "m"(c->mxcsr), "m"(c->fcw));
}
