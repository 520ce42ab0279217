/*
 * Signals, as signal(7) says, for a process that is the only one.
 *
 * Locks: signal_lock guards the process-wide state (actions, shared pending set) and every thread's
 * signal_state. It is taken after nothing and before threads_lock, wait-queue and run-queue locks.
 * The sets are also read without it where an old answer does no harm.
 *
 * Nothing here stops a process: SIGSTOP, SIGTSTP, SIGTTIN and SIGTTOU are ignored by default, since
 * there is nobody who could continue it.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include "lib/list.h"

struct trap_frame;
struct thread;

/* Further internal results beside ERESTARTSYS (sched/wait.h), with Linux's numbers: restarted only
 * when no handler ran (pause, sigsuspend), or always. */
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514

/* Signals waiting to be delivered, of a thread or of the process: queue.h. */
struct signal_pending {
	uint64_t set;	   /* bit n-1: signal n */
	struct list queue; /* of struct sigqueue; a signal in set may have none there */
};

struct signal_state {
	uint64_t blocked;
	struct signal_pending pending; /* sent to this thread */
	uint64_t waiting_for;	       /* during rt_sigtimedwait */
	uint64_t saved_mask; /* of rt_sigsuspend, ppoll, epoll_pwait: restored after delivery */
	bool has_saved_mask;
	uintptr_t altstack_sp;
	uint64_t altstack_size; /* 0: disabled */
	uint32_t altstack_flags;
	uint64_t trap_number, trap_error, trap_cr2; /* of the last fault, for ucontext */
};

/* The initial state of a thread; parent NULL for the first. A new thread inherits the mask. */
void signal_thread_init(struct thread *t, const struct thread *parent);
/* Drops what is pending for a thread that ends. Others take over signals of the process. */
void signal_thread_exit(struct thread *t);

/* True if a signal is pending that is not blocked: waits end with -ERESTARTSYS. Then also makes
 * sure that t passes signal_deliver before it goes back to the program. */
bool signal_deliverable(struct thread *t);

/* Sends to one thread, or to the process (any thread that does not block it). info as siginfo
 * (si_signo is filled in), NULL for SI_KERNEL. A signal with SI_TIMER that is still pending for the
 * same timer only counts up si_overrun.
 * 0, -EINVAL, -EAGAIN (real-time signal, queue full). May be called from interrupt handlers and
 * timers. */
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

/*
 * For calls with a temporary mask (ppoll, pselect6, epoll_pwait). Begin reads the mask (set 0: none
 * is wanted, 0) and puts it in force; 0, -EFAULT, -EINVAL for a size other than 8. End takes the
 * call's result and passes it through: on an interrupted wait (-EINTR, -ERESTART*) the old mask
 * comes back only after the handlers ran, else at once.
 */
int signal_mask_begin(uintptr_t set, size_t size);
long signal_mask_end(long result);

/* Takes a pending signal of set from the current thread or the process, as signalfd's read does;
 * its number, or 0. */
int signal_take(uint64_t set, siginfo_t *info);
/* The signals pending for the current thread and the process. */
uint64_t signal_pending_set(void);
