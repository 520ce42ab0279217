/* unit: kernel/signal/queue.c */
/* Pending signals: standard ones coalesce, real-time ones queue, order of delivery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <asm/errno.h>
#include "signal/queue.h"

#define LIMIT 4

static struct signal_pending p;

static int add(int sig, int code, int value)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = code;
	info._sifields._rt._sigval.sival_int = value;
	return pending_add(&p, sig, &info, LIMIT);
}

static int take(int sig)
{
	siginfo_t info;
	pending_take(&p, sig, &info);
	assert_int_equal(info.si_signo, sig);
	return info._sifields._rt._sigval.sival_int;
}

static void test_coalesce(void **state)
{
	(void)state;
	pending_init(&p);
	assert_int_equal(add(SIGTERM, SI_QUEUE, 1), 0);
	assert_int_equal(add(SIGTERM, SI_QUEUE, 2), 0);
	assert_int_equal(pending_count(), 1);
	assert_int_equal(take(SIGTERM), 1);
	assert_int_equal(p.set, 0);
	assert_int_equal(pending_count(), 0);
}

static void test_realtime_queue(void **state)
{
	(void)state;
	pending_init(&p);
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(add(40, SI_QUEUE, i), 0);
	assert_int_equal(add(40, SI_QUEUE, 9), -EAGAIN);
	assert_int_equal(add(41, SI_USER, 9), 0); /* pending without its info */
	assert_int_equal(add(SIGTERM, SI_QUEUE, 7), 0);
	for (int i = 0; i < LIMIT; i++) {
		assert_true(p.set & sigbit(40));
		assert_int_equal(take(40), i);
	}
	assert_false(p.set & sigbit(40));
	assert_int_equal(take(41), 0);
	assert_int_equal(take(SIGTERM), 7);
	assert_int_equal(p.set, 0);
	assert_int_equal(pending_count(), 0);
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(pending_next(0), 0);
	assert_int_equal(pending_next(sigbit(1) | sigbit(SIGSEGV) | sigbit(64)), SIGSEGV);
	assert_int_equal(pending_next(sigbit(64) | sigbit(SIGTERM)), SIGTERM);
	assert_int_equal(pending_next(sigbit(64)), 64);
}

static void test_flush(void **state)
{
	(void)state;
	pending_init(&p);
	add(40, SI_QUEUE, 1);
	add(40, SI_QUEUE, 2);
	add(SIGHUP, SI_QUEUE, 3);
	pending_flush(&p, sigbit(40));
	assert_int_equal(p.set, sigbit(SIGHUP));
	assert_int_equal(pending_count(), 1);
	pending_flush(&p, ~0ul);
	assert_int_equal(pending_count(), 0);
	assert_true(list_empty(&p.queue));
}

static void test_timer_overrun(void **state)
{
	(void)state;
	pending_init(&p);
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = SI_TIMER;
	info.si_tid = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pending_add(&p, 40, &info, LIMIT), 0);
	info.si_tid = 4;
	assert_int_equal(pending_add(&p, 40, &info, LIMIT), 0);
	assert_int_equal(pending_count(), 2);
	pending_take(&p, 40, &info);
	assert_int_equal(info.si_tid, 3);
	assert_int_equal(info.si_overrun, 2);
	pending_take(&p, 40, &info);
	assert_int_equal(info.si_overrun, 0);
	assert_int_equal(p.set, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_coalesce),	  cmocka_unit_test(test_realtime_queue),
	    cmocka_unit_test(test_order),	  cmocka_unit_test(test_flush),
	    cmocka_unit_test(test_timer_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
