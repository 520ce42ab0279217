/* queue.h */
#include "signal/queue.h"
#include <stdbool.h>
#include <stddef.h>
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"

/* Entries in all queues; under signal_lock as they are. */
static unsigned queued;

unsigned pending_count(void)
{
	return queued;
}

void pending_init(struct signal_pending *p)
{
	p->set = 0;
	list_init(&p->queue);
}

static struct sigqueue *find(const struct signal_pending *p, int sig)
{
	list_for_each_entry (q, &p->queue, struct sigqueue, link) {
		if (q->info.si_signo == sig)
			return q;
	}
	return NULL;
}

/* A timer whose signal is pending still does not queue another one: timer_getoverrun(2). */
static bool count_overrun(struct signal_pending *p, int sig, const siginfo_t *info)
{
	list_for_each_entry (q, &p->queue, struct sigqueue, link) {
		if (q->info.si_signo == sig && q->info.si_code == SI_TIMER &&
		    q->info.si_tid == info->si_tid) {
			if (__builtin_add_overflow(q->info.si_overrun,
						   (int64_t)info->si_overrun + 1,
						   &q->info.si_overrun))
				q->info.si_overrun = INT32_MAX;
			return true;
		}
	}
	return false;
}

int pending_add(struct signal_pending *p, int sig, const siginfo_t *info, uint64_t limit)
{
	bool realtime = sig >= SIGRTMIN;

	if (info->si_code == SI_TIMER && count_overrun(p, sig, info))
		return 0;
	if (!realtime && p->set & sigbit(sig))
		return 0;
	struct sigqueue *q = NULL;
	if (!realtime || queued < limit)
		q = kmalloc(sizeof(*q));
	if (q) {
		q->info = *info;
		q->info.si_signo = sig;
		list_add_tail(&p->queue, &q->link);
		queued++;
	} else if (realtime && info->si_code != SI_USER && info->si_code != SI_KERNEL) {
		return -EAGAIN;
	}
	p->set |= sigbit(sig);
	return 0;
}

int pending_next(uint64_t set)
{
	if (set & SIGNALS_SYNCHRONOUS)
		set &= SIGNALS_SYNCHRONOUS;
	return set ? __builtin_ctzl(set) + 1 : 0;
}

static void drop(struct sigqueue *q)
{
	list_remove(&q->link);
	kfree(q);
	queued--;
}

void pending_take(struct signal_pending *p, int sig, siginfo_t *info)
{
	struct sigqueue *q = find(p, sig);

	if (q) {
		*info = q->info;
		drop(q);
	} else { /* its info was lost: what Linux says then */
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
		info->si_code = SI_USER;
	}
	if (!find(p, sig))
		p->set &= ~sigbit(sig);
}

void pending_flush(struct signal_pending *p, uint64_t set)
{
	p->set &= ~set;
	list_for_each_entry_safe (q, &p->queue, struct sigqueue, link) {
		if (sigbit(q->info.si_signo) & set)
			drop(q);
	}
}
