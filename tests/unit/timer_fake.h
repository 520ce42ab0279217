/* Timers that expire when the test says so. */
#pragma once
#include "sched/timer.h"

void timer_arm(struct timer *t, uint64_t expires)
{
	t->expires = expires;
	t->armed = true;
}

bool timer_cancel(struct timer *t)
{
	bool was = t->armed;

	t->armed = false;
	return was;
}

static void run_timer(struct timer *t)
{
	if (t->armed) {
		t->armed = false;
		t->func(t);
	}
}
