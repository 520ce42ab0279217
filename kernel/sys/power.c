#include "sys/power.h"
#include <asm/signal.h>
#include <stdint.h>
#include "cmdline.h"
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/worker.h"
#include "signal/signal.h"
#include "time/clock.h"

#define NSEC 1000000000ull

#define EXIT_TERMINATED (128 + SIGTERM)

/* What closing connections may take once the grace period is over. */
#define LAST_NS (2 * NSEC)

static bool requested, reboot;
static int exit_code = -1; /* the program has ended with it */
static struct timer grace_timer;
static struct work end_work;

static void end_now(struct timer *t)
{
	(void)t;
	hyper->shutdown(exit_code < 0 ? EXIT_TERMINATED : exit_code);
}

/* The program does not run any more from here on: this does not come back. */
static void end_in_order(struct work *w)
{
	(void)w;
	if (exit_code < 0)
		machine_exit(EXIT_TERMINATED);
}

static void grace_over(struct timer *t)
{
	if (exit_code >= 0)
		end_now(t);
	printk("unigornel: the program has not ended %u s after SIGTERM: ending the machine\n",
	       cmdline.grace);
	/* Connections are closed on the way, which takes a thread and a little time. */
	timer_setup(t, end_now);
	timer_arm(t, clock_monotonic() + LAST_NS);
	work_setup(&end_work, end_in_order);
	work_queue(&end_work);
}

void power_request(enum power_request r)
{
	if (r == POWER_REBOOT)
		reboot = true;
	if (__atomic_exchange_n(&requested, true, __ATOMIC_SEQ_CST))
		return;
	timer_setup(&grace_timer, grace_over);
	timer_arm(&grace_timer, clock_monotonic() + cmdline.grace * NSEC);
	/* It fails for real-time signals only; an ignored one leaves the rest to the timer. */
	signal_send_process(SIGTERM, NULL);
}

int power_program_ended(int code)
{
	if (exit_code < 0)
		exit_code = code;
	return exit_code;
}

void power_want_reboot(void)
{
	reboot = true;
}

bool power_reboot_wanted(void)
{
	return reboot;
}
