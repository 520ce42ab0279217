/*
 * The scheduler: per-CPU round robin. A thread woken by an interrupt runs next, since it answers
 * the outside world; one woken by another thread queues behind those that are ready. Tickless: the
 * slice timer runs only while more than one thread wants the CPU.
 *
 * Locks: runqueue.lock guards the queue and the state of its threads; it is taken last.
 */
#pragma once
#include "sched/thread.h"

/* How long a thread may run while others wait. */
#define SLICE_NS 4000000ull

/* After memory and clocks: makes the program's first thread, which starts at entry with its stack
 * pointer at stack and argc, argv in RDI, RSI. Does not return: the boot stack is left. */
void sched_start(uintptr_t entry, uintptr_t stack, uint64_t argc, uint64_t argv)
    __attribute__((noreturn));

/* Puts the current thread, ready, behind the others and runs another, if there is one. */
void thread_preempt(void);

/* Blocks the current thread until thread_wake, unless it was woken since it last slept. */
void sched_sleep(void);

/* Waits for the next interrupt and runs its handler, but no other thread: for the end of the
 * machine. */
void sched_serve_interrupt(void);

/* A new thread with a kernel stack, not yet running; its frame (thread_frame) is the caller's to
 * fill. NULL when memory is out. */
struct thread *thread_create(void);
struct trap_frame *thread_frame(struct thread *t);
/* Lets a thread from thread_create run; it goes to the program as its frame says. */
void thread_launch(struct thread *t);
/* Undoes thread_create. */
void thread_discard(struct thread *t);

/* A thread of the kernel itself that runs func, which never returns (worker.h). It has no vector
 * state, no tid, is on no list and takes no signals. NULL when memory is out. */
struct thread *thread_create_kernel(const char *name, void (*func)(void));
void thread_launch_kernel(struct thread *t);

/* Takes the calling thread off the list of threads and ends it. */
void thread_end_self(void) __attribute__((noreturn));
