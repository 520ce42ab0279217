/* The calls that set how signals are taken: actions, masks, the alternate stack. */
#include <asm/errno.h>
#include <linux/signal.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "signal/sys_signal.h"

#define SA_EXPOSE_TAGBITS_ 0x800ul
/* Flags that Linux keeps (UAPI_SA_FLAGS); others read back as 0, which tells a program. */
#define SA_KNOWN                                                                                   \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |         \
	 SA_RESETHAND | SA_RESTORER | SA_EXPOSE_TAGBITS_)

#define SS_FLAGS_KNOWN SS_AUTODISARM

static void set_action(int sig, struct sigaction act)
{
	struct sigaction *a = &signal_process.action[sig - 1];

	act.sa_flags &= SA_KNOWN;
	act.sa_mask &= ~SIGNALS_UNBLOCKABLE;
	*a = act;
	if (!signal_ignored(sig))
		return;
	/* POSIX: ignoring a signal discards what is pending of it. */
	pending_flush(&signal_process.pending, sigbit(sig));
	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link) {
		if (t->tid > 0)
			pending_flush(&t->sig.pending, sigbit(sig));
	}
	spin_unlock(&threads_lock);
}

/* sigaction(2) */
long sys_rt_sigaction(int sig, uintptr_t new, uintptr_t old, size_t size)
{
	struct sigaction act, before;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (new &&copy_from_user(&act, new, sizeof(act)))
		return -EFAULT;
	if (sig < 1 || sig > SIGNAL_COUNT || (new &&sigbit(sig) & SIGNALS_UNBLOCKABLE))
		return -EINVAL;
	spin_lock(&signal_lock);
	before = signal_process.action[sig - 1];
	if (new)
		set_action(sig, act);
	spin_unlock(&signal_lock);
	if (old && copy_to_user(old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

/* sigprocmask(2) */
long sys_rt_sigprocmask(int how, uintptr_t set, uintptr_t old, size_t size)
{
	uint64_t before = current->sig.blocked, mask;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (set) {
		if (copy_from_user(&mask, set, sizeof(mask)))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			mask = before | mask;
			break;
		case SIG_UNBLOCK:
			mask = before & ~mask;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(mask);
	}
	if (old && copy_to_user(old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

bool signal_on_altstack(const struct thread *t, uintptr_t sp)
{
	const struct signal_state *s = &t->sig;

	/* With SS_AUTODISARM it is disarmed while in use, so one never is on it. */
	return s->altstack_size && !(s->altstack_flags & SS_AUTODISARM) && sp > s->altstack_sp &&
	       sp - s->altstack_sp <= s->altstack_size;
}

int signal_set_altstack(struct thread *t, uintptr_t base, uint64_t size, uint32_t flags,
			uintptr_t sp)
{
	struct signal_state *s = &t->sig;
	uint32_t mode = flags & ~SS_FLAGS_KNOWN;

	if (signal_on_altstack(t, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		s->altstack_sp = 0;
		s->altstack_size = 0;
	} else {
		if (size < MINSIGSTKSZ)
			return -ENOMEM;
		s->altstack_sp = base;
		s->altstack_size = size;
	}
	s->altstack_flags = flags;
	return 0;
}

/* sigaltstack(2) */
long sys_sigaltstack(uintptr_t new, uintptr_t old)
{
	struct thread *t = current;
	const struct signal_state *s = &t->sig;
	uintptr_t sp = t->user_rsp;
	uint32_t state = !s->altstack_size	     ? SS_DISABLE
			 : signal_on_altstack(t, sp) ? SS_ONSTACK
						     : 0;
	stack_t before, ss;

	memset(&before, 0, sizeof(before)); /* its padding too */
	before.ss_sp = (void *)s->altstack_sp;
	before.ss_flags = (int)(state | (s->altstack_flags & SS_FLAGS_KNOWN));
	before.ss_size = s->altstack_size;
	if (new) {
		if (copy_from_user(&ss, new, sizeof(ss)))
			return -EFAULT;
		int r = signal_set_altstack(t, (uintptr_t)ss.ss_sp, ss.ss_size,
					    (uint32_t)ss.ss_flags, sp);
		if (r)
			return r;
	}
	if (old && copy_to_user(old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}
