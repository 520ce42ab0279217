/* unit: kernel/sched/timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sched/timer.h"
#include "time/clock.h"

static uint64_t now, hardware = UINT64_MAX;
static unsigned nfired;

uint64_t clock_monotonic(void)
{
	return now;
}

void clock_event_set(uint64_t deadline)
{
	hardware = deadline;
}

/* The interrupt that a cancelled timer left behind comes: nothing is programmed then. */
static int settle(void **state)
{
	(void)state;
	now = 1000000000;
	timer_run();
	hardware = UINT64_MAX;
	now = 0;
	nfired = 0;
	return 0;
}

static uint64_t fired_order[4096];

static void fire(struct timer *t)
{
	assert_true(t->expires <= now);
	assert_false(timer_armed(t));
	if (nfired < 4096)
		fired_order[nfired] = t->expires;
	nfired++;
}

static void test_order(void **state)
{
	struct timer t[5];
	const uint64_t when[5] = {50, 10, 40, 20, 30};

	(void)state;
	for (int i = 0; i < 5; i++) {
		timer_setup(&t[i], fire);
		timer_arm(&t[i], when[i]);
	}
	assert_int_equal(timer_next(), 10);
	assert_int_equal(hardware, 10);
	now = 30;
	timer_run();
	assert_int_equal(nfired, 3);
	assert_int_equal(hardware, 40);
	assert_true(timer_cancel(&t[2]));
	assert_false(timer_cancel(&t[2]));
	assert_false(timer_cancel(&t[1]));
	now = 100;
	timer_run();
	assert_int_equal(nfired, 4);
	assert_int_equal(fired_order[3], 50);
	assert_int_equal(timer_next(), UINT64_MAX);
}

/* On a busy CPU the hardware is set late, before the CPU halts exactly, and what is due meanwhile
 * is found by who looks. */
static void test_slack(void **state)
{
	struct timer t[3];

	(void)state;
	timer_slack = 100;
	for (int i = 0; i < 3; i++)
		timer_setup(&t[i], fire);
	timer_arm(&t[0], 30);
	assert_int_equal(hardware, 100);
	timer_arm(&t[1], 20); /* no need to set it anew */
	assert_int_equal(hardware, 100);
	now = 25;
	timer_run_due(now);
	assert_int_equal(nfired, 1);
	assert_int_equal(hardware, 100);
	hardware = 0;
	timer_idle(true);
	timer_arm(&t[2], 28);
	assert_int_equal(hardware, 0); /* not while the CPU looks for work */
	timer_before_halt();
	assert_int_equal(hardware, 28);
	now = 28;
	timer_run();
	assert_int_equal(nfired, 2);
	timer_before_halt();
	assert_int_equal(hardware, 30);
	timer_idle(false);
	assert_int_equal(hardware, 30);
	timer_arm(&t[1], 500); /* far away: exactly */
	now = 30;
	timer_run();
	assert_int_equal(nfired, 3);
	assert_int_equal(hardware, 500);
	timer_cancel(&t[1]);
	timer_slack = 0;
}

static void rearm(struct timer *t)
{
	nfired++;
	timer_arm(t, t->expires + 10);
}

/* A callback that arms its timer again in the past is called again in the same run. */
static void test_rearm_in_callback(void **state)
{
	struct timer t;

	(void)state;
	timer_setup(&t, rearm);
	timer_arm(&t, 5);
	now = 35;
	timer_run();
	assert_int_equal(nfired, 4); /* 5, 15, 25, 35 */
	assert_int_equal(hardware, 45);
	timer_cancel(&t);
}

static void test_rearm_moves(void **state)
{
	struct timer a, b;

	(void)state;
	timer_setup(&a, fire);
	timer_setup(&b, fire);
	timer_arm(&a, 100);
	timer_arm(&b, 200);
	timer_arm(&a, 300);
	assert_int_equal(timer_next(), 200);
	timer_arm(&a, 50);
	assert_int_equal(timer_next(), 50);
	assert_int_equal(hardware, 50);
	timer_cancel(&a);
	timer_cancel(&b);
}

#define N 300

/* Against an array that is searched: arm, re-arm, cancel and expire at random. */
static void test_random(void **state)
{
	static struct timer t[N];
	static bool armed[N];

	(void)state;
	srand(1);
	for (int i = 0; i < N; i++)
		timer_setup(&t[i], fire);
	for (int step = 0; step < 200000; step++) {
		int i = rand() % N;
		uint64_t earliest = UINT64_MAX;
		unsigned due = 0;

		switch (rand() % 8) {
		case 0:
			assert_int_equal(timer_cancel(&t[i]), armed[i]);
			armed[i] = false;
			break;
		case 1:
			now += (uint64_t)rand() % 40;
			for (int k = 0; k < N; k++) {
				if (armed[k] && t[k].expires <= now) {
					armed[k] = false;
					due++;
				}
			}
			nfired = 0;
			timer_run();
			assert_int_equal(nfired, due);
			for (unsigned k = 1; k < due; k++)
				assert_true(fired_order[k - 1] <= fired_order[k]);
			break;
		default:
			timer_arm(&t[i], now + (uint64_t)rand() % 1000);
			armed[i] = true;
		}
		for (int k = 0; k < N; k++) {
			assert_int_equal(timer_armed(&t[k]), armed[k]);
			if (armed[k] && t[k].expires < earliest)
				earliest = t[k].expires;
		}
		assert_int_equal(timer_next(), earliest);
		assert_true(hardware <= earliest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_order, settle),
	    cmocka_unit_test_setup(test_slack, settle),
	    cmocka_unit_test_setup(test_rearm_in_callback, settle),
	    cmocka_unit_test_setup(test_rearm_moves, settle),
	    cmocka_unit_test_setup(test_random, settle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
