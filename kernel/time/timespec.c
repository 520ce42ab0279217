#include <asm/errno.h>
#include <linux/time.h>
#include "mm/uaccess.h"
#include "time/timespec.h"

int time_to_ns(uint64_t *ns, int64_t sec, int64_t frac, int64_t per)
{
	if (sec < 0 || frac < 0 || frac >= per)
		return -EINVAL;
	if ((uint64_t)sec >= NSEC_MAX / NSEC_PER_SEC)
		*ns = NSEC_MAX;
	else
		*ns = (uint64_t)sec * NSEC_PER_SEC + (uint64_t)(frac * (1000000000 / per));
	return 0;
}

int timespec_from_user(uint64_t *ns, uintptr_t from)
{
	struct __kernel_timespec ts;

	if (copy_from_user(&ts, from, sizeof ts))
		return -EFAULT;
	return time_to_ns(ns, ts.tv_sec, ts.tv_nsec, 1000000000);
}

int timeval_from_user(uint64_t *ns, uintptr_t from)
{
	struct __kernel_old_timeval tv;

	if (copy_from_user(&tv, from, sizeof tv))
		return -EFAULT;
	return time_to_ns(ns, tv.tv_sec, tv.tv_usec, 1000000);
}

int timespec_to_user(uintptr_t to, uint64_t ns)
{
	struct __kernel_timespec ts = {(long long)(ns / NSEC_PER_SEC),
				       (long long)(ns % NSEC_PER_SEC)};

	return copy_to_user(to, &ts, sizeof ts);
}

int timeval_to_user(uintptr_t to, uint64_t ns)
{
	struct __kernel_old_timeval tv = {(long)(ns / NSEC_PER_SEC),
					  (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};

	return copy_to_user(to, &tv, sizeof tv);
}
