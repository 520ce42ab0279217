/* getrlimit(2), setrlimit(2), prlimit(2): the limits of the one process, as root sees them. */
#include "sys/rlimit.h"
#include <asm/errno.h>
#include <stdbool.h>
#include "lib/spinlock.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "sys/sys_misc.h"

#define NOFILE_MAX (1ul << 20) /* Linux's fs.nr_open */

static spinlock_t rlimit_lock = SPINLOCK_INIT;
static struct rlimit64 limits[RLIM_NLIMITS] = {
    /* Linux's defaults for init (include/asm-generic/resource.h), threads-max / 2 taken as 4096. */
    [RLIMIT_CPU] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_FSIZE] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_DATA] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_STACK] = {_STK_LIM, RLIM64_INFINITY},
    [RLIMIT_CORE] = {0, RLIM64_INFINITY},
    [RLIMIT_RSS] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_NPROC] = {4096, 4096},
    [RLIMIT_NOFILE] = {1024, NOFILE_MAX},
    [RLIMIT_MEMLOCK] = {MLOCK_LIMIT, MLOCK_LIMIT},
    [RLIMIT_AS] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_LOCKS] = {RLIM64_INFINITY, RLIM64_INFINITY},
    [RLIMIT_SIGPENDING] = {4096, 4096},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {RLIM64_INFINITY, RLIM64_INFINITY},
};

uint64_t rlimit_get(unsigned resource)
{
	return resource < RLIM_NLIMITS
		   ? __atomic_load_n(&limits[resource].rlim_cur, __ATOMIC_RELAXED)
		   : RLIM64_INFINITY;
}

uint64_t rlimit_get_max(unsigned resource)
{
	return resource < RLIM_NLIMITS
		   ? __atomic_load_n(&limits[resource].rlim_max, __ATOMIC_RELAXED)
		   : RLIM64_INFINITY;
}

/* Sets new (if not NULL) and reports what was before in *old (if not NULL). */
static int change(unsigned resource, const struct rlimit64 *new, struct rlimit64 *old)
{
	int r = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new &&new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (new &&resource == RLIMIT_NOFILE &&new->rlim_max > NOFILE_MAX)
		return -EPERM;
	spin_lock(&rlimit_lock);
	struct rlimit64 *l = &limits[resource];
	if (old)
		*old = *l;
	if (new &&new->rlim_max > l->rlim_max && !process_capable(CAP_SYS_RESOURCE))
		r = -EPERM;
	else if (new)
		*l = *new;
	spin_unlock(&rlimit_lock);
	return r;
}

long sys_prlimit64(int pid, unsigned resource, uintptr_t new, uintptr_t old)
{
	struct rlimit64 now, before;

	if (new &&copy_from_user(&now, new, sizeof(now)))
		return -EFAULT;
	if (pid != 0 && pid != PROCESS_ID) {
		struct thread *t = pid > 0 ? thread_find(pid) : NULL;
		if (!t)
			return -ESRCH;
		thread_put(t);
	}
	int r = change(resource, new ? &now : NULL, &before);
	if (r)
		return r;
	if (old && copy_to_user(old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

long sys_getrlimit(unsigned resource, uintptr_t to)
{
	struct rlimit64 l;
	int r = change(resource, NULL, &l);

	return r ? r : copy_to_user(to, &l, sizeof(l));
}

long sys_setrlimit(unsigned resource, uintptr_t from)
{
	struct rlimit64 l;

	if (copy_from_user(&l, from, sizeof(l)))
		return -EFAULT;
	return change(resource, &l, NULL);
}
