/* The calls that wait for signals, and temporary masks for those that wait for something else. */
#include <asm/errno.h>
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "signal/sys_signal.h"
#include "time/deadline.h"

/* sigpending(2) */
long sys_rt_sigpending(uintptr_t set, size_t size)
{
	uint64_t pending = signal_pending_for(current) & current->sig.blocked;

	if (size > sizeof(pending))
		return -EINVAL;
	return copy_to_user(set, &pending, size);
}

/* Sleeps until a signal is deliverable. */
static long wait_for_handler(void)
{
	struct waitqueue nobody;

	waitqueue_init(&nobody);
	(void)wait_event(&nobody, false, WAIT_FOREVER);
	return -ERESTARTNOHAND;
}

/* pause(2) */
long sys_pause(void)
{
	return wait_for_handler();
}

/* sigsuspend(2): the old mask comes back when the handler has returned. */
long sys_rt_sigsuspend(uintptr_t set, size_t size)
{
	if (!set)
		return -EFAULT;
	int r = signal_mask_begin(set, size);
	return r ? r : signal_mask_end(wait_for_handler());
}

int signal_mask_begin(uintptr_t set, size_t size)
{
	struct signal_state *s = &current->sig;
	uint64_t mask;

	if (!set)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, set, sizeof(mask)))
		return -EFAULT;
	s->saved_mask = s->blocked;
	s->has_saved_mask = true;
	signal_set_blocked(mask);
	return 0;
}

long signal_mask_end(long result)
{
	struct thread *t = current;

	if (!t->sig.has_saved_mask)
		return result;
	switch (-result) {
	case EINTR:
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		/* signal_deliver restores it, handler or not. */
		atomic_fetch_or(&t->flags, THREAD_SIGPENDING);
		break;
	default:
		t->sig.has_saved_mask = false;
		signal_set_blocked(t->sig.saved_mask);
	}
	return result;
}

/* sigtimedwait(2) */
long sys_rt_sigtimedwait(uintptr_t set, uintptr_t to, uintptr_t timeout, size_t size)
{
	struct thread *t = current;
	uint64_t wanted, deadline;
	siginfo_t info;

	if (size != sizeof(wanted))
		return -EINVAL;
	if (copy_from_user(&wanted, set, sizeof(wanted)))
		return -EFAULT;
	wanted &= ~SIGNALS_UNBLOCKABLE;
	long error = deadline_timespec(timeout, &deadline);
	if (error)
		return error;

	spin_lock(&signal_lock);
	t->sig.waiting_for = wanted;
	spin_unlock(&signal_lock);
	int sig, waited = 0;
	/* Another thread may take a signal of the process from under our nose. */
	while (!(sig = signal_take(wanted, &info)) && waited == 0)
		waited = wait_event(&signal_waiters, signal_pending_for(t) & wanted, deadline);
	spin_lock(&signal_lock);
	t->sig.waiting_for = 0;
	spin_unlock(&signal_lock);

	if (!sig)
		return waited == -ETIMEDOUT || deadline == 0 ? -EAGAIN : -EINTR;
	if (to && copy_to_user(to, &info, sizeof(info)))
		return -EFAULT;
	return sig;
}
