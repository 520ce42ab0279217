/* adjtimex(2), clock_adjtime(2): reading, and stepping. There is no discipline of the clock's rate
 * here (it follows the hypervisor), so asking for one fails. */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/timex.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sys/capability.h"
#include "time/clock.h"
#include "time/clock_set.h"
#include "time/cpu_timer.h"
#include "time/sys_time.h"
#include "time/timespec.h"

/* Linux's values of a clock that nobody ever synchronised. */
#define NTP_PHASE_LIMIT 16000000 /* us */
#define NTP_TOLERANCE	32768000 /* 500 ppm, in 2^-16 ppm */
#define NTP_CONSTANT	2
#define TICK_USEC	10000

/* ADJ_SETOFFSET: time is a signed distance whose fraction is never negative. */
static int step_by(const struct __kernel_timex *t)
{
	bool nano = t->modes & ADJ_NANO;
	int64_t frac = nano ? t->time.tv_usec : t->time.tv_usec * 1000;
	uint64_t ns;

	if (t->time.tv_usec < 0 || t->time.tv_usec >= (nano ? 1000000000 : 1000000) ||
	    t->time.tv_sec > INT32_MAX || t->time.tv_sec < INT32_MIN)
		return -EINVAL;
	ns = clock_realtime() + (uint64_t)(t->time.tv_sec * 1000000000ll + frac);
	return clock_step(ns);
}

/* clock_adjtime(2) */
long sys_clock_adjtime(int id, uintptr_t timex)
{
	struct __kernel_timex t;
	uint64_t now;
	int err;

	if (copy_from_user(&t, timex, sizeof t))
		return -EFAULT;
	if (id != CLOCK_REALTIME) {
		bool exists = id < 0 ? !clock_is_fd(id) : id <= CLOCK_TAI && id != CLOCK_SGI_CYCLE;

		return exists ? -EOPNOTSUPP : -EINVAL;
	}
	if (t.modes == ADJ_OFFSET_SS_READ) {
		t.offset = 0;
	} else if (t.modes) {
		if (!process_capable(CAP_SYS_TIME))
			return -EPERM;
		if (t.modes & ~(unsigned)(ADJ_SETOFFSET | ADJ_NANO) || !(t.modes & ADJ_SETOFFSET))
			return -EOPNOTSUPP;
		err = step_by(&t);
		if (err)
			return err;
	}
	now = clock_realtime();
	t = (struct __kernel_timex){
	    .modes = t.modes,
	    .maxerror = NTP_PHASE_LIMIT,
	    .esterror = NTP_PHASE_LIMIT,
	    .status = STA_UNSYNC,
	    .constant = NTP_CONSTANT,
	    .precision = 1,
	    .tolerance = NTP_TOLERANCE,
	    .tick = TICK_USEC,
	};
	t.time.tv_sec = (long long)(now / NSEC_PER_SEC);
	t.time.tv_usec = (long long)(now % NSEC_PER_SEC / NSEC_PER_USEC);
	return copy_to_user(timex, &t, sizeof t) ? -EFAULT : TIME_ERROR;
}

long sys_adjtimex(uintptr_t timex)
{
	return sys_clock_adjtime(CLOCK_REALTIME, timex);
}
