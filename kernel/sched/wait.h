/*
 * Wait queues: the one blocking primitive; everything else is built on them.
 *
 * A waiter enqueues itself, tests its condition, and sleeps; a waker changes the condition and
 * wakes. Both sides may hold the lock that guards the condition while they touch the queue; the
 * queue has its own lock, taken last.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include "lib/list.h"
#include "lib/spinlock.h"

struct thread;

/* Monotonic nanoseconds; for ever. */
#define WAIT_FOREVER UINT64_MAX

/* Internal result of an interrupted wait. The system call exit turns it into a restart
 * (SA_RESTART) or -EINTR; return it or -EINTR from a system call, as Linux would. */
#define ERESTARTSYS 512

struct waitqueue {
	spinlock_t lock;
	struct list waiters;
};

struct wait_entry {
	struct list link;
	struct thread *thread;
	/* Called with the queue's lock held on a wake-up with the waker's event bits (EPOLLIN...);
	 * NULL: wake the thread. Returns true if this used up an exclusive wake-up. */
	bool (*func)(struct wait_entry *e, uint32_t events);
};

#define WAITQUEUE_INIT(name)                                                                       \
	{                                                                                          \
		SPINLOCK_INIT, LIST_INIT((name).waiters)                                           \
	}

void waitqueue_init(struct waitqueue *wq);
void waitqueue_add(struct waitqueue *wq, struct wait_entry *e);
void waitqueue_remove(struct waitqueue *wq, struct wait_entry *e); /* harmless if not on it */
/* Wakes at most max waiters (callback entries are all called and counted when they return true). */
unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events);
static inline void waitqueue_wake_all(struct waitqueue *wq, uint32_t events)
{
	waitqueue_wake(wq, ~0u, events);
}

/* For the macro below. wait_prepare marks the current thread as about to sleep and enqueues e. */
void wait_prepare(struct waitqueue *wq, struct wait_entry *e);
/* Sleeps until woken, a signal is deliverable, or the deadline. 0, -ERESTARTSYS, -ETIMEDOUT. */
int wait_sleep(uint64_t deadline);
/* The same until woken, for whatever reason; signals stay pending. */
void wait_sleep_uninterruptible(void);
void wait_finish(struct waitqueue *wq, struct wait_entry *e);

/*
 * Sleeps until cond is true. deadline: monotonic ns or WAIT_FOREVER.
 * 0 when cond is true, -ERESTARTSYS on a deliverable signal, -ETIMEDOUT. No lock may be held.
 */
#define wait_event(wq, cond, deadline)                                                             \
	({                                                                                         \
		struct wait_entry we_entry_;                                                       \
		uint64_t we_deadline_ = (deadline);                                                \
		int we_ret_ = 0;                                                                   \
		for (;;) {                                                                         \
			wait_prepare((wq), &we_entry_);                                            \
			if (cond) {                                                                \
				we_ret_ = 0;                                                       \
				break;                                                             \
			}                                                                          \
			if (we_ret_)                                                               \
				break;                                                             \
			we_ret_ = wait_sleep(we_deadline_);                                        \
			wait_finish((wq), &we_entry_);                                             \
		}                                                                                  \
		wait_finish((wq), &we_entry_);                                                     \
		we_ret_;                                                                           \
	})

/*
 * Sleeps until cond is true, whatever signals come: for what ends soon and by itself, as disk
 * transfers do. No lock may be held.
 */
#define wait_event_uninterruptible(wq, cond)                                                       \
	do {                                                                                       \
		struct wait_entry we_entry_;                                                       \
		for (;;) {                                                                         \
			wait_prepare((wq), &we_entry_);                                            \
			if (cond)                                                                  \
				break;                                                             \
			wait_sleep_uninterruptible();                                              \
			wait_finish((wq), &we_entry_);                                             \
		}                                                                                  \
		wait_finish((wq), &we_entry_);                                                     \
	} while (0)
