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

/* The monotonic clock, or a CPU clock: absolute deadlines of both are kept in one word. */
static long sleep_on(int id, uint64_t ns, bool absolute, uintptr_t remaining)
{
	struct cpu_clock c = {0};
	bool cpu = false;
	uint64_t now = 0, deadline;
	int err;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	case CLOCK_THREAD_CPUTIME_ID:
		return -EINVAL; /* it stands still while its thread sleeps */
	default:
		cpu = true;
		if (cpu_clock_decode(&c, id) || (c.tid && c.tid == current->tid))
			return -EINVAL;
	}
	if (absolute && (id == CLOCK_REALTIME || id == CLOCK_TAI)) {
		err = sleep_realtime(ns);
		return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
	}
	if (!absolute) {
		if (!cpu)
			now = clock_monotonic();
		else if (!cpu_clock_read(c, &now))
			return -EINVAL;
	}
	deadline = time_add(now, ns);
	err = cpu ? sleep_cpu(c, deadline) : sleep_monotonic(deadline);
	if (err != -ERESTARTSYS)
		return err;
	if (absolute)
		return -ERESTARTNOHAND;
	if (!cpu)
		now = clock_monotonic();
	else if (!cpu_clock_read(c, &now))
		return -EINVAL;
	if (remaining && timespec_to_user(remaining, deadline > now ? deadline - now : 0))
		return -EFAULT;
	return -EINTR; /* restarted, it would sleep for the whole time again */
}

long sys_nanosleep(uintptr_t request, uintptr_t remaining)
{
	uint64_t ns;
	int err = timespec_from_user(&ns, request);

	return err ? err : sleep_on(CLOCK_MONOTONIC, ns, false, remaining);
}

long sys_clock_nanosleep(int id, int flags, uintptr_t request, uintptr_t remaining)
{
	uint64_t ns;
	int err = timespec_from_user(&ns, request);

	return err ? err : sleep_on(id, ns, flags & TIMER_ABSTIME, remaining);
}
