/* Affinity, yielding and memory barriers: one CPU is in use. */
#include <asm/errno.h>
#include <linux/membarrier.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"

/* tid 0 is the caller. 0 or -ESRCH. */
static int check_tid(int tid)
{
	struct thread *t;

	if (tid == 0 || tid == current->tid)
		return 0;
	t = tid > 0 ? thread_find(tid) : NULL;
	if (!t)
		return -ESRCH;
	thread_put(t);
	return 0;
}

/* sched_getaffinity(2): the raw call returns the bytes copied. */
long sys_sched_getaffinity(int tid, unsigned size, uintptr_t mask)
{
	uint64_t cpus = 1;
	int r = check_tid(tid);

	if (r < 0)
		return r;
	if (size < sizeof cpus || size % sizeof cpus)
		return -EINVAL;
	r = copy_to_user(mask, &cpus, sizeof cpus);
	return r < 0 ? r : (long)sizeof cpus;
}

long sys_sched_setaffinity(int tid, unsigned size, uintptr_t mask)
{
	uint64_t cpus = 0;
	int r = check_tid(tid);

	if (r < 0)
		return r;
	if (copy_from_user(&cpus, mask, size < sizeof cpus ? size : sizeof cpus) < 0)
		return -EFAULT;
	return cpus & 1 ? 0 : -EINVAL;
}

long sys_sched_yield(void)
{
	thread_yield();
	return 0;
}

/* membarrier(2): with one CPU every switch between threads orders memory, and kernel entry is a
 * compiler barrier, so each command is done by having been called. */
long sys_membarrier(int cmd, unsigned flags, int cpu)
{
	const int known = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
			  MEMBARRIER_CMD_PRIVATE_EXPEDITED |
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

	(void)cpu;
	if (flags)
		return -EINVAL;
	if (cmd == MEMBARRIER_CMD_QUERY)
		return known;
	if (!(cmd & known) || (cmd & (cmd - 1)))
		return -EINVAL;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}
