/* unit: kernel/time/cpu_timer.c kernel/sched/timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <asm/errno.h>
#include "sched/thread.h"
#include "time/clock.h"
#include "time/cpu_timer.h"

#define MS 1000000ull

static uint64_t now, hardware = UINT64_MAX, used; /* one CPU clock: the process's */
static struct thread self = {.tid = 7}, *exists = &self;
struct thread *current_thread = &self;

uint64_t clock_monotonic(void)
{
	return now;
}

void clock_event_set(uint64_t deadline)
{
	hardware = deadline;
}

uint64_t process_cputime(void)
{
	return used;
}

uint64_t thread_cputime(const struct thread *t)
{
	return t->tid == 7 ? used : 5;
}

struct thread *thread_find(int tid)
{
	return exists && tid == exists->tid ? exists : NULL;
}

void thread_put(struct thread *t)
{
	(void)t;
}

static unsigned fired, looks;
static uint64_t latest;

static void fire(struct cpu_timer *t)
{
	assert_true(used >= t->expires);
	latest = used - t->expires;
	fired++;
}

/* Time goes by, of which the program gets a share; interrupts come when they are due. */
static void run(uint64_t ns, bool busy)
{
	uint64_t end = now + ns;

	while (now < end) {
		uint64_t next = hardware < end ? hardware : end;

		if (next < now)
			next = now;
		used += busy ? next - now : 0;
		now = next;
		if (hardware <= now) {
			hardware = UINT64_MAX;
			looks++;
			timer_run();
		}
	}
}

static void test_busy(void **state)
{
	struct cpu_timer t;

	(void)state;
	cpu_timer_setup(&t, (struct cpu_clock){0}, fire);
	for (unsigned i = 1; i < 50; i++) {
		fired = 0;
		assert_true(cpu_timer_arm(&t, used + i * MS));
		run(i * MS - 1, true);
		assert_int_equal(fired, 0);
		run(2 * MS, true);
		assert_int_equal(fired, 1);
		assert_true(latest <= MS);
	}
}

/* Somebody else runs most of the time: at last, and not much late; asleep it costs little. */
static void test_idle(void **state)
{
	struct cpu_timer t;

	(void)state;
	cpu_timer_setup(&t, (struct cpu_clock){0}, fire);
	fired = 0;
	cpu_timer_arm(&t, used + 10 * MS);
	run(4 * MS, true);
	looks = 0;
	run(10000 * MS, false);
	assert_true(looks < 10000 / 15 + 10);
	assert_int_equal(fired, 0);
	run(40 * MS, true);
	assert_int_equal(fired, 1);
	cpu_timer_arm(&t, used + 10 * MS);
	cpu_timer_cancel(&t);
	run(100 * MS, true);
	assert_int_equal(fired, 1);
}

static void test_thread_gone(void **state)
{
	struct cpu_timer t;

	(void)state;
	cpu_timer_setup(&t, (struct cpu_clock){9}, fire);
	assert_false(cpu_timer_arm(&t, used + MS));
}

static void test_advance(void **state)
{
	uint64_t expires = 100 * MS;

	(void)state;
	/* In time. */
	assert_int_equal(cpu_timer_advance(&expires, 10 * MS, 100 * MS), 0);
	assert_int_equal(expires, 110 * MS);
	/* Three missed: they follow. */
	assert_int_equal(cpu_timer_advance(&expires, 10 * MS, 145 * MS), 0);
	assert_int_equal(expires, 120 * MS);
	/* Too many: skipped, the phase kept. */
	assert_int_equal(cpu_timer_advance(&expires, 10 * MS, 10005 * MS), 988);
	assert_int_equal(expires, 10010 * MS);
	/* A period shorter than the pace is never caught up with. */
	expires = 100 * MS;
	assert_int_equal(cpu_timer_advance(&expires, MS / 10, 101 * MS), 10);
	assert_int_equal(expires, 101 * MS + MS / 10);
}

static void test_decode(void **state)
{
	struct cpu_clock c = {-1};

	(void)state;
	assert_int_equal(cpu_clock_decode(&c, 2), 0);
	assert_int_equal(c.tid, 0);
	assert_int_equal(cpu_clock_decode(&c, 3), 0);
	assert_int_equal(c.tid, 7);
	assert_int_equal(cpu_clock_decode(&c, -6), 0); /* process 0: the caller's */
	assert_int_equal(c.tid, 0);
	assert_int_equal(cpu_clock_decode(&c, (int)(~1u << 3 | 2)), 0); /* process 1 */
	assert_int_equal(cpu_clock_decode(&c, (int)(~2u << 3 | 2)), -EINVAL);
	assert_int_equal(cpu_clock_decode(&c, (int)(~7u << 3 | 6)), 0); /* thread 7 */
	assert_int_equal(c.tid, 7);
	assert_int_equal(cpu_clock_decode(&c, (int)(~8u << 3 | 6)), -EINVAL);
	assert_int_equal(cpu_clock_decode(&c, -1), -EINVAL);
	assert_int_equal(cpu_clock_decode(&c, 1), -EINVAL);
	assert_true(clock_is_fd(-5));
	assert_false(clock_is_fd(-1));
	assert_false(clock_is_fd(3));
	assert_true(cpu_clock_coarse(-7));
	assert_false(cpu_clock_coarse(-6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_busy),	cmocka_unit_test(test_idle),
	    cmocka_unit_test(test_thread_gone), cmocka_unit_test(test_advance),
	    cmocka_unit_test(test_decode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
