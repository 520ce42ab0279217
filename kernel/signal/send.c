/* Sending signals, and which thread takes them. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "sys/rlimit.h"
#include "time/posix_timer.h"
#include "time/posix_timer.h"

spinlock_t signal_lock = SPINLOCK_INIT;
struct signal_process signal_process = {.pending = {0, LIST_INIT(signal_process.pending.queue)}};
struct waitqueue signal_waiters = WAITQUEUE_INIT(signal_waiters);

enum default_action signal_default_action(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return DEFAULT_IGNORE;
	default:
		return DEFAULT_TERMINATE;
	}
}

bool signal_ignored(int sig)
{
	__sighandler_t handler = signal_process.action[sig - 1].sa_handler;

	return handler == SIG_IGN ||
	       (handler == SIG_DFL && signal_default_action(sig) == DEFAULT_IGNORE);
}

void signal_thread_init(struct thread *t, const struct thread *parent)
{
	t->sig = (struct signal_state){.blocked = parent ? parent->sig.blocked : 0};
	pending_init(&t->sig.pending);
}

uint64_t signal_pending_for(const struct thread *t)
{
	return t->sig.pending.set | signal_process.pending.set;
}

bool signal_deliverable(struct thread *t)
{
	if (!(signal_pending_for(t) & ~t->sig.blocked))
		return false;
	atomic_fetch_or(&t->flags, THREAD_SIGPENDING);
	return true;
}

static bool wants(const struct thread *t, int sig)
{
	return t->tid > 0 && t->state != THREAD_DEAD &&
	       (!(t->sig.blocked & sigbit(sig)) || t->sig.waiting_for & sigbit(sig));
}

/* Makes t look at its signals, wherever it is. */
static void poke(struct thread *t, int sig)
{
	if (t->sig.blocked & sigbit(sig))
		return;
	thread_notify(t, THREAD_SIGPENDING);
	thread_wake(t);
}

/* A thread to take sig of the process: the current one if it will, since it gets there first. */
static struct thread *choose_thread(int sig, const struct thread *except)
{
	struct thread *chosen = NULL;

	if (current != except && wants(current, sig))
		return current;
	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link) {
		if (t != except && wants(t, sig)) {
			chosen = t; /* it lives at least as long as signal_lock is held */
			break;
		}
	}
	spin_unlock(&threads_lock);
	return chosen;
}

static bool blocked_somewhere(int sig)
{
	bool found = false;

	spin_lock(&threads_lock);
	list_for_each_entry (t, &threads_all, struct thread, all_link) {
		if (t->tid > 0 && t->sig.blocked & sigbit(sig)) {
			found = true;
			break;
		}
	}
	spin_unlock(&threads_lock);
	return found;
}

static const siginfo_t *or_kernel(const siginfo_t *info)
{
	static const siginfo_t from_kernel = {.si_code = SI_KERNEL};

	return info ? info : &from_kernel;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
	if (sig < 1 || sig > SIGNAL_COUNT)
		return -EINVAL;
	int result = 0;
	spin_lock(&signal_lock);
	/* What is blocked may get a handler before it is unblocked, so it is kept (signal(7)). */
	if (!signal_ignored(sig) || t->sig.blocked & sigbit(sig)) {
		result = pending_add(&t->sig.pending, sig, or_kernel(info),
				     rlimit_get(RLIMIT_SIGPENDING));
		if (result == 0)
			poke(t, sig);
	}
	spin_unlock(&signal_lock);
	waitqueue_wake_all(&signal_waiters, EPOLLIN);
	return result;
}

int signal_send_process(int sig, const siginfo_t *info)
{
	if (sig < 1 || sig > SIGNAL_COUNT)
		return -EINVAL;
	int result = 0;
	spin_lock(&signal_lock);
	if (!signal_ignored(sig) || blocked_somewhere(sig)) {
		result = pending_add(&signal_process.pending, sig, or_kernel(info),
				     rlimit_get(RLIMIT_SIGPENDING));
		struct thread *t = result == 0 ? choose_thread(sig, NULL) : NULL;
		if (t)
			poke(t, sig);
	}
	spin_unlock(&signal_lock);
	waitqueue_wake_all(&signal_waiters, EPOLLIN);
	return result;
}

/* Finds other threads for signals of the process that t, current, will not take any more. */
static void retarget(struct thread *t, uint64_t set)
{
	set &= signal_process.pending.set;
	while (set) {
		int sig = pending_next(set);
		set &= ~sigbit(sig);
		struct thread *other = choose_thread(sig, t);
		if (other)
			poke(other, sig);
	}
}

void signal_set_blocked(uint64_t mask)
{
	struct thread *t = current;

	mask &= ~SIGNALS_UNBLOCKABLE;
	spin_lock(&signal_lock);
	uint64_t newly = mask & ~t->sig.blocked;
	t->sig.blocked = mask;
	retarget(t, newly);
	signal_deliverable(t);
	spin_unlock(&signal_lock);
}

void signal_thread_exit(struct thread *t)
{
	spin_lock(&signal_lock);
	uint64_t open = ~t->sig.blocked;
	t->sig.blocked = ~0ul; /* nobody chooses it from now on */
	t->sig.waiting_for = 0;
	pending_flush(&t->sig.pending, ~0ul);
	retarget(t, open);
	spin_unlock(&signal_lock);
}

int signal_dequeue(struct thread *t, uint64_t set, siginfo_t *info)
{
	struct signal_pending *p = &t->sig.pending;
	int sig = pending_next(p->set & set);

	if (!sig) {
		p = &signal_process.pending;
		sig = pending_next(p->set & set);
	}
	if (sig) {
		pending_take(p, sig, info);
		if (info->si_code == SI_TIMER)
			posix_timer_taken(info->si_tid, info->si_overrun);
	}
	return sig;
}

int signal_take(uint64_t set, siginfo_t *info)
{
	spin_lock(&signal_lock);
	int sig = signal_dequeue(current, set & ~SIGNALS_UNBLOCKABLE, info);
	spin_unlock(&signal_lock);
	return sig;
}

uint64_t signal_pending_set(void)
{
	return signal_pending_for(current);
}

void signal_force(int sig, const siginfo_t *info)
{
	struct thread *t = current;

	spin_lock(&signal_lock);
	struct sigaction *act = &signal_process.action[sig - 1];
	if (act->sa_handler == SIG_IGN || t->sig.blocked & sigbit(sig)) {
		act->sa_handler = SIG_DFL;
		t->sig.blocked &= ~sigbit(sig);
	}
	pending_flush(&t->sig.pending, sigbit(sig)); /* the fault's info is the one to see */
	(void)pending_add(&t->sig.pending, sig, info, ~0ul);
	atomic_fetch_or(&t->flags, THREAD_SIGPENDING);
	spin_unlock(&signal_lock);
}

void signal_force_segv(int sig)
{
	siginfo_t info = {.si_code = SI_KERNEL};

	if (sig == SIGSEGV) {
		spin_lock(&signal_lock);
		signal_process.action[SIGSEGV - 1].sa_handler = SIG_DFL;
		spin_unlock(&signal_lock);
	}
	signal_force(SIGSEGV, &info);
}
