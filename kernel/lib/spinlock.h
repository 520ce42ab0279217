/*
 * Spin locks. Interrupt handlers never run inside kernel code (see docs/architecture.md,
 * "Interrupts"), so a lock need not disable interrupts, and kernel code is not preempted while it
 * holds one. Never block with a spin lock held. Order: a file that nests locks states the order.
 */
#pragma once
#include <stdatomic.h>
#include "lib/printk.h"

typedef struct {
	atomic_int held;
} spinlock_t;

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

static inline void spin_lock(spinlock_t *l)
{
	while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
		while (atomic_load_explicit(&l->held, memory_order_relaxed))
			__builtin_ia32_pause();
}

static inline void spin_unlock(spinlock_t *l)
{
	atomic_store_explicit(&l->held, 0, memory_order_release);
}
