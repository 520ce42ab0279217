/* unit: kernel/dev/xen/control.c */
/* Requests of a toolstack, in a store that is three nodes here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "dev/xen/control.h"
#include "dev/xen/xenstore.h"
#include "hyper/xen/suspend.h"
#include "sched/worker.h"
#include "sys/power.h"

static char shutdown[64], sysrq[64];
static unsigned features, conflicts, open, suspended;
static int requested = -1;
static struct xs_watch *watches[2];
static struct work *queued[4];
static unsigned nqueued;

static char *node_of(const char *node)
{
	return strcmp(node, "shutdown") ? sysrq : shutdown;
}

int xs_transaction_start(xs_transaction *t)
{
	*t = 1;
	open++;
	return 0;
}

int xs_transaction_end(xs_transaction t, bool abort)
{
	assert_int_equal(t, 1);
	open--;
	if (!abort && conflicts) {
		conflicts--;
		strcpy(shutdown, "reboot"); /* somebody has thought again */
		return -EAGAIN;
	}
	return 0;
}

int xs_read(xs_transaction t, const char *dir, const char *node, char **value, size_t *len)
{
	assert_int_equal(t, 1);
	assert_string_equal(dir, "control");
	(void)len;
	if (!strcmp(node_of(node), "none"))
		return -ENOENT;
	*value = strdup(node_of(node));
	return 0;
}

int xs_write(xs_transaction t, const char *dir, const char *node, const char *value)
{
	assert_string_equal(dir, "control");
	if (!strncmp(node, "feature-", 8)) {
		assert_string_equal(value, "1");
		features++;
		return 0;
	}
	assert_int_equal(t, 1);
	assert_string_equal(value, "");
	*node_of(node) = '\0';
	return 0;
}

int xs_watch_add(struct xs_watch *w)
{
	watches[!strcmp(w->path, "control/sysrq")] = w;
	w->func(w, w->path);
	return 0;
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}

void work_queue(struct work *w)
{
	queued[nqueued++] = w;
}

static void work(void)
{
	while (nqueued) {
		nqueued--;
		queued[nqueued]->func(queued[nqueued]);
	}
}

void power_request(enum power_request r)
{
	requested = (int)r;
}

int xen_suspend(void)
{
	suspended++;
	return 0;
}

void xen_suspend_init(void)
{
}

static void request(const char *text)
{
	requested = -1;
	strcpy(shutdown, text);
	watches[0]->func(watches[0], "control/shutdown");
	assert_int_equal(open, 0);
}

static void test_requests(void **state)
{
	(void)state;
	control_init();
	work();
	assert_int_equal(features, 3);
	assert_int_equal(requested, -1);
	request("poweroff");
	assert_int_equal(requested, POWER_OFF);
	assert_string_equal(shutdown, "");
	request("reboot");
	assert_int_equal(requested, POWER_REBOOT);
	request("halt");
	assert_int_equal(requested, POWER_HALT);
	request("");
	request("none");
	strcpy(shutdown, "");
	request("crash");
	assert_int_equal(requested, -1);
	assert_string_equal(shutdown, "");
	assert_int_equal(suspended, 0);
	request("suspend");
	assert_int_equal(requested, -1);
	assert_int_equal(suspended, 0); /* not within the watch */
	work();
	assert_int_equal(suspended, 1);
	conflicts = 3;
	request("poweroff");
	assert_int_equal(requested, POWER_REBOOT);
	assert_int_equal(conflicts, 0);
	strcpy(sysrq, "b");
	watches[1]->func(watches[1], "control/sysrq");
	assert_string_equal(sysrq, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
