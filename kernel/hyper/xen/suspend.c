#include "hyper/xen/suspend.h"
#include "arch/x86_64/cpu.h"
#include "dev/xen/xenbus.h"
#include "dev/xen/xenstore.h"
#include "hyper/xen/clock.h"
#include "hyper/xen/console.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/grant.h"
#include "hyper/xen/hypercall.h"
#include "hyper/xen/shared.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "sched/timer.h"
#include "time/clock_set.h"

/*
 * Everything that Xen forgets about a domain that is built anew from its memory, in the order in
 * which it is needed. The hypercall page first: it may be another brand of processor.
 */
static void rebuild(void)
{
	long err;

	hypercall_init();
	err = xen_shared_init();
	if (err)
		panic("Xen does not share its information page after the resume (%ld)", err);
	xen_suspend_init();
}

/*
 * The toolstack lets the hypercall tell us that the domain goes on (xl save -c) only where it takes
 * the kernel to be one that knows of Xen: where HVM_PARAM_CALLBACK_IRQ is set. Event channels of
 * ours do not need it (evtchn.c); 1 is a line that nothing is delivered by.
 */
void xen_suspend_init(void)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 1};

	xen_hvm_op(HVMOP_set_param, &p);
}

int xen_suspend(void)
{
	struct sched_shutdown s = {.reason = SHUTDOWN_suspend};
	uint64_t flags;
	bool cancelled;
	long result;

	xenbus_suspend();
	xs_suspend();
	/* A saved console ring comes back empty. */
	xen_console_drain();
	flags = interrupts_save();
	xen_clock_suspend();
	/*
	 * 0: another domain, made from what was saved of this one. Positive: this very domain goes
	 * on (xl save -c), and nothing is lost but time.
	 */
	result = xen_sched_op(SCHEDOP_shutdown, &s);
	cancelled = result != 0;
	if (!cancelled)
		rebuild();
	xen_clock_resume();
	interrupts_restore(flags);
	if (!cancelled) {
		evtchn_resume();
		xen_timer_resume();
		xen_console_resume();
		grant_resume();
	}
	/* What is due by now, and the timer for what is not. */
	timer_run();
	clock_was_set();
	/* One memory may be resumed many times. */
	random_init();
	if (!cancelled) {
		xs_resume();
		xenbus_resume();
	}
	return result < 0 ? (int)result : 0;
}
