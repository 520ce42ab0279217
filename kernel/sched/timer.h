/*
 * One-shot timers on the monotonic clock, kept in a heap; the hardware timer is programmed for the
 * earliest only (tickless). Callbacks run in kernel context, never inside other kernel code, must
 * not block, and may arm timers. Lock: one internal, not held during callbacks.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>

struct timer {
	uint64_t expires; /* monotonic ns */
	void (*func)(struct timer *t);
	int heap_index; /* -1: not armed */
};

static inline void timer_setup(struct timer *t, void (*func)(struct timer *t))
{
	t->expires = 0;
	t->func = func;
	t->heap_index = -1;
}

void timer_arm(struct timer *t, uint64_t expires); /* re-arms if armed */
bool timer_cancel(struct timer *t);		   /* true if it was armed */
/* Runs what is due and programs the hardware for what is next. Called by the timer interrupt. */
void timer_run(void);
