/*
 * Kernel threads: every thread here runs one of the program's threads (a Go M or a pthread), but
 * for the kernel's own worker (worker.h).
 *
 * Kernel code is not preempted: a thread is switched away only where it blocks, or at the border to
 * the program. Run queues are per CPU, each under its own lock.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <stdatomic.h>
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/frame.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "signal/signal.h"

/* thread.flags: work to do before going back to the program. Tested by entry.S as one word. */
#define THREAD_NEED_RESCHED 1u
#define THREAD_SIGPENDING   2u /* a deliverable signal may be pending; signal_deliver decides */
#define THREAD_IRQ_WORK	    4u /* a deferred interrupt waits on this CPU */

enum thread_state { THREAD_RUNNING, THREAD_READY, THREAD_SLEEPING, THREAD_DEAD };

struct thread {
	/* entry.S knows the offsets of these. */
	uint64_t user_rsp;	/* 0: the program's stack pointer during a system call */
	uint64_t kstack_top;	/* 8 */
	_Atomic uint32_t flags; /* 16 */
	uint32_t fpu_live;	/* 20: vector state must be kept across a switch */
	/* 24: the first system call that is none; 0: traced, so all of them take the slow path */
	uint64_t syscall_limit;

	uint64_t ksp;			/* saved kernel stack pointer while switched away */
	uint64_t fs_base;		/* TLS */
	void *xsave;			/* xsave_size bytes, 64-aligned */
	void *xsave_memory;		/* what xsave lies in */
	struct fpu_control fpu_control; /* while switched away and not fpu_live */
	void *kstack;
	void (*kernel_func)(void); /* of a kernel thread, else NULL */

	int tid;
	enum thread_state state; /* guarded by the run queue's lock */
	struct list run_link;
	struct list all_link; /* on threads_all, guarded by threads_lock */
	_Atomic int refs;
	char name[16]; /* prctl(PR_SET_NAME) */

	bool woken; /* wait.h: set by the waker */
	uint64_t slice_end;
	uint64_t runtime;     /* ns of CPU time up to switched_in */
	uint64_t switched_in; /* monotonic ns */
	uint64_t voluntary_switches, involuntary_switches;

	uintptr_t clear_child_tid; /* set_tid_address, CLONE_CHILD_CLEARTID */
	struct signal_state sig;   /* signal/signal.h */
	struct trap_frame
	    *frame; /* the program's registers while in a trap or the slow exit path */
};

extern struct list threads_all;
extern spinlock_t threads_lock;
extern unsigned thread_count;

#ifdef HOST_TEST
extern struct thread *current_thread;
#define current current_thread
#else
/* The running thread: the first word of the per-CPU area that GS points at. */
static inline struct thread *thread_current(void)
{
	struct thread *t;
	__asm__("mov %%gs:0, %0" : "=r"(t));
	return t;
}
#define current thread_current()
#endif

/* Finds by thread id and takes a reference; NULL if there is none. */
struct thread *thread_find(int tid);
void thread_put(struct thread *t);
/* CPU time used by t so far, ns. */
uint64_t thread_cputime(const struct thread *t);
uint64_t process_cputime(void);

/* Makes a sleeping thread runnable (and the target notice a signal); harmless otherwise. */
void thread_wake(struct thread *t);
/* Sets a flag of t and, if it runs the program on another CPU, interrupts it. */
void thread_notify(struct thread *t, uint32_t flag);
/* Lets others run. */
void thread_yield(void);
/* Stops scheduling the calling thread, whose last reference goes with it. */
void thread_exit(void) __attribute__((noreturn));
/* The program ends: exit_group, a fatal signal. code is what the machine exits with. */
void machine_exit(int code) __attribute__((noreturn));
