#include <stddef.h>
#include <linux/time.h>
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "sched/timer.h"
#include "time/clock.h"
#include "time/clock_page.h"
#include "time/tsc.h"

#define NSEC 1000000000ull
/* How late timers may be on a busy CPU (timer.h): less than threads wait for each other. A
 * fortieth, on an idle one, is Linux's slack (prctl(2), PR_SET_TIMERSLACK). */
#define SLACK_NS 2000000u

/* clock_page.tsc_base lies so many ticks back: more than CPUs' TSCs differ, and so few that the
 * error of a rate cannot be seen over them. */
#define TSC_BASE_AGE (1u << 18)

struct clock_page clock_page;
/* The name by which Go's clock functions read it (cmd/unigornel/asm_clock.c). */
extern struct clock_page unigornel_clock_page __attribute__((alias("clock_page")));
_Static_assert(offsetof(struct clock_page, seq) == 0, "asm_clock.c");
_Static_assert(offsetof(struct clock_page, tsc_clocks) == 8, "asm_clock.c");
_Static_assert(offsetof(struct clock_page, tsc_base) == 16, "asm_clock.c");
_Static_assert(offsetof(struct clock_page, ns_base) == 24, "asm_clock.c");
_Static_assert(offsetof(struct clock_page, mult) == 32, "asm_clock.c");
_Static_assert(offsetof(struct clock_page, offset[CLOCK_REALTIME]) == 48, "asm_clock.c");
static spinlock_t clock_lock; /* writers of clock_page */
static uint64_t tsc_hz;
static const char *name = "none";

static void page_write_begin(void)
{
	spin_lock(&clock_lock);
	atomic_fetch_add_explicit(&clock_page.seq, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void page_write_end(void)
{
	atomic_fetch_add_explicit(&clock_page.seq, 1, memory_order_release);
	spin_unlock(&clock_lock);
}

/* Between page_write_begin and _end. */
static void set_wall(uint64_t offset)
{
	clock_page.offset[CLOCK_REALTIME] = offset;
	clock_page.offset[CLOCK_REALTIME_COARSE] = offset;
}

uint64_t clock_monotonic(void)
{
	uint32_t seq;
	uint64_t ns;

	do {
		seq = clock_page_begin(&clock_page);
		ns = clock_page_now(&clock_page);
	} while (clock_page_retry(&clock_page, seq));
	return ns;
}

uint64_t clock_realtime(void)
{
	uint32_t seq;
	uint64_t ns;

	do {
		seq = clock_page_begin(&clock_page);
		ns = clock_page_now(&clock_page) + clock_page.offset[CLOCK_REALTIME];
	} while (clock_page_retry(&clock_page, seq));
	return ns;
}

uint64_t clock_wall_offset(void)
{
	uint32_t seq;
	uint64_t ns;

	do {
		seq = clock_page_begin(&clock_page);
		ns = clock_page.offset[CLOCK_REALTIME];
	} while (clock_page_retry(&clock_page, seq));
	return ns;
}

void clock_set_realtime(uint64_t ns)
{
	uint64_t now = clock_monotonic();

	page_write_begin();
	set_wall(ns - now);
	page_write_end();
}

const char *clock_name(void)
{
	return name;
}

uint64_t clock_tsc_hz(void)
{
	return tsc_hz;
}

void clock_use_pvclock(const volatile struct pvclock_time *t)
{
	page_write_begin();
	clock_page.pvclock = t;
	clock_page.ns_base = -pvclock_read(t);
	clock_page.mode = CLOCK_MODE_PVCLOCK;
	clock_page.tsc_clocks = 0;
	page_write_end();
	tsc_hz = pvclock_tsc_hz(t);
	name = "pvclock";
}

void clock_resume(uint64_t monotonic, uint64_t slept)
{
	const volatile struct pvclock_time *t = clock_page.pvclock;

	page_write_begin();
	clock_page.ns_base = monotonic - pvclock_read(t);
	set_wall(clock_page.offset[CLOCK_REALTIME] + slept);
	/* A reader that was interrupted has half of the old clock and half of the new one. */
	clock_page.pvclock_life += PVCLOCK_LIFE;
	atomic_store_explicit(&clock_page.pvclock_last, clock_page.pvclock_life | monotonic,
			      memory_order_relaxed);
	page_write_end();
	tsc_hz = pvclock_tsc_hz(t);
}

void clock_set_tsc_rate(uint64_t hz)
{
	uint64_t tsc, ns;

	page_write_begin();
	/* From this very moment on: the new line starts where the old one has got to. */
	tsc = rdtsc_ordered();
	ns = clock_page.mode
		 ? clock_page.ns_base + clock_tsc_scale(&clock_page, tsc - clock_page.tsc_base)
		 : 0;
	clock_page.mult_int = NSEC / hz;
	clock_page.mult = div_128(NSEC % hz, 0, hz);
	clock_page.tsc_base = tsc - TSC_BASE_AGE;
	clock_page.ns_base = ns - clock_tsc_scale(&clock_page, TSC_BASE_AGE);
	clock_page.mode = CLOCK_MODE_TSC;
	clock_page.tsc_clocks = clock_page.mult_int ? 0 : CLOCK_PAGE_IDS;
	page_write_end();
	tsc_hz = hz;
	name = "tsc";
}

uint64_t clock_tsc_at(uint64_t ns)
{
	uint64_t now = clock_monotonic(), ticks;

	if (ns <= now)
		return rdtsc();
	ticks = muldiv(ns - now, tsc_hz, NSEC);
	/* Far enough for ever, and it cannot overflow. */
	if (ticks > UINT64_MAX / 4)
		ticks = UINT64_MAX / 4;
	return rdtsc() + ticks + 1;
}

void clock_event_set(uint64_t deadline)
{
	hyper->timer_set(deadline);
}

static void timer_interrupt(void *arg)
{
	(void)arg;
	timer_run();
}

void clock_init(void)
{
	uint64_t wall;

	if (!hyper->clock_init || !hyper->clock_init())
		tsc_clock_init();
	wall = hyper->wall_clock();
	page_write_begin();
	set_wall(wall);
	page_write_end();
	if (!wall)
		printk("unigornel: no clock tells the time of day, starting at 1970\n");
	timer_slack = SLACK_NS;
	hyper->timer_init(timer_interrupt);
	tsc_refine_start();
}
