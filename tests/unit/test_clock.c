/* unit: kernel/time/clock.c kernel/time/pvclock.c kernel/time/calibrate.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "hyper/hyper.h"
#include "sched/timer.h"
#include "time/calibrate.h"
#include "time/clock.h"
#include "time/clock_page.h"
#include "time/tsc.h"

/* What clock.c calls and these tests do not reach. */
const struct hypervisor *hyper;

uint64_t timer_slack;

void timer_run(void)
{
}

void tsc_clock_init(void)
{
}

void tsc_refine_start(void)
{
}

static void test_muldiv(void **state)
{
	(void)state;
	assert_int_equal(muldiv(10, 20, 7), 28);
	assert_int_equal(muldiv(UINT64_MAX, 3, 3), UINT64_MAX);
	assert_int_equal(muldiv(UINT64_MAX, UINT64_MAX, 2), UINT64_MAX); /* does not fit */
	assert_int_equal(muldiv(1ull << 63, 1000, 1ull << 60), 8000);
	assert_int_equal(div_128(1, 0, 2), 1ull << 63);
	assert_int_equal(mul_high(1ull << 63, 6), 3);
}

static void test_pvclock_scale(void **state)
{
	struct pvclock_time t = {.tsc_to_system_mul = 0x80000000, .tsc_shift = 0};

	(void)state;
	assert_int_equal(pvclock_scale(1000, 0x80000000, 0), 500);
	assert_int_equal(pvclock_scale(1000, 0x80000000, 1), 1000);
	assert_int_equal(pvclock_scale(1000, 0x80000000, -1), 250);
	/* A day of a 4 GHz TSC does not overflow. */
	assert_int_equal(pvclock_scale(4000000000ull * 86400, 0x80000000, -1), 86400000000000ull);
	assert_int_equal(pvclock_tsc_hz(&t), 2000000000);
	t.tsc_shift = -1;
	assert_int_equal(pvclock_tsc_hz(&t), 4000000000ull);
	t.tsc_shift = 1;
	assert_int_equal(pvclock_tsc_hz(&t), 1000000000);
	t.tsc_to_system_mul = 0;
	assert_int_equal(pvclock_tsc_hz(&t), 0);
}

static void test_pvclock_wall(void **state)
{
	struct pvclock_wall w = {.version = 2, .sec = 10, .nsec = 7};

	(void)state;
	assert_int_equal(pvclock_wall(&w, 0), 10000000007);
	assert_int_equal(pvclock_wall(&w, 1), (4294967296 + 10) * 1000000000ull + 7);
}

/* The rate is changed up and down in small steps and large ones: never back, and never far. */
static uint64_t host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_rate_changes(void **state)
{
	uint64_t last = 0, host = host_ns(), hz = 2500000000;

	(void)state;
	srand(2);
	assert_int_equal(clock_monotonic(), 0);
	clock_set_tsc_rate(hz);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t before = host_ns(), now = clock_monotonic();

		assert_true(now >= last);
		/* The real rate is not known, and the host may stop us at any point. */
		assert_true(now - last < 10 * (host_ns() - host) + 10000000);
		last = now;
		host = before;
		if (i % 16 == 0) {
			int64_t change = rand() % 2000001 - 1000000;

			clock_set_tsc_rate(hz + (uint64_t)change);
		}
	}
	/* Slower than 1 GHz: whole nanoseconds a tick. */
	clock_set_tsc_rate(300000000);
	assert_int_equal(clock_page.tsc_clocks, 0);
	assert_int_equal(clock_page.mult_int, 3);
	assert_true(clock_monotonic() >= last);
	assert_int_equal(clock_tsc_scale(&clock_page, 300000000), 999999999);
	clock_set_tsc_rate(hz);
	assert_int_equal(clock_tsc_scale(&clock_page, hz * 1000), 999999999999);
}

static void test_set_realtime(void **state)
{
	uint64_t day = 86400ull * 1000000000;

	(void)state;
	clock_set_realtime(20000 * day);
	assert_in_range(clock_realtime(), 20000 * day, 20000 * day + 1000000000);
	assert_int_equal(clock_wall_offset() + clock_monotonic() - clock_realtime() + 1000000000 >
			     900000000,
			 true);
	clock_set_realtime(10000 * day);
	assert_in_range(clock_realtime(), 10000 * day, 10000 * day + 1000000000);
}

static void test_tsc_at(void **state)
{
	uint64_t now, tsc;

	(void)state;
	clock_set_tsc_rate(2000000000);
	now = clock_monotonic();
	tsc = rdtsc();
	assert_in_range(clock_tsc_at(now + 1000000000), tsc + 1900000000, tsc + 2100000000);
	assert_true(clock_tsc_at(0) >= tsc);
	assert_true(clock_tsc_at(UINT64_MAX) > tsc + (1ull << 60));
}

/* A pvclock whose host steps its parameters back a little. */
static void test_pvclock_monotonic(void **state)
{
	static struct pvclock_time t = {.tsc_to_system_mul = 0x80000000, .tsc_shift = 0};
	uint64_t last;

	(void)state;
	t.tsc_timestamp = rdtsc();
	t.system_time = 5000000000;
	clock_use_pvclock(&t);
	last = clock_monotonic();
	assert_true(last < 1000000000); /* since boot, not since the host's */
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now;

		if (i % 100 == 0)
			t.system_time -= 500;
		now = clock_monotonic();
		assert_true(now >= last);
		last = now;
	}
	assert_string_equal(clock_name(), "pvclock");
}

/* Another pvclock in the place of the first, with a longer or a shorter history, at another rate.
 */
static void test_resume(void **state)
{
	static struct pvclock_time t = {.tsc_to_system_mul = 0x80000000, .tsc_shift = 0};
	static const uint64_t histories[] = {3000000000, 900000000000000, 0};

	(void)state;
	t.tsc_timestamp = rdtsc();
	t.system_time = 5000000000;
	clock_use_pvclock(&t);
	clock_set_realtime(1700000000000000000);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t now = clock_monotonic(), wall = clock_realtime(), last;

		t.tsc_timestamp = rdtsc();
		t.system_time = histories[i];
		t.tsc_shift = (int8_t)-i;
		clock_resume(now, 42000000000);
		last = clock_monotonic();
		assert_in_range(last, now, now + 500000000);
		assert_in_range(clock_realtime(), wall + 42000000000, wall + 42500000000);
		assert_int_equal(clock_tsc_hz(), 2000000000ull << i);
		/* What an interrupted reader makes of the old life changes nothing in the new one.
		 */
		for (unsigned k = 0; k < 1000; k++) {
			t.system_time -= 100;
			assert_true(clock_monotonic() >= last);
			last = clock_monotonic();
		}
		assert_true(last < now + 1000000000);
	}
}

/* A PIT and a TSC that are read as the kernel reads them; some readings are disturbed. */
struct machine {
	double tsc_hz, now; /* s */
	double read_cost;
};

static void burst(struct machine *m, struct calib_sample s[CALIB_BURST])
{
	for (unsigned i = 0; i < CALIB_BURST; i++) {
		double disturbed = rand() % 5 ? 0 : (rand() % 1000) * 1e-6;

		s[i].tsc = 1000000 + (uint64_t)(m->now * m->tsc_hz);
		m->now += m->read_cost * (1 + (rand() % 100) / 1000.0);
		if (rand() % 2)
			m->now += disturbed;
		s[i].count = (uint16_t)(0xffff - (uint64_t)(m->now * PIT_HZ));
		m->now += 1e-7;
		s[i].window = (uint32_t)(1000000 + (uint64_t)(m->now * m->tsc_hz) - s[i].tsc);
		m->now += 2 * m->read_cost;
	}
}

static void test_calibration(void **state)
{
	static const double rates[] = {0.9e9, 2.6e9, 5.1e9};
	struct calib_sample s[CALIB_BURST];

	(void)state;
	srand(4);
	for (unsigned round = 0; round < 300; round++) {
		struct machine m = {.tsc_hz = rates[round % 3], .read_cost = 5e-7};
		struct calib_point a, b;
		double error, apart = 0.05;
		uint64_t hz;

		m.now = (rand() % 100000) * 1e-6;
		burst(&m, s);
		assert_true(calib_point(&a, s));
		m.now += 0.001;
		burst(&m, s);
		assert_true(calib_point(&b, s));
		hz = calib_hz(&a, &b, 0);
		error = ((double)hz - m.tsc_hz) / m.tsc_hz;
		assert_true(error < 5e-4 && error > -5e-4);
		/* Ever longer, through many wraps of the counter. */
		for (unsigned i = 0; i < 6; i++) {
			uint64_t better;

			m.now += apart;
			apart *= 4;
			burst(&m, s);
			assert_true(calib_point(&b, s));
			better = calib_hz(&a, &b, hz);
			assert_true(better != 0);
			/* A guess that is far off is not confirmed. */
			if (i == 0)
				assert_int_equal(calib_hz(&a, &b, hz + hz / 100), 0);
			hz = better;
		}
		error = ((double)hz - m.tsc_hz) / m.tsc_hz;
		assert_true(error < 1e-7 && error > -1e-7);
	}
}

static void test_no_pit(void **state)
{
	struct calib_sample s[CALIB_BURST];
	struct calib_point p;

	(void)state;
	for (unsigned i = 0; i < CALIB_BURST; i++)
		s[i] = (struct calib_sample){i * 1000, 100, 0xffff};
	assert_false(calib_point(&p, s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_muldiv),
	    cmocka_unit_test(test_pvclock_scale),
	    cmocka_unit_test(test_pvclock_wall),
	    cmocka_unit_test(test_rate_changes),
	    cmocka_unit_test(test_set_realtime),
	    cmocka_unit_test(test_tsc_at),
	    cmocka_unit_test(test_calibration),
	    cmocka_unit_test(test_no_pit),
	    cmocka_unit_test(test_pvclock_monotonic),
	    cmocka_unit_test(test_resume),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
