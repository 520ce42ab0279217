#include "vfs/sigmask.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "time/clock.h"

long sigmask_begin(uintptr_t mask, size_t size)
{
	uint64_t set;
	if (!mask)
		return 0;
	if (size != sizeof set)
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof set))
		return -EFAULT;
	current->sig.saved_mask = current->sig.blocked;
	current->sig.has_saved_mask = true;
	signal_set_blocked(set & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
	return 0;
}

long sigmask_end(long result)
{
	if (current->sig.has_saved_mask && result != -EINTR) {
		current->sig.has_saved_mask = false;
		signal_set_blocked(current->sig.saved_mask);
	}
	return result;
}

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
