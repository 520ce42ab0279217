/*
 * What turns the TSC into time of day, laid out for the vDSO, which reads it as the program (its
 * code may be preempted anywhere), and for the kernel, which reads it with the same functions.
 *
 * Writers (clock.c, under its lock) make seq odd, change, make it even; readers try again.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include "arch/x86_64/cpu.h"
#include "lib/muldiv.h"
#include "time/pvclock.h"

#define CLOCK_PAGE_CLOCKS 8 /* up to CLOCK_BOOTTIME */
/* The clocks (by id, <linux/time.h>) that are the monotonic one, or at a fixed distance from it. */
#define CLOCK_PAGE_IDS                                                                             \
	(1u << CLOCK_REALTIME | 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW |                \
	 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME)

#define PVCLOCK_LIFE (1ull << 60)

enum clock_mode { CLOCK_MODE_NONE, CLOCK_MODE_TSC, CLOCK_MODE_PVCLOCK };

struct clock_page {
	_Atomic uint32_t seq;
	uint32_t mode;
	/* Bit per clock id: ns_base + offset + the fraction mult of (TSC - tsc_base) is the answer.
	 * 0 unless in TSC mode, with a TSC of more than 1 GHz. */
	uint32_t tsc_clocks;
	/* TSC mode: at this TSC monotonic time was ns_base. Some time ago, so that a CPU whose TSC
	 * is a little behind the writer's gets no negative distance. */
	uint64_t tsc_base;
	uint64_t ns_base;  /* pvclock mode: added to its time, modulo 2^64 */
	uint64_t mult;	   /* ns a tick: fraction of 2^64, */
	uint64_t mult_int; /* and whole part, 0 above 1 GHz */
	/* By clock id of clock_gettime(2): added to monotonic ns. */
	uint64_t offset[CLOCK_PAGE_CLOCKS];
	const volatile struct pvclock_time *pvclock;
	/* The latest answer, where the pvclock may step back; and the life that it is of, by
	 * multiples of PVCLOCK_LIFE, since a suspended machine may resume with another pvclock. */
	_Atomic uint64_t pvclock_last;
	uint64_t pvclock_life;
} __attribute__((aligned(64)));

extern struct clock_page clock_page;

static inline uint32_t clock_page_begin(const struct clock_page *p)
{
	uint32_t seq;

	while (__builtin_expect((seq = atomic_load_explicit(&p->seq, memory_order_acquire)) & 1, 0))
		cpu_relax();
	return seq;
}

static inline bool clock_page_retry(const struct clock_page *p, uint32_t seq)
{
	atomic_thread_fence(memory_order_acquire);
	return __builtin_expect(atomic_load_explicit(&p->seq, memory_order_relaxed) != seq, 0);
}

static inline uint64_t clock_tsc_scale(const struct clock_page *p, uint64_t ticks)
{
	return mul_high(ticks, p->mult) + ticks * p->mult_int;
}

static inline uint64_t clock_pvclock_read(const volatile struct pvclock_time *t)
{
	uint32_t version;
	uint64_t ns;

	do {
		while ((version = t->version) & 1)
			cpu_relax();
		atomic_thread_fence(memory_order_acquire);
		ns = t->system_time + pvclock_scale(rdtsc_ordered() - t->tsc_timestamp,
						    t->tsc_to_system_mul, t->tsc_shift);
		atomic_thread_fence(memory_order_acquire);
	} while (t->version != version);
	return ns;
}

/* Within begin and retry: monotonic ns by the pvclock, never less than was ever answered. */
static inline uint64_t clock_page_pvclock(struct clock_page *p)
{
	uint64_t life = *(const volatile uint64_t *)&p->pvclock_life;
	uint64_t ns = clock_pvclock_read(p->pvclock) + p->ns_base, last;

	if (p->pvclock->flags & PVCLOCK_TSC_STABLE)
		return ns;
	last = atomic_load_explicit(&p->pvclock_last, memory_order_relaxed);
	do {
		if ((last ^ life) >= PVCLOCK_LIFE)
			return ns; /* nonsense: the caller tries again */
		/* Signed: it may step back behind the start of this life, below 0. */
		if ((int64_t)(ns - (last - life)) <= 0)
			return last - life;
	} while (!atomic_compare_exchange_weak_explicit(
	    &p->pvclock_last, &last, life + ns, memory_order_relaxed, memory_order_relaxed));
	return ns;
}

/* Within begin and retry, in TSC mode: monotonic ns. */
static inline uint64_t clock_page_tsc(const struct clock_page *p)
{
	return p->ns_base + clock_tsc_scale(p, rdtsc_ordered() - p->tsc_base);
}

/* Within begin and retry: monotonic ns. */
static inline uint64_t clock_page_now(struct clock_page *p)
{
	if (__builtin_expect(p->mode != CLOCK_MODE_TSC, 0))
		return p->mode == CLOCK_MODE_PVCLOCK ? clock_page_pvclock(p) : 0;
	return clock_page_tsc(p);
}
