/*
 * Signals, as signal(7) says, for a process that is the only one.
 *
 * Locks: signal_lock guards the process-wide state (actions, shared pending set) and every thread's
 * signal_state. It is taken after nothing and before wait-queue and run-queue locks.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <asm/signal.h>
#include <asm/siginfo.h>

struct trap_frame;
struct thread;

struct signal_state {
	uint64_t blocked; /* bit n-1: signal n */
	uint64_t pending; /* sent to this thread */
	uint64_t saved_mask; /* of rt_sigsuspend, ppoll, epoll_pwait: restored after delivery */
	bool has_saved_mask;
	uintptr_t altstack_sp;
	uint64_t altstack_size;
	uint32_t altstack_flags;
	siginfo_t info[64]; /* of each pending standard signal */
};

/* The initial state of a thread; parent NULL for the first. A new thread inherits the mask. */
void signal_thread_init(struct thread *t, const struct thread *parent);

/* True if a signal is pending that is neither blocked nor ignored: waits end with -ERESTARTSYS. */
bool signal_deliverable(const struct thread *t);

/* Sends to one thread, or to the process (any thread that does not block it). info as siginfo;
 * 0, -EINVAL, -ESRCH. May be called from interrupt handlers and timers. */
int signal_send_thread(struct thread *t, int sig, const siginfo_t *info);
int signal_send_process(int sig, const siginfo_t *info);

/* Raises a fault's signal on the current thread, unblockable as on Linux (forced).
 * f holds the registers at the fault. */
void signal_fault(struct trap_frame *f, int sig, int code, uintptr_t addr);

/*
 * Called on the way back to the program with its registers in f (and its vector state still in the
 * CPU): builds the handler's frame on the program's stack and points f at the handler, or ends the
 * machine for a fatal default action. result: f is of a system call (in f->rax its result, nr its
 * number for restarting), else nr is -1.
 */
void signal_deliver(struct trap_frame *f, long nr);

/* rt_sigreturn: reloads f from the signal frame on the program's stack. */
void signal_return(struct trap_frame *f);
