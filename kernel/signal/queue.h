/*
 * Pending signals: a set, and a queue of what came with them. Pure data structure; the caller holds
 * the lock (signal_lock).
 */
#pragma once
#include <stdint.h>
#include "signal/signal.h"

#define SIGNAL_COUNT 64
#define sigbit(sig)  (1ul << ((sig)-1))

/* Signals that an instruction raised: delivered before all others, as on Linux. */
#define SIGNALS_SYNCHRONOUS                                                                        \
	(sigbit(SIGSEGV) | sigbit(SIGBUS) | sigbit(SIGILL) | sigbit(SIGTRAP) | sigbit(SIGFPE) |    \
	 sigbit(SIGSYS))
#define SIGNALS_UNBLOCKABLE (sigbit(SIGKILL) | sigbit(SIGSTOP))

struct sigqueue {
	struct list link;
	siginfo_t info;
};

void pending_init(struct signal_pending *p);

/*
 * Adds sig. A standard signal that is pending already stays as it is. limit: how many entries all
 * queues together may hold (RLIMIT_SIGPENDING); it binds real-time signals. When there is no entry
 * to be had, sig becomes pending without its info, but for a real-time signal that was queued with
 * data: -EAGAIN then.
 */
int pending_add(struct signal_pending *p, int sig, const siginfo_t *info, uint64_t limit);

/* The signal of set to deliver next: synchronous ones first, then the lowest. 0 for an empty set.
 */
int pending_next(uint64_t set);

/* Takes one instance of sig, which is in the set, and its info. */
void pending_take(struct signal_pending *p, int sig, siginfo_t *info);

/* Forgets every pending signal of set. */
void pending_flush(struct signal_pending *p, uint64_t set);

/* Entries in all queues. */
unsigned pending_count(void);
