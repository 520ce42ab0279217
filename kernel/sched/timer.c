#include "lib/spinlock.h"
#include "sched/timer.h"
#include "time/clock.h"

/*
 * A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986): the earliest timer at the root,
 * constant-time insertion, logarithmic (amortised) removal. No recursion.
 */
static spinlock_t timer_lock;
static struct timer *root;
/* What the hardware is set to. A cancelled timer leaves it: one interrupt too many costs less than
 * programming it at each cancellation. */
static uint64_t programmed = UINT64_MAX;
uint64_t timer_slack;
static bool idling;

/* Joins two heaps: the later root becomes the first child of the earlier. Either may be NULL. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->expires < a->expires) {
		struct timer *swap = a;

		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* Makes one heap of a list of siblings: in pairs from the left, then all from the right. */
static struct timer *meld_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *all = NULL;

	while (first) {
		struct timer *a = first, *b = a->next, *pair;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		pair = meld(a, b);
		pair->next = pairs; /* a stack, so the second pass goes from the right */
		pairs = pair;
	}
	while (pairs) {
		struct timer *next = pairs->next;

		pairs->next = NULL;
		all = meld(all, pairs);
		pairs = next;
	}
	return all;
}

static void heap_remove(struct timer *t)
{
	struct timer *children = meld_siblings(t->child);

	t->child = NULL;
	if (t == root) {
		root = children;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		root = meld(root, children);
	}
	t->next = t->prev = NULL;
	t->armed = false;
}

/* With timer_lock held. */
static void set_hardware(uint64_t when)
{
	if (when < programmed) {
		programmed = when;
		clock_event_set(when);
	}
}

/* when, but at least slack from now. */
static uint64_t not_before(uint64_t when, uint64_t slack)
{
	uint64_t soonest = slack ? clock_monotonic() + slack : 0;

	return when > soonest ? when : soonest;
}

/* With timer_lock held. */
static void program(void)
{
	uint64_t next = root ? root->expires : UINT64_MAX;

	if (next >= programmed || idling)
		return;
	set_hardware(not_before(next, timer_slack));
}

void timer_arm(struct timer *t, uint64_t expires)
{
	spin_lock(&timer_lock);
	if (t->armed)
		heap_remove(t);
	t->expires = expires;
	t->armed = true;
	root = meld(root, t);
	program();
	spin_unlock(&timer_lock);
}

bool timer_cancel(struct timer *t)
{
	bool armed;

	spin_lock(&timer_lock);
	armed = t->armed;
	if (armed)
		heap_remove(t);
	spin_unlock(&timer_lock);
	return armed;
}

/* Afterwards the hardware is set to `set` (what it was, or never), or earlier if need be. */
static void run(uint64_t now, uint64_t set)
{
	/* Callbacks that arm timers need not program the hardware one by one. */
	programmed = 0;
	while (root && root->expires <= now) {
		struct timer *t = root;

		heap_remove(t);
		spin_unlock(&timer_lock);
		t->func(t);
		spin_lock(&timer_lock);
	}
	programmed = set;
	program();
}

void timer_run(void)
{
	/* One look at the clock: a timer that arms itself for "at once" must not keep us here. */
	uint64_t now = clock_monotonic();

	spin_lock(&timer_lock);
	run(now, UINT64_MAX);
	spin_unlock(&timer_lock);
}

void timer_run_due(uint64_t now)
{
	spin_lock(&timer_lock);
	if (root && root->expires <= now)
		run(now, programmed);
	spin_unlock(&timer_lock);
}

void timer_idle(bool yes)
{
	spin_lock(&timer_lock);
	idling = yes;
	program();
	spin_unlock(&timer_lock);
}

void timer_before_halt(void)
{
	spin_lock(&timer_lock);
	if (root)
		set_hardware(not_before(root->expires, timer_slack / 40));
	spin_unlock(&timer_lock);
}

uint64_t timer_next(void)
{
	uint64_t next;

	spin_lock(&timer_lock);
	next = root ? root->expires : UINT64_MAX;
	spin_unlock(&timer_lock);
	return next;
}
