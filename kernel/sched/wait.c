/* Wait queues. */
#include <asm/errno.h>
#include "sched/sched.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "time/clock.h"

void waitqueue_init(struct waitqueue *wq)
{
	wq->lock = (spinlock_t)SPINLOCK_INIT;
	list_init(&wq->waiters);
}

void waitqueue_add(struct waitqueue *wq, struct wait_entry *e)
{
	spin_lock(&wq->lock);
	list_add_tail(&wq->waiters, &e->link);
	spin_unlock(&wq->lock);
}

void waitqueue_remove(struct waitqueue *wq, struct wait_entry *e)
{
	spin_lock(&wq->lock);
	list_remove(&e->link);
	spin_unlock(&wq->lock);
}

unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events)
{
	unsigned woken = 0;

	if (list_empty(&wq->waiters))
		return 0;
	spin_lock(&wq->lock);
	list_for_each_entry_safe (e, &wq->waiters, struct wait_entry, link) {
		if (woken >= max)
			break;
		if (e->func) {
			if (e->func(e, events))
				woken++;
			continue;
		}
		/* Taken off, so that the next wake-up goes to somebody else. */
		list_remove(&e->link);
		thread_wake(e->thread);
		woken++;
	}
	spin_unlock(&wq->lock);
	return woken;
}

void wait_prepare(struct waitqueue *wq, struct wait_entry *e)
{
	e->thread = current;
	e->func = NULL;
	list_init(&e->link);
	current->woken = false;
	if (wq)
		waitqueue_add(wq, e);
}

void wait_finish(struct waitqueue *wq, struct wait_entry *e)
{
	if (wq && !list_empty(&e->link))
		waitqueue_remove(wq, e);
}

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
};

static void sleep_over(struct timer *t)
{
	thread_wake(container_of(t, struct sleep_timer, timer)->thread);
}

int wait_sleep(uint64_t deadline)
{
	struct thread *t = current;

	if (signal_deliverable(t)) {
		/* The result must meet signal_deliver on the way out, whatever becomes of the
		 * signal. */
		atomic_fetch_or(&t->flags, THREAD_SIGPENDING);
		return -ERESTARTSYS;
	}
	if (deadline == WAIT_FOREVER) {
		sched_sleep();
	} else {
		struct sleep_timer st = {.thread = t};

		if (clock_monotonic() >= deadline) {
			t->woken = false;
			return -ETIMEDOUT;
		}
		timer_setup(&st.timer, sleep_over);
		timer_arm(&st.timer, deadline);
		sched_sleep();
		timer_cancel(&st.timer);
	}
	t->woken = false;
	return 0;
}

void wait_sleep_uninterruptible(void)
{
	sched_sleep();
	current->woken = false;
}
