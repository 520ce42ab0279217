/* Reading and setting clocks: clock_gettime(2), gettimeofday(2), time(2), times(2). */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/times.h>
#include "lib/spinlock.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/capability.h"
#include "time/clock.h"
#include "time/clock_set.h"
#include "time/cpu_timer.h"
#include "time/sys_time.h"
#include "time/timespec.h"

/* What clock_getres says of the coarse clocks: Linux's tick at 250 Hz. Ours are as fine as the
 * others. */
#define COARSE_RESOLUTION 4000000ull
#define CLOCK_TICK	  (NSEC_PER_SEC / 100) /* of times(2): AT_CLKTCK */
#define TZ_LIMIT	  (15 * 60)

static struct timezone timezone; /* settimeofday's, for gettimeofday only */

/* ns of a clock; -EINVAL. */
static int read_clock(int id, uint64_t *ns)
{
	struct cpu_clock c;
	int err;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI: /* its offset to UTC was never set */
		*ns = clock_realtime();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: /* this machine does not suspend itself */
		*ns = clock_monotonic();
		return 0;
	default:
		err = cpu_clock_decode(&c, id);
		if (!err && !cpu_clock_read(c, ns))
			err = -EINVAL;
		return err;
	}
}

long sys_clock_gettime(int id, uintptr_t to)
{
	uint64_t ns;
	int err = read_clock(id, &ns);

	return err ? err : timespec_to_user(to, ns);
}

long sys_clock_getres(int id, uintptr_t to)
{
	uint64_t ns;
	int err = read_clock(id, &ns);

	if (err || !to)
		return err;
	if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE || cpu_clock_coarse(id))
		ns = COARSE_RESOLUTION;
	else
		ns = 1;
	return timespec_to_user(to, ns);
}

/* As Linux: not before 1970, and not so early that the machine would have started before. */
void clock_was_set(void)
{
	waitqueue_wake_all(&clock_set_queue, 0);
	posix_timers_clock_set();
	timerfds_clock_set();
}

int clock_step(uint64_t ns)
{
	if (!process_capable(CAP_SYS_TIME))
		return -EPERM;
	if (ns < clock_monotonic() || ns > NSEC_MAX)
		return -EINVAL;
	clock_set_realtime(ns);
	clock_was_set();
	return 0;
}

long sys_clock_settime(int id, uintptr_t from)
{
	struct cpu_clock c;
	uint64_t ns;
	int err;

	if (id > CLOCK_REALTIME)
		return -EINVAL;
	err = timespec_from_user(&ns, from);
	if (id == CLOCK_REALTIME)
		return err ? err : clock_step(ns);
	if (err == -EFAULT)
		return err;
	return cpu_clock_decode(&c, id) ? -EINVAL : -EPERM; /* CPU time cannot be set */
}

long sys_gettimeofday(uintptr_t tv, uintptr_t tz)
{
	if (tv && timeval_to_user(tv, clock_realtime()))
		return -EFAULT;
	if (tz && copy_to_user(tz, &timezone, sizeof timezone))
		return -EFAULT;
	return 0;
}

long sys_settimeofday(uintptr_t tv, uintptr_t tz)
{
	static bool zone_was_set;
	struct timezone zone;
	uint64_t ns = 0;
	int err = tv ? timeval_from_user(&ns, tv) : 0;

	if (err)
		return err;
	if (tz && copy_from_user(&zone, tz, sizeof zone))
		return -EFAULT;
	if (!process_capable(CAP_SYS_TIME))
		return -EPERM;
	if (tz) {
		if (zone.tz_minuteswest > TZ_LIMIT || zone.tz_minuteswest < -TZ_LIMIT)
			return -EINVAL;
		timezone = zone;
		/* settimeofday(2): the first zone, set alone, says that the battery clock runs in
		 * local time. */
		if (!zone_was_set && !tv && zone.tz_minuteswest)
			err = clock_step(clock_realtime() +
					 (uint64_t)(zone.tz_minuteswest * 60ll) * NSEC_PER_SEC);
		zone_was_set = true;
	}
	return tv ? clock_step(ns) : err;
}

long sys_time(uintptr_t to)
{
	long seconds = (long)(clock_realtime() / NSEC_PER_SEC);

	if (to && copy_to_user(to, &seconds, sizeof seconds))
		return -EFAULT;
	return seconds;
}

/* There are no other processes. What the program spends in the kernel counts as its own time: the
 * border is a function call and nobody looks at the clock there. */
long sys_times(uintptr_t to)
{
	struct tms tms = {.tms_utime = (long)(process_cputime() / CLOCK_TICK)};

	if (to && copy_to_user(to, &tms, sizeof tms))
		return -EFAULT;
	return (long)(clock_monotonic() / CLOCK_TICK);
}
