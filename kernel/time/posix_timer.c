/*
 * Timers of the program: timer_create(2) and its kin, timers on the wall clock, the monotonic clock
 * and CPU time that send a signal.
 *
 * Locks: posix_lock guards the list and every timer in it. Order: signal_lock, posix_lock, then the
 * timer heap's; so signals are sent without posix_lock held.
 */
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>
#include <linux/time.h>
#include "lib/list.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "sys/rlimit.h"
#include "time/clock.h"
#include "time/clock_set.h"
#include "time/cpu_timer.h"
#include "time/posix_timer.h"
#include "time/sys_time.h"
#include "time/timespec.h"

/* A period shorter than this is served at this pace, the rest counted as overruns: interrupts must
 * leave the program some time. */
#define PERIOD_MIN 20000ull

#define SIGNALS 64

struct posix_timer {
	struct list link; /* timers */
	int id;
	bool cpu;      /* on a CPU clock: cpu_timer, else timer */
	bool realtime; /* created on the wall clock */
	bool wall;     /* expires is a time of day: absolute, on the wall clock */
	bool armed;
	int notify; /* SIGEV_ */
	int signo;
	int target; /* of SIGEV_THREAD_ID */
	sigval_t value;
	uint64_t expires;  /* on its own clock */
	uint64_t interval; /* 0: once */
	int overrun;	   /* of the signal taken last */
	struct timer timer;
	struct cpu_timer cpu_timer;
};

static spinlock_t posix_lock;
static struct list timers = LIST_INIT(timers);
static unsigned ntimers;
static int last_id = -1;

static struct posix_timer *find(int id)
{
	list_for_each_entry (t, &timers, struct posix_timer, link) {
		if (t->id == id)
			return t;
	}
	return NULL;
}

/* The timer's clock, ns. False: its thread is gone. */
static bool timer_now(const struct posix_timer *t, uint64_t *ns)
{
	if (t->cpu)
		return cpu_clock_read(t->cpu_timer.clock, ns);
	*ns = t->wall ? clock_realtime() : clock_monotonic();
	return true;
}

static void stop(struct posix_timer *t)
{
	t->armed = false;
	if (t->cpu)
		cpu_timer_cancel(&t->cpu_timer);
	else
		timer_cancel(&t->timer);
}

/* Sets the hardware's part of an armed timer for t->expires. */
static void start(struct posix_timer *t)
{
	uint64_t offset;

	t->armed = true;
	if (t->cpu) {
		t->armed = cpu_timer_arm(&t->cpu_timer, t->expires);
	} else if (t->wall) {
		offset = clock_wall_offset();
		/* A moment before the machine's start is due at once. */
		timer_arm(&t->timer, (int64_t)(t->expires - offset) > 0 ? t->expires - offset : 0);
	} else {
		timer_arm(&t->timer, t->expires);
	}
}

/* Moves a periodic timer to its next expiry; how many are skipped. */
static uint64_t advance(struct posix_timer *t, uint64_t now)
{
	uint64_t missed;

	if (t->cpu)
		return cpu_timer_advance(&t->expires, t->interval, now);
	missed = (now - t->expires) / t->interval;
	t->expires += (missed + 1) * t->interval;
	if (t->expires - now < PERIOD_MIN) {
		uint64_t more = PERIOD_MIN / t->interval;

		t->expires += more * t->interval;
		missed += more;
	}
	return missed;
}

static void expire(struct posix_timer *t)
{
	siginfo_t info;
	uint64_t now, missed = 0;
	int notify, signo, target;

	spin_lock(&posix_lock);
	if (!t->armed || !timer_now(t, &now) || now < t->expires) {
		/* Set anew meanwhile, or the clock was set back (which armed it again). */
		spin_unlock(&posix_lock);
		return;
	}
	t->armed = false;
	if (t->interval) {
		missed = advance(t, now);
		start(t);
	}
	memset(&info, 0, sizeof info);
	info.si_code = SI_TIMER;
	info.si_tid = t->id;
	info.si_overrun = missed > INT32_MAX ? INT32_MAX : (int)missed;
	info.si_value = t->value;
	notify = t->notify;
	signo = t->signo;
	target = t->target;
	spin_unlock(&posix_lock);

	if (notify == SIGEV_THREAD_ID) {
		struct thread *thread = thread_find(target);

		if (thread) {
			signal_send_thread(thread, signo, &info);
			thread_put(thread);
		}
	} else if (notify != SIGEV_NONE) {
		signal_send_process(signo, &info);
	}
}

static void timer_expired(struct timer *t)
{
	expire(container_of(t, struct posix_timer, timer));
}

static void cpu_timer_expired(struct cpu_timer *t)
{
	expire(container_of(t, struct posix_timer, cpu_timer));
}

void posix_timer_taken(int id, int overrun)
{
	struct posix_timer *t;

	spin_lock(&posix_lock);
	t = find(id);
	if (t)
		t->overrun = overrun;
	spin_unlock(&posix_lock);
}

void posix_timers_clock_set(void)
{
	spin_lock(&posix_lock);
	list_for_each_entry (t, &timers, struct posix_timer, link) {
		if (t->armed && t->wall)
			start(t);
	}
	spin_unlock(&posix_lock);
}

/* The program's struct sigevent, or the default: SIGALRM to the process with the timer's id. */
static int read_event(struct posix_timer *t, uintptr_t from)
{
	struct sigevent event;
	struct thread *thread;

	if (!from) {
		t->notify = SIGEV_SIGNAL;
		t->signo = SIGALRM;
		t->value.sival_ptr = NULL;
		t->value.sival_int = t->id;
		return 0;
	}
	if (copy_from_user(&event, from, sizeof event))
		return -EFAULT;
	t->notify = event.sigev_notify;
	t->signo = event.sigev_signo;
	t->value = event.sigev_value;
	t->target = event.sigev_notify_thread_id;
	switch (t->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_THREAD_ID:
		thread = thread_find(t->target);
		if (!thread)
			return -EINVAL;
		thread_put(thread);
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: /* the C library's affair: to the kernel it is a signal */
		break;
	default:
		return -EINVAL;
	}
	return t->signo >= 1 && t->signo <= SIGNALS ? 0 : -EINVAL;
}

static int choose_clock(struct posix_timer *t, int clock)
{
	struct cpu_clock c;
	int err;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		t->realtime = true;
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		if (clock_is_fd(clock))
			return -EOPNOTSUPP;
		err = cpu_clock_decode(&c, clock);
		if (err)
			return err;
		t->cpu = true;
		cpu_timer_setup(&t->cpu_timer, c, cpu_timer_expired);
	}
	timer_setup(&t->timer, timer_expired);
	return 0;
}

/* With posix_lock held: an id that is free. They go up, so that an old one is not soon reused. */
static int new_id(void)
{
	do {
		last_id = last_id == INT32_MAX ? 0 : last_id + 1;
	} while (find(last_id));
	return last_id;
}

long sys_timer_create(int clock, uintptr_t event, uintptr_t id)
{
	struct posix_timer *t = kzalloc(sizeof *t);
	int err;

	if (!t)
		return -EAGAIN;
	err = choose_clock(t, clock);
	spin_lock(&posix_lock);
	if (!err && ntimers >= rlimit_get(RLIMIT_SIGPENDING))
		err = -EAGAIN;
	if (!err) {
		t->id = new_id();
		ntimers++;
		list_add_tail(&timers, &t->link);
	}
	spin_unlock(&posix_lock);
	if (err) {
		kfree(t);
		return err;
	}
	err = read_event(t, event);
	if (!err && copy_to_user(id, &t->id, sizeof t->id))
		err = -EFAULT;
	if (err)
		sys_timer_delete(t->id);
	return err;
}

/* With posix_lock held: what is left, and the interval. */
static void remaining(struct posix_timer *t, uint64_t *left, uint64_t *interval)
{
	uint64_t now, expires = t->expires;

	*left = 0;
	*interval = t->interval;
	if (!t->armed || !timer_now(t, &now))
		return;
	if (now >= expires && t->interval) /* due, but not served yet: the one after that */
		expires += ((now - expires) / t->interval + 1) * t->interval;
	/* Zero would say that it is not armed. */
	*left = expires > now ? expires - now : t->notify == SIGEV_NONE ? 0 : 1;
}

static int itimerspec_to_user(uintptr_t to, uint64_t value, uint64_t interval)
{
	int err = timespec_to_user(to, interval);

	return err ? err : timespec_to_user(to + sizeof(struct __kernel_timespec), value);
}

long sys_timer_settime(int id, int flags, uintptr_t value, uintptr_t old)
{
	uint64_t interval, first, now, old_left, old_interval;
	struct posix_timer *t;
	int err;

	if (!value)
		return -EINVAL;
	err = timespec_from_user(&interval, value);
	if (!err)
		err = timespec_from_user(&first, value + sizeof(struct __kernel_timespec));
	if (err)
		return err;
	spin_lock(&posix_lock);
	t = find(id);
	if (!t) {
		spin_unlock(&posix_lock);
		return -EINVAL;
	}
	remaining(t, &old_left, &old_interval);
	stop(t);
	t->interval = first ? interval : 0;
	t->wall = t->realtime && (flags & TIMER_ABSTIME);
	t->overrun = 0;
	if (first) {
		if (!timer_now(t, &now))
			err = -ESRCH;
		t->expires = flags & TIMER_ABSTIME ? first : time_add(now, first);
		if (!err)
			start(t);
	}
	spin_unlock(&posix_lock);
	if (!err && old)
		err = itimerspec_to_user(old, old_left, old_interval);
	return err;
}

long sys_timer_gettime(int id, uintptr_t value)
{
	uint64_t left, interval;
	struct posix_timer *t;

	spin_lock(&posix_lock);
	t = find(id);
	if (t)
		remaining(t, &left, &interval);
	spin_unlock(&posix_lock);
	return t ? itimerspec_to_user(value, left, interval) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	struct posix_timer *t;
	long overrun = -EINVAL;

	spin_lock(&posix_lock);
	t = find(id);
	if (t)
		overrun = t->overrun;
	spin_unlock(&posix_lock);
	return overrun;
}

long sys_timer_delete(int id)
{
	struct posix_timer *t;

	spin_lock(&posix_lock);
	t = find(id);
	if (t) {
		stop(t);
		list_remove(&t->link);
		ntimers--;
	}
	spin_unlock(&posix_lock);
	if (!t)
		return -EINVAL;
	kfree(t);
	return 0;
}
