/*
 * Priorities and scheduling policies. Threads share the CPU evenly here: what would ask for
 * anything else is refused, what asks for the even share succeeds.
 */
#include <asm/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/time_types.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/sched.h"
#include "sched/thread.h"
#include "sys/process_ids.h"
#include "sys/sys_misc.h"

#define NICE_0_RAW     20 /* getpriority(2): the raw call returns 20 - nice */
#define RT_PRIORITIES  99
#define NICE_MIN       (-20)
#define NICE_MAX       19
#define ATTR_SIZE_VER0 48u

/* 0 for the id of a thread (0: the caller), else -ESRCH. */
static int check_thread(int tid)
{
	if (tid == 0 || tid == PROCESS_ID)
		return 0;
	struct thread *t = tid > 0 ? thread_find(tid) : NULL;
	if (!t)
		return -ESRCH;
	thread_put(t);
	return 0;
}

static int check_who(int which, int who)
{
	switch (which) {
	case PRIO_PROCESS:
		return check_thread(who);
	case PRIO_PGRP:
		return who == 0 || who == PROCESS_ID ? 0 : -ESRCH;
	case PRIO_USER:
		return who == 0 || who == (int)process_ids.uid ? 0 : -ESRCH;
	default:
		return -EINVAL;
	}
}

/* getpriority(2) */
long sys_getpriority(int which, int who)
{
	int r = check_who(which, who);

	return r ? r : NICE_0_RAW;
}

long sys_setpriority(int which, int who, int nice)
{
	int r = check_who(which, who);

	if (nice < NICE_MIN)
		nice = NICE_MIN;
	if (nice > NICE_MAX)
		nice = NICE_MAX;
	if (r)
		return r;
	return nice ? -EPERM : 0;
}

/* Policies besides SCHED_NORMAL are known and refused. */
static long set_policy(int tid, int policy, int priority)
{
	if (tid < 0 || policy < 0)
		return -EINVAL;
	int r = check_thread(tid);
	if (r)
		return r;
	switch (policy) {
	case SCHED_NORMAL:
		return priority ? -EINVAL : 0;
	case SCHED_BATCH:
	case SCHED_IDLE:
		return priority ? -EINVAL : -EPERM;
	case SCHED_FIFO:
	case SCHED_RR:
		return priority < 1 || priority > RT_PRIORITIES ? -EINVAL : -EPERM;
	default:
		return -EINVAL;
	}
}

/* sched_setscheduler(2) */
long sys_sched_setscheduler(int tid, int policy, uintptr_t param)
{
	uint32_t priority;

	if (!param)
		return -EINVAL;
	if (copy_from_user(&priority, param, sizeof(priority)))
		return -EFAULT;
	return set_policy(tid, policy & ~SCHED_RESET_ON_FORK, (int)priority);
}

long sys_sched_setparam(int tid, uintptr_t param)
{
	return sys_sched_setscheduler(tid, SCHED_NORMAL, param);
}

long sys_sched_getscheduler(int tid)
{
	int r = tid < 0 ? -EINVAL : check_thread(tid);

	return r ? r : SCHED_NORMAL;
}

long sys_sched_getparam(int tid, uintptr_t param)
{
	int r = tid < 0 || !param ? -EINVAL : check_thread(tid);
	uint32_t priority = 0;

	return r ? r : copy_to_user(param, &priority, sizeof(priority));
}

static long priority_bound(int policy, int realtime)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return realtime;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* sched_get_priority_max(2) */
long sys_sched_get_priority_max(int policy)
{
	return priority_bound(policy, RT_PRIORITIES);
}

long sys_sched_get_priority_min(int policy)
{
	return priority_bound(policy, 1);
}

/* sched_rr_get_interval(2): the slice. */
long sys_sched_rr_get_interval(int tid, uintptr_t to)
{
	struct __kernel_timespec ts = {.tv_sec = 0, .tv_nsec = (long long)SLICE_NS};
	int r = tid < 0 ? -EINVAL : check_thread(tid);

	return r ? r : copy_to_user(to, &ts, sizeof(ts));
}

/* sched_getattr(2) */
long sys_sched_getattr(int tid, uintptr_t to, unsigned size, unsigned flags)
{
	struct sched_attr attr;

	if (tid < 0 || flags || size < ATTR_SIZE_VER0 || size > 4096)
		return -EINVAL;
	int r = check_thread(tid);
	if (r)
		return r;
	memset(&attr, 0, sizeof(attr));
	attr.size = size < sizeof(attr) ? size : (uint32_t)sizeof(attr);
	attr.sched_policy = SCHED_NORMAL;
	return copy_to_user(to, &attr, attr.size);
}

long sys_sched_setattr(int tid, uintptr_t from, unsigned flags)
{
	struct sched_attr attr;

	if (tid < 0 || !from || flags)
		return -EINVAL;
	memset(&attr, 0, sizeof(attr));
	if (copy_from_user(&attr, from, ATTR_SIZE_VER0))
		return -EFAULT;
	if (attr.size && attr.size < ATTR_SIZE_VER0)
		return -EINVAL;
	if (attr.sched_policy == SCHED_NORMAL && attr.sched_nice)
		return -EPERM;
	return set_policy(tid, (int)attr.sched_policy, (int)attr.sched_priority);
}
