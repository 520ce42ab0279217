/* prctl(2), as far as it has a meaning for one process. Everything else is EINVAL. */
#include <asm/errno.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "sys/capability.h"
#include "sys/sys_misc.h"

#define TIMER_SLACK_DEFAULT 50000ul /* ns */

/* Settings that are kept for the program and decide nothing here: there is no parent to die, no
 * child to adopt, no core dump and no execve. */
static struct {
	int parent_death_signal, child_subreaper;
	int dumpable;
	unsigned long timer_slack; /* how late timers may be: they are never late on purpose */
} settings = {.dumpable = 1, .timer_slack = TIMER_SLACK_DEFAULT};

static long set_name(uintptr_t from)
{
	char name[sizeof(current->name)];
	long n = strncpy_from_user(name, from, sizeof(name));

	if (n == -EFAULT)
		return n;
	/* A longer name is cut (PR_SET_NAME). */
	memset(current->name, 0, sizeof(current->name));
	memcpy(current->name, name, n >= 0 ? (size_t)n : sizeof(name) - 1);
	return 0;
}

static long get_name(uintptr_t to)
{
	char name[sizeof(current->name)];

	memset(name, 0, sizeof(name));
	strlcpy(name, current->name, sizeof(name));
	return copy_to_user(to, name, sizeof(name));
}

long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	uint64_t word;

	switch (option) {
	case PR_SET_NAME:
		return set_name(a);
	case PR_GET_NAME:
		return get_name(a);
	case PR_SET_PDEATHSIG:
		if (a > 64)
			return -EINVAL;
		settings.parent_death_signal = (int)a;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user_u32(a, (uint32_t)settings.parent_death_signal);
	case PR_SET_DUMPABLE:
		if (a > 1)
			return -EINVAL;
		settings.dumpable = (int)a;
		return 0;
	case PR_GET_DUMPABLE:
		return settings.dumpable;
	case PR_SET_KEEPCAPS:
		if (a > 1)
			return -EINVAL;
		capability_keep = a;
		return 0;
	case PR_GET_KEEPCAPS:
		return capability_keep;
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
		return capability_bound(a, option == PR_CAPBSET_DROP);
	case PR_CAP_AMBIENT:
		return c || d ? -EINVAL : capability_ambient(a, b);
	case PR_GET_SECUREBITS:
		return 0;
	case PR_SET_NO_NEW_PRIVS:
		if (a != 1 || b || c || d)
			return -EINVAL;
		capability_no_new = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL : capability_no_new;
	case PR_SET_CHILD_SUBREAPER:
		settings.child_subreaper = !!a;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32(a, (uint32_t)settings.child_subreaper);
	case PR_SET_TIMERSLACK:
		settings.timer_slack = a ? a : TIMER_SLACK_DEFAULT;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)settings.timer_slack;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_THP_DISABLE:
		return a || b || c || d ? -EINVAL : 0;
	case PR_GET_TID_ADDRESS:
		word = current->clear_child_tid;
		return copy_to_user(a, &word, sizeof(word));
	default:
		return -EINVAL;
	}
}
