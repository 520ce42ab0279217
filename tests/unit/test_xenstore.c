/* unit: kernel/dev/xen/xenstore.c kernel/dev/xen/xenstore_wire.c kernel/dev/xen/xenstore_watch.c kernel/lib/printk.c */
/* The client of xenstore with a store that answers, and with ones that lie, stop or go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "mm/kmalloc.h"
#include "xenstore_fake.h"

#define assert_err(expr, err) assert_int_equal((expr), -(err))
#define assert_ok(expr)	      assert_int_equal((expr), 0)

static int setup(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void reads_as(const char *path, const char *want)
{
	char *value;
	size_t len;

	assert_ok(xs_read(XS_NONE, path, NULL, &value, &len));
	assert_string_equal(value, want);
	assert_int_equal(len, strlen(want));
	kfree(value);
}

static void reads_and_writes(void **state)
{
	char *value;
	char **names;
	unsigned n;

	(void)state;
	fake_store("device/vif/0/mac", "00:16:3e:00:00:0f");
	reads_as("device/vif/0/mac", "00:16:3e:00:00:0f");
	assert_ok(xs_write(XS_NONE, "device/vif/0", "state", "4"));
	assert_string_equal(fake_value("device/vif/0/state"), "4");
	assert_ok(xs_printf(XS_NONE, "device/vif/0", "port", "%u", 42u));
	reads_as("device/vif/0/port", "42");
	assert_ok(xs_write(XS_NONE, "device/vif/0", "empty", ""));
	reads_as("device/vif/0/empty", "");
	assert_err(xs_read(XS_NONE, "device/vif/1", "mac", &value, NULL), ENOENT);
	fake_store("device/vif/12/state", "1");
	assert_ok(xs_directory(XS_NONE, "device", "vif", &names, &n));
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "0");
	assert_string_equal(names[1], "12");
	kfree(names);
	assert_ok(xs_mkdir(XS_NONE, "data", "dir"));
	assert_ok(xs_directory(XS_NONE, "data/dir", NULL, &names, &n));
	assert_int_equal(n, 0);
	kfree(names);
	assert_ok(xs_rm(XS_NONE, "device/vif/12", NULL));
	assert_err(xs_directory(XS_NONE, "device/vif/12", NULL, &names, &n), ENOENT);
}

static void numbers(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "0x10",
					  "18446744073709551616",
					  "99999999999999999999999",
					  "1e3",
					  "101"};
	uint64_t v = 0;

	(void)state;
	fake_store("n", "18446744073709551615");
	assert_ok(xs_read_number(XS_NONE, "n", NULL, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	fake_store("n", "100");
	assert_ok(xs_read_number(XS_NONE, "n", NULL, 100, &v));
	assert_int_equal(v, 100);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		fake_store("n", bad[i]);
		assert_err(xs_read_number(XS_NONE, "n", NULL, 100, &v), ERANGE);
		assert_int_equal(xs_read_default("n", NULL, 100, 5), 5);
	}
	assert_err(xs_read_number(XS_NONE, "m", NULL, 100, &v), ENOENT);
	assert_int_equal(xs_read_default("m", NULL, 100, 6), 6);
}

/* Longer than the ring, both ways, a few bytes at a time. */
static void long_messages(void **state)
{
	char text[4000], *value;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fake.trickle = 13;
	assert_ok(xs_write(XS_NONE, "long", NULL, text));
	assert_string_equal(fake_value("long"), text);
	reads_as("long", text);
	fake.trickle = 0;
	reads_as("long", text);
	char *longer = calloc(1, 5000);
	memset(longer, 'y', 4999);
	assert_err(xs_write(XS_NONE, "long", NULL, longer), E2BIG);
	assert_err(xs_read(XS_NONE, longer, NULL, &value, NULL), ENAMETOOLONG);
	free(longer);
}

static void transactions(void **state)
{
	xs_transaction t;
	unsigned tries = 0;
	int err;

	(void)state;
	fake.conflicts = 2;
	do {
		tries++;
		assert_ok(xs_transaction_start(&t));
		assert_ok(xs_write(t, "device/vif/0", "ring-ref", "8"));
		assert_string_equal(fake_value("device/vif/0/ring-ref"), "(none)");
		err = xs_transaction_end(t, false);
	} while (err == -EAGAIN);
	assert_ok(err);
	assert_int_equal(tries, 3);
	reads_as("device/vif/0/ring-ref", "8");
	assert_ok(xs_transaction_start(&t));
	assert_ok(xs_write(t, "device/vif/0", "ring-ref", "9"));
	assert_ok(xs_transaction_end(t, true));
	reads_as("device/vif/0/ring-ref", "8");
	assert_err(xs_transaction_end(t, true), ENOENT);
}

static unsigned fired;
static char last[128];

static void on_change(struct xs_watch *w, const char *changed)
{
	(void)w;
	fired++;
	snprintf(last, sizeof last, "%s", changed);
}

static void watches_fire(void **state)
{
	struct xs_watch a = {.path = "device", .func = on_change};
	struct xs_watch b = {.path = "/local/domain/0/backend/vif/1/0/state", .func = on_change};

	(void)state;
	fired = 0;
	assert_ok(xs_watch_add(&a));
	fake_settle();
	assert_int_equal(fired, 1);
	assert_string_equal(last, "device");
	fake_store("device/vif/0/state", "1");
	fake_settle();
	assert_int_equal(fired, 2);
	assert_string_equal(last, "device/vif/0/state");
	/* Two before anybody looks: one call, for everything below. */
	fake_store("device/vif/0/state", "2");
	fake_store("device/vif/1/state", "2");
	fake_settle();
	assert_int_equal(fired, 3);
	assert_string_equal(last, "device");
	assert_ok(xs_watch_add(&b));
	fake_settle();
	assert_int_equal(fired, 4);
	fake_store("/local/domain/0/backend/vif/1/0/state", "2");
	fake_settle();
	assert_string_equal(last, "/local/domain/0/backend/vif/1/0/state");
	xs_watch_remove(&a);
	fake_store("device/vif/0/state", "3");
	fake_settle();
	assert_int_equal(fired, 5);
	/* One that waits to be called when its watch goes is not called. */
	fake_store("/local/domain/0/backend/vif/1/0/state", "3");
	while (fake_run())
		;
	xs_watch_remove(&b);
	fake_settle();
	assert_int_equal(fired, 5);
}

static bool only_short(const struct xs_watch *w, const char *changed)
{
	(void)w;
	return strlen(changed) < 14;
}

static void unwanted_events_cost_nothing(void **state)
{
	struct xs_watch a = {.path = "device", .func = on_change, .wanted = only_short};

	(void)state;
	fired = 0;
	assert_ok(xs_watch_add(&a));
	fake_settle();
	fake_store("device/vif/0/state", "1");
	fake_settle();
	assert_int_equal(fired, 1);
	fake_store("device/vif/1", "");
	fake_settle();
	assert_int_equal(fired, 2);
	xs_watch_remove(&a);
}

/* A hundred thousand events while the worker does not come round: no memory, no overflow. */
static void flood_of_events(void **state)
{
	struct xs_watch a = {.path = "device", .func = on_change};

	(void)state;
	fired = 0;
	assert_ok(xs_watch_add(&a));
	fake_settle();
	for (unsigned i = 0; i < 20000; i++) {
		fake_store("device/vif/0/state", "1");
		while (fake_run())
			;
	}
	fake_settle();
	assert_int_equal(fired, 2);
	xs_watch_remove(&a);
}

static void suspend_and_resume(void **state)
{
	struct xs_watch a = {.path = "device", .func = on_change};

	(void)state;
	assert_ok(xs_watch_add(&a));
	fake_settle();
	xs_suspend();
	memset(fake.watches, 0, sizeof fake.watches); /* the new host's store */
	memset(fake.ring, 0, sizeof *fake.ring);
	fired = 0;
	xs_resume();
	fake_settle();
	assert_int_equal(fired, 1);
	fake_store("device/vif/0/state", "5");
	fake_settle();
	assert_int_equal(fired, 2);
	xs_watch_remove(&a);
}

/* ---- stores that are not as they should be ---- */

static void expect_broken(void)
{
	char *value;
	uint64_t v;

	assert_err(xs_read(XS_NONE, "n", NULL, &value, NULL), EIO);
	fake.lie = NULL;
	fake.silent = false;
	assert_err(xs_read_number(XS_NONE, "n", NULL, 9, &v), EIO);
	assert_err(xs_write(XS_NONE, "n", NULL, "1"), EIO);
}

static bool wrong_id(struct xsd_sockmsg *h, char *body)
{
	(void)body;
	h->req_id++;
	return true;
}

static bool wrong_type(struct xsd_sockmsg *h, char *body)
{
	(void)body;
	h->type = XS_WRITE;
	return true;
}

static bool too_long(struct xsd_sockmsg *h, char *body)
{
	(void)body;
	h->len = UINT32_MAX;
	return true;
}

static bool bad_event(struct xsd_sockmsg *h, char *body)
{
	h->type = XS_WATCH_EVENT;
	memset(body, 'p', 10);
	h->len = 10;
	return true;
}

static bool empty_event(struct xsd_sockmsg *h, char *body)
{
	(void)body;
	h->type = XS_WATCH_EVENT;
	h->len = 0;
	return true;
}

static bool swallow(struct xsd_sockmsg *h, char *body)
{
	(void)h;
	(void)body;
	return false;
}

static void liars_are_given_up(void **state)
{
	bool (*const lies[])(struct xsd_sockmsg *, char *) = {wrong_id,	 wrong_type,  too_long,
							      bad_event, empty_event, swallow};

	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		setup(state);
		fake_store("n", "1");
		fake.lie = lies[i];
		expect_broken();
	}
}

static const char *error_text;

static bool answer_error(struct xsd_sockmsg *h, char *body)
{
	h->type = XS_ERROR;
	h->len = (uint32_t)strlen(error_text); /* not terminated */
	memcpy(body, error_text, h->len);
	return true;
}

static bool answer_no_number(struct xsd_sockmsg *h, char *body)
{
	h->len = 4;
	memcpy(body, "-5 x", 4);
	return true;
}

static bool answer_odd_names(struct xsd_sockmsg *h, char *body)
{
	h->type = XS_DIRECTORY;
	h->len = 5;
	memcpy(body, "\0a\0\0b", 5); /* the last is not terminated */
	return true;
}

static void strange_answers_are_harmless(void **state)
{
	static const char *const errors[] = {"", "ENOENT", "ENONSENSE", "E"};
	char *value, **list;
	unsigned n;
	uint32_t t;

	(void)state;
	fake.lie = answer_error;
	for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
		error_text = errors[i];
		assert_err(xs_read(XS_NONE, "n", NULL, &value, NULL), i == 1 ? ENOENT : EIO);
	}
	fake.lie = answer_no_number;
	assert_err(xs_transaction_start(&t), EIO);
	fake.lie = answer_odd_names;
	assert_ok(xs_directory(XS_NONE, "device", NULL, &list, &n));
	assert_int_equal(n, 4);
	assert_string_equal(list[1], "a");
	assert_string_equal(list[3], "b");
	kfree(list);
}

static bool bad_rsp_prod(void)
{
	fake.ring->rsp_prod = fake.ring->rsp_cons + XENSTORE_RING_SIZE + 1;
	fake.handler(NULL);
	return true;
}

static bool bad_req_cons(void)
{
	fake.ring->req_cons = fake.ring->req_prod + 1;
	return true;
}

static void indices_are_checked(void **state)
{
	char text[3000];

	fake_store("n", "1");
	fake.silent = true;
	fake.script = bad_rsp_prod;
	expect_broken();
	setup(state);
	fake.silent = true;
	fake.script = bad_req_cons;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_err(xs_write(XS_NONE, "n", NULL, text), EIO);
	setup(state);
	fake.ring->rsp_cons = 0x80000000;
	fake.ring->rsp_prod = 0x80000000;
	xs_resume(); /* indices may be anything */
	fake_store("n", "1");
	reads_as("n", "1");
}

static void silence_has_an_end(void **state)
{
	uint64_t before = fake.now;
	char text[3000];

	fake.silent = true;
	expect_broken();
	assert_int_equal(fake.now - before, XS_TIMEOUT_NS);
	setup(state);
	fake.silent = true;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_err(xs_write(XS_NONE, "n", NULL, text), EIO); /* does not fit into the ring */
}

static bool event_once(void)
{
	fake.handler(NULL);
	fake.script = NULL;
	return true;
}

static void reconnection(void **state)
{
	struct xs_watch a = {.path = "device", .func = on_change};
	char *value;

	(void)state;
	fake.ring->server_features =
	    XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
	fake_store("n", "1");
	assert_ok(xs_watch_add(&a));
	fake_settle();
	fake.ring->error = XENSTORE_ERROR_RINGIDX;
	fake.silent = true;
	fake.script = event_once;
	assert_err(xs_read(XS_NONE, "n", NULL, &value, NULL), EIO);
	fake.silent = false;
	fired = 0;
	reads_as("n", "1");
	fake_settle();
	assert_int_equal(fired, 1); /* the watch is set again */
	xs_watch_remove(&a);
}

static bool connected_later(void)
{
	assert_int_equal(fake.ring->req_prod, fake.ring->req_cons);
	fake.ring->connection = XENSTORE_CONNECTED;
	fake.script = NULL;
	return true;
}

/* While the store resets the ring, nobody touches it. */
static void waits_while_the_store_reconnects(void **state)
{
	(void)state;
	fake_store("n", "1");
	fake.ring->connection = XENSTORE_RECONNECT;
	fake.script = connected_later;
	reads_as("n", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(reads_and_writes, setup),
	    cmocka_unit_test_setup(numbers, setup),
	    cmocka_unit_test_setup(long_messages, setup),
	    cmocka_unit_test_setup(transactions, setup),
	    cmocka_unit_test_setup(watches_fire, setup),
	    cmocka_unit_test_setup(unwanted_events_cost_nothing, setup),
	    cmocka_unit_test_setup(flood_of_events, setup),
	    cmocka_unit_test_setup(suspend_and_resume, setup),
	    cmocka_unit_test_setup(liars_are_given_up, setup),
	    cmocka_unit_test_setup(strange_answers_are_harmless, setup),
	    cmocka_unit_test_setup(indices_are_checked, setup),
	    cmocka_unit_test_setup(silence_has_an_end, setup),
	    cmocka_unit_test_setup(reconnection, setup),
	    cmocka_unit_test_setup(waits_while_the_store_reconnects, setup),
	};
	return cmocka_run_group_tests_name("xenstore", tests, NULL, NULL);
}
