/* deadline.h */
#include "time/deadline.h"
#include <asm/errno.h>
#include "mm/uaccess.h"
#include "time/clock.h"

long deadline_timespec(uintptr_t timeout, uint64_t *deadline)
{
	struct {
		int64_t sec, nsec;
	} t;
	*deadline = UINT64_MAX;
	if (!timeout)
		return 0;
	if (copy_from_user(&t, timeout, sizeof t))
		return -EFAULT;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= 1000000000)
		return -EINVAL;
	if (!t.sec && !t.nsec)
		*deadline = 0;
	else if (t.sec < 9000000000)
		*deadline = clock_monotonic() + (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
	return 0;
}
