/*
 * Mutexes: for what is held while its holder sleeps (a file's position during a transfer to a
 * disk). Waiting for one is uninterruptible. In the lock order they come before all spin locks.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include "sched/wait.h"

struct mutex {
	_Atomic bool held;
	struct waitqueue wait;
};

static inline void mutex_init(struct mutex *m)
{
	atomic_store(&m->held, false);
	waitqueue_init(&m->wait);
}

static inline void mutex_lock(struct mutex *m)
{
	if (!atomic_exchange(&m->held, true))
		return;
	wait_event_uninterruptible(&m->wait, !atomic_exchange(&m->held, true));
}

static inline void mutex_unlock(struct mutex *m)
{
	atomic_store(&m->held, false);
	waitqueue_wake(&m->wait, 1, 0);
}
