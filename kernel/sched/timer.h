/*
 * One-shot timers on the monotonic clock, kept in a heap; the hardware timer is programmed for the
 * earliest only (tickless). Callbacks run in kernel context, never inside other kernel code, must
 * not block, and may arm timers. Lock: one internal, not held during callbacks.
 *
 * An interrupt of the hardware timer is dear, most of all in a virtual machine, and while the CPU
 * is busy nobody can tell a timer that is a little late from a thread that had to wait for the CPU.
 * So the hardware is set to no less than timer_slack from now; timers that are due sooner are found
 * by the scheduler whenever it runs (timer_run_due), and before the CPU halts the hardware is set
 * to no less than a fortieth of timer_slack from now.
 *
 * The heap is threaded through the timers, so arming never fails.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>

struct timer {
	uint64_t expires; /* monotonic ns */
	void (*func)(struct timer *t);
	/* Of timer.c. A pairing heap: children are a list; prev is the sibling before, or the
	 * parent of a first child. */
	struct timer *child, *next, *prev;
	bool armed;
};

static inline bool timer_armed(const struct timer *t)
{
	return t->armed;
}

static inline void timer_setup(struct timer *t, void (*func)(struct timer *t))
{
	t->expires = 0;
	t->func = func;
	t->child = t->next = t->prev = NULL;
	t->armed = false;
}

void timer_arm(struct timer *t, uint64_t expires); /* re-arms if armed */
/* True if it was armed. After false on a timer that was once armed, its callback has begun. */
bool timer_cancel(struct timer *t);
/* Runs what is due and programs the hardware for what is next. Called by the timer interrupt. */
void timer_run(void);
/* 0 (the default): the hardware is always set exactly. Nanoseconds. */
extern uint64_t timer_slack;
/* Runs what is due, if anything. now: the monotonic clock. Context as of callbacks. */
void timer_run_due(uint64_t now);
/* The CPU looks for work, or has found some: between these the hardware is left alone. */
void timer_idle(bool yes);
/* Sets the hardware to the earliest timer, give or take the small slack. Interrupts off. */
void timer_before_halt(void);
/* The earliest deadline, UINT64_MAX if nothing is armed. */
uint64_t timer_next(void);
