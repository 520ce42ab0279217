/*
 * The per-CPU area; GS points at it while the CPU runs, in the kernel and in the program alike.
 * Only its own CPU writes it, except where a field says otherwise.
 */
#pragma once

/* Offsets for entry.S, checked in traps.c. */
#define PERCPU_THREAD	     0
#define THREAD_USER_RSP	     0
#define THREAD_KSTACK_TOP    8
#define THREAD_FLAGS	     16
#define THREAD_FPU_LIVE	     20
#define THREAD_SYSCALL_LIMIT 24
#define TRAP_FRAME_SIZE	     176
#define TRAP_FRAME_RIP	     136

#define KERNEL_CS  0x08
#define KERNEL_DS  0x10
#define KERNEL_TSS 0x18

/* The vector of a frame that entry.S built from a system call; error holds the number. */
#define VECTOR_SYSCALL 256

#ifndef __ASSEMBLY__
#include <stdint.h>
#include <stdbool.h>
#include "lib/list.h"
#include "lib/spinlock.h"

struct thread;

struct runqueue {
	spinlock_t lock;
	struct list ready; /* of thread.run_link, next to run first */
	unsigned nready;
};

struct percpu {
	struct thread *thread; /* first: thread_current() reads %gs:0 */
	struct percpu *self;
	unsigned id;
	bool in_irq;		 /* an interrupt handler is running (as kernel code) */
	uint64_t irq_pending[4]; /* vectors that hit kernel code, waiting for irq_run_pending */
	struct runqueue rq;
	struct thread *reap; /* a dead thread whose stack was in use until the switch */
	uint64_t idle_ns;    /* time spent in the idle loop */
};

static inline struct percpu *this_cpu(void)
{
	struct percpu *p;
	__asm__("mov %%gs:8, %0" : "=r"(p));
	return p;
}

extern struct percpu boot_cpu;

/* Runs the handlers of the vectors noted while kernel code ran. Interrupts may be on or off. */
void irq_run_pending(void);
/* Takes the highest vector above this one off those that wait; 0: there is none. Interrupts off. */
unsigned irq_take_pending_above(unsigned vector);
/* True if some wait. Interrupts off, or the answer may be old. */
bool irq_pending(void);
#endif
