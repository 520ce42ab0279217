/* unit: kernel/sys/power.c kernel/sched/timer.c */
/* Each test is a process of its own: a machine ends once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "cmdline.h"
#include "hyper/hyper.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/worker.h"
#include "signal/signal.h"
#include "sys/power.h"
#include "time/clock.h"

#define NSEC 1000000000ull

/* <sys/wait.h> has structures that the kernel takes from Linux. */
pid_t waitpid(pid_t pid, int *status, int options);

struct cmdline cmdline = {.grace = 10};
static uint64_t now;
static unsigned sent;
static struct work *queued;
static int ended = -1, in_order = -1;
static jmp_buf out;

uint64_t clock_monotonic(void)
{
	return now;
}

void clock_event_set(uint64_t deadline)
{
	(void)deadline;
}

int signal_send_process(int sig, const siginfo_t *info)
{
	(void)info;
	assert_int_equal(sig, SIGTERM);
	sent++;
	return 0;
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}

void work_queue(struct work *w)
{
	queued = w;
}

void machine_exit(int code)
{
	in_order = power_program_ended(code);
	longjmp(out, 1);
}

static void __attribute__((noreturn)) shutdown(int code)
{
	ended = code;
	longjmp(out, 1);
}

static const struct hypervisor fake = {.shutdown = shutdown};

static void run_until(uint64_t t)
{
	now = t;
	if (!setjmp(out))
		timer_run();
}

static void ignored(void)
{
	power_request(POWER_OFF);
	power_request(POWER_OFF);
	assert_int_equal(sent, 1);
	run_until(10 * NSEC - 1);
	assert_null(queued);
	run_until(10 * NSEC);
	assert_non_null(queued);
	assert_int_equal(ended, -1);
	if (!setjmp(out))
		queued->func(queued);
	assert_int_equal(in_order, 143);
	assert_false(power_reboot_wanted());
}

static void worker_is_stuck(void)
{
	power_request(POWER_HALT);
	run_until(10 * NSEC);
	run_until(13 * NSEC);
	assert_int_equal(ended, 143);
}

static void ends_by_itself(void)
{
	power_request(POWER_OFF);
	power_request(POWER_REBOOT);
	run_until(3 * NSEC);
	if (!setjmp(out))
		machine_exit(7);
	assert_int_equal(in_order, 7);
	run_until(9 * NSEC);
	assert_int_equal(ended, -1);
	/* Its peers take too long. */
	run_until(10 * NSEC);
	assert_int_equal(ended, 7);
	assert_true(power_reboot_wanted());
}

static void at_once(void)
{
	cmdline.grace = 0;
	power_request(POWER_OFF);
	assert_int_equal(sent, 1);
	run_until(0);
	assert_non_null(queued);
}

static void test_all(void **state)
{
	static void (*const tests[])(void) = {ignored, worker_is_stuck, ends_by_itself, at_once};

	(void)state;
	for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			tests[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("test %u", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	hyper = &fake;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
