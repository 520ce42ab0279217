/* nanosleep(2), clock_nanosleep(2). */
#include <asm/errno.h>
#include <linux/time.h>
#include "sched/thread.h"
#include "sched/wait.h"
#include "signal/signal.h"
#include "time/clock.h"
#include "time/clock_set.h"
#include "time/cpu_timer.h"
#include "time/sys_time.h"
#include "time/timespec.h"

struct waitqueue clock_set_queue = WAITQUEUE_INIT(clock_set_queue);

/* Sleeps until a monotonic time: 0, or -ERESTARTSYS when a signal came first. */
static int sleep_monotonic(uint64_t deadline)
{
	int err = wait_event(NULL, false, deadline);

	return err == -ETIMEDOUT ? 0 : err;
}

/* Until a time of day, whatever the wall clock is set to meanwhile. */
static int sleep_realtime(uint64_t deadline)
{
	for (;;) {
		uint64_t offset = clock_wall_offset();
		int64_t monotonic = (int64_t)(deadline - offset);
		int err;

		if (monotonic < 0)
			return 0;
		err = wait_event(&clock_set_queue, clock_wall_offset() != offset,
				 (uint64_t)monotonic);
		if (err == -ETIMEDOUT)
			return 0;
		if (err)
			return err;
	}
}

static int sleep_cpu(struct cpu_clock c, uint64_t deadline)
{
	uint64_t used;

	for (;;) {
		int err;

		if (!cpu_clock_read(c, &used))
			return -EINVAL;
		if (used >= deadline)
			return 0;
		/* Earlier the clock cannot get there. */
		err = sleep_monotonic(clock_monotonic() + (deadline - used));
		if (err)
			return err;
	}
}

/* A clock to sleep on: 0 with *cpu set for a CPU clock, -EOPNOTSUPP for one that knows no sleep,
 * -EINVAL. */
static int sleep_clock(int id, bool *cpu, struct cpu_clock *c)
{
	*cpu = false;
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_THREAD_CPUTIME_ID: /* it stands still while its thread sleeps */
		return -EOPNOTSUPP;
	default:
		if (clock_is_fd(id))
			return -EOPNOTSUPP;
		*cpu = true;
		return id < 0 || id == CLOCK_PROCESS_CPUTIME_ID ? cpu_clock_decode(c, id) : -EINVAL;
	}
}

/* cpu: on that CPU clock, else on the clock id. */
static long sleep_on(int id, const struct cpu_clock *cpu, uint64_t ns, bool absolute,
		     uintptr_t remaining)
{
	uint64_t now = 0, deadline;
	int err;

	if (absolute && (id == CLOCK_REALTIME || id == CLOCK_TAI)) {
		err = sleep_realtime(ns);
		return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
	}
	if (!absolute) {
		if (!cpu)
			now = clock_monotonic();
		else if (!cpu_clock_read(*cpu, &now))
			return -EINVAL;
	}
	deadline = time_add(now, ns);
	err = cpu ? sleep_cpu(*cpu, deadline) : sleep_monotonic(deadline);
	if (err != -ERESTARTSYS)
		return err;
	if (absolute)
		return -ERESTARTNOHAND;
	if (!cpu)
		now = clock_monotonic();
	else if (!cpu_clock_read(*cpu, &now))
		return -EINVAL;
	if (remaining && timespec_to_user(remaining, deadline > now ? deadline - now : 0))
		return -EFAULT;
	return -EINTR; /* restarted, it would sleep for the whole time again */
}

long sys_nanosleep(uintptr_t request, uintptr_t remaining)
{
	uint64_t ns;
	int err = timespec_from_user(&ns, request);

	return err ? err : sleep_on(CLOCK_MONOTONIC, NULL, ns, false, remaining);
}

long sys_clock_nanosleep(int id, int flags, uintptr_t request, uintptr_t remaining)
{
	struct cpu_clock c = {0};
	bool cpu;
	uint64_t ns;
	int unknown = sleep_clock(id, &cpu, &c), err;

	/* The clock is looked at before the time; only whether a CPU clock's thread exists, after.
	 */
	if (unknown && (id >= 0 || !cpu))
		return unknown;
	err = timespec_from_user(&ns, request);
	if (err)
		return err;
	if (unknown || (c.tid && c.tid == current->tid))
		return -EINVAL;
	return sleep_on(id, cpu ? &c : NULL, ns, flags & TIMER_ABSTIME, remaining);
}
