#include <asm/errno.h>
#include <linux/time.h>
#include "sched/thread.h"
#include "sys/process_ids.h"
#include "time/clock.h"
#include "time/cpu_timer.h"

/* Looking more often than this is not worth the interrupts; nor is it while nothing runs. */
#define LOOK_MIN 1000000ull
#define LOOK_MAX 16000000ull

/* Missed expiries of a periodic timer that are made up for. */
#define CATCH_UP_MAX 64

/* Clock ids of other processes and threads: ~pid << 3, bit 2: a thread, bits 0-1: which time of it
 * (total, user's share, scheduler's), 3 without bit 2: a file descriptor instead (Linux
 * posix-timers.h). */
#define ID_THREAD 4
#define ID_KIND	  3
#define ID_SCHED  2

int cpu_clock_decode(struct cpu_clock *c, int id)
{
	struct thread *t;
	int pid;

	if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID) {
		c->tid = id == CLOCK_THREAD_CPUTIME_ID ? current->tid : 0;
		return 0;
	}
	if (id >= 0 || (id & ID_KIND) == ID_KIND)
		return -EINVAL;
	pid = ~(id >> 3);
	if (!(id & ID_THREAD)) {
		c->tid = 0;
		return pid == 0 || pid == PROCESS_ID ? 0 : -EINVAL;
	}
	c->tid = pid ? pid : current->tid;
	t = thread_find(c->tid);
	if (!t)
		return -EINVAL;
	thread_put(t);
	return 0;
}

bool cpu_clock_coarse(int id)
{
	return id < 0 && (id & ID_KIND) < ID_SCHED;
}

bool clock_is_fd(int id)
{
	return id < 0 && (id & (ID_KIND | ID_THREAD)) == ID_KIND;
}

bool cpu_clock_read(struct cpu_clock c, uint64_t *ns)
{
	struct thread *t;

	if (!c.tid) {
		*ns = process_cputime();
		return true;
	}
	if (c.tid == current->tid) {
		*ns = thread_cputime(current);
		return true;
	}
	t = thread_find(c.tid);
	if (!t)
		return false;
	*ns = thread_cputime(t);
	thread_put(t);
	return true;
}

static void look_again(struct cpu_timer *t, uint64_t used)
{
	uint64_t delay = t->expires > used ? t->expires - used : 0;

	if (delay < t->idle_delay)
		delay = t->idle_delay;
	timer_arm(&t->timer, clock_monotonic() + delay);
}

static void look(struct timer *timer)
{
	struct cpu_timer *t = container_of(timer, struct cpu_timer, timer);
	uint64_t used;

	if (!cpu_clock_read(t->clock, &used))
		return;
	if (used >= t->expires) {
		t->func(t);
		return;
	}
	if (used - t->last_seen >= LOOK_MIN / 2)
		t->idle_delay = LOOK_MIN;
	else if (t->idle_delay < LOOK_MAX)
		t->idle_delay *= 2;
	t->last_seen = used;
	look_again(t, used);
}

void cpu_timer_setup(struct cpu_timer *t, struct cpu_clock c, void (*func)(struct cpu_timer *))
{
	timer_setup(&t->timer, look);
	t->clock = c;
	t->func = func;
}

bool cpu_timer_arm(struct cpu_timer *t, uint64_t expires)
{
	uint64_t used;

	if (!cpu_clock_read(t->clock, &used))
		return false;
	t->expires = expires;
	t->last_seen = used;
	t->idle_delay = LOOK_MIN;
	look_again(t, used);
	return true;
}

void cpu_timer_cancel(struct cpu_timer *t)
{
	timer_cancel(&t->timer);
}

uint64_t cpu_timer_advance(uint64_t *expires, uint64_t interval, uint64_t now)
{
	uint64_t missed = (now - *expires) / interval;

	if (missed <= CATCH_UP_MAX && interval >= 2 * LOOK_MIN)
		missed = 0;
	*expires += (missed + 1) * interval;
	return missed;
}
