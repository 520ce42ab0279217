/*
 * The three interval timers of the process: setitimer(2), alarm(2). Lock: itimer_lock, taken before
 * the timer heap's; signals are sent without it.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/time.h>
#include "lib/list.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "time/clock.h"
#include "time/cpu_timer.h"
#include "time/sys_time.h"
#include "time/timespec.h"

/* As posix_timer.c: interrupts must leave the program some time. */
#define PERIOD_MIN 20000ull

struct itimer {
	int signo;
	bool armed;
	uint64_t expires, interval; /* monotonic, or CPU time of the process */
	struct timer timer;	    /* ITIMER_REAL */
	struct cpu_timer cpu_timer; /* VIRTUAL, PROF: all the program's time is its own (times) */
};

static spinlock_t itimer_lock;
static struct itimer itimers[3];
static bool ready;

static bool is_cpu(const struct itimer *it)
{
	return it != &itimers[ITIMER_REAL];
}

static uint64_t itimer_now(const struct itimer *it)
{
	return is_cpu(it) ? process_cputime() : clock_monotonic();
}

static void start(struct itimer *it)
{
	it->armed = true;
	if (is_cpu(it))
		cpu_timer_arm(&it->cpu_timer, it->expires);
	else
		timer_arm(&it->timer, it->expires);
}

static void stop(struct itimer *it)
{
	it->armed = false;
	if (is_cpu(it))
		cpu_timer_cancel(&it->cpu_timer);
	else
		timer_cancel(&it->timer);
}

/* To the next expiry. These timers know no overruns: what is skipped is lost. */
static void advance(struct itimer *it, uint64_t now)
{
	uint64_t missed;

	if (is_cpu(it)) {
		cpu_timer_advance(&it->expires, it->interval, now);
		return;
	}
	missed = (now - it->expires) / it->interval;
	it->expires += (missed + 1) * it->interval;
	if (it->expires - now < PERIOD_MIN)
		it->expires += PERIOD_MIN / it->interval * it->interval;
}

static void expire(struct itimer *it)
{
	uint64_t now;

	spin_lock(&itimer_lock);
	now = itimer_now(it);
	if (!it->armed || now < it->expires) {
		spin_unlock(&itimer_lock); /* set anew meanwhile */
		return;
	}
	it->armed = false;
	if (it->interval) {
		advance(it, now);
		start(it);
	}
	spin_unlock(&itimer_lock);
	signal_send_process(it->signo, NULL);
}

static void real_expired(struct timer *t)
{
	expire(container_of(t, struct itimer, timer));
}

static void cpu_expired(struct cpu_timer *t)
{
	expire(container_of(t, struct itimer, cpu_timer));
}

/* With itimer_lock held. */
static void setup_once(void)
{
	static const int signals[3] = {SIGALRM, SIGVTALRM, SIGPROF};

	if (ready)
		return;
	ready = true;
	for (int i = 0; i < 3; i++) {
		itimers[i].signo = signals[i];
		timer_setup(&itimers[i].timer, real_expired);
		cpu_timer_setup(&itimers[i].cpu_timer, (struct cpu_clock){0}, cpu_expired);
	}
}

/* What is left; at least a microsecond while armed, since zero says that it is not. */
static uint64_t left_of(const struct itimer *it)
{
	uint64_t now;

	if (!it->armed)
		return 0;
	now = itimer_now(it);
	return it->expires > now + NSEC_PER_USEC ? it->expires - now : NSEC_PER_USEC;
}

/* Sets timer which; what it was goes to old_*. */
static void itimer_set(int which, uint64_t value, uint64_t interval, uint64_t *old_value,
		       uint64_t *old_interval)
{
	struct itimer *it = &itimers[which];

	spin_lock(&itimer_lock);
	setup_once();
	*old_value = left_of(it);
	*old_interval = it->interval;
	stop(it);
	it->interval = value || which != ITIMER_REAL ? interval : 0;
	if (value) {
		it->expires = time_add(itimer_now(it), value);
		start(it);
	}
	spin_unlock(&itimer_lock);
}

static int itimerval_to_user(uintptr_t to, uint64_t value, uint64_t interval)
{
	int err = timeval_to_user(to, interval);

	return err ? err : timeval_to_user(to + sizeof(struct __kernel_old_timeval), value);
}

long sys_setitimer(int which, uintptr_t value, uintptr_t old)
{
	uint64_t interval = 0, first = 0, old_value, old_interval;
	int err = 0;

	/* A NULL value counts as zeroes, as in Linux. */
	if (value) {
		err = timeval_from_user(&interval, value);
		if (!err)
			err =
			    timeval_from_user(&first, value + sizeof(struct __kernel_old_timeval));
	}
	if (err)
		return err;
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	itimer_set(which, first, interval, &old_value, &old_interval);
	return old ? itimerval_to_user(old, old_value, old_interval) : 0;
}

long sys_getitimer(int which, uintptr_t value)
{
	uint64_t left, interval;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	spin_lock(&itimer_lock);
	left = left_of(&itimers[which]);
	interval = itimers[which].interval;
	spin_unlock(&itimer_lock);
	return itimerval_to_user(value, left, interval);
}

long sys_alarm(unsigned seconds)
{
	uint64_t old, interval;

	itimer_set(ITIMER_REAL, seconds * NSEC_PER_SEC, 0, &old, &interval);
	/* Rounded, but never to zero while something was left: alarm(2) as Linux does it. */
	if (old && old < NSEC_PER_SEC)
		return 1;
	return (long)((old + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}
