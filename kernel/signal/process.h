/* What the files of kernel/signal share. Everything is under signal_lock unless it says otherwise.
 */
#pragma once
#include "lib/spinlock.h"
#include "sched/wait.h"
#include "signal/queue.h"
#include "signal/signal.h"

struct signal_process {
	struct sigaction action[SIGNAL_COUNT];
	struct signal_pending pending; /* sent to the process as a whole */
};

extern struct signal_process signal_process;
extern spinlock_t signal_lock;
/* Threads in rt_sigtimedwait, readers of signalfds; every signal sent wakes it. Has its own lock.
 */
extern struct waitqueue signal_waiters;

/* What happens to a signal whose action is SIG_DFL (signal(7)). */
enum default_action { DEFAULT_TERMINATE, DEFAULT_IGNORE };
enum default_action signal_default_action(int sig);
/* True if the action in force ignores sig. */
bool signal_ignored(int sig);

/* Pending for t: its own and the process's. */
uint64_t signal_pending_for(const struct thread *t);
/* Takes the next pending signal of set for t into info; 0 if there is none. */
int signal_dequeue(struct thread *t, uint64_t set, siginfo_t *info);

/* Replaces the mask of the current thread. Signals of the process that it blocks from now on are
 * offered to other threads. Takes signal_lock. */
void signal_set_blocked(uint64_t mask);

/* Adds sig to the current thread even if blocked or ignored; then the default action is taken. */
void signal_force(int sig, const siginfo_t *info);
/* The frame for a handler of sig could not be built: SIGSEGV, for SIGSEGV itself fatal. */
void signal_force_segv(int sig);

/* Its name ("SIGTERM", "SIGRT3"), into a buffer of the caller if it has no fixed one. */
const char *signal_name(int sig, char buf[12]);

/* sigaltstack(2). on_stack: sp lies within the alternate stack of t, and it may not be changed. */
bool signal_on_altstack(const struct thread *t, uintptr_t sp);
int signal_set_altstack(struct thread *t, uintptr_t base, uint64_t size, uint32_t flags,
			uintptr_t sp);
