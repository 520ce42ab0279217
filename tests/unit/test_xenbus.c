/* unit: kernel/dev/xen/xenbus.c kernel/dev/xen/xenbus_device.c kernel/dev/xen/xenstore.c kernel/dev/xen/xenstore_wire.c kernel/dev/xen/xenstore_watch.c kernel/lib/printk.c */
/* Xenbus with a scripted backend, in a store of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "xenbus_fake.h"

#define BACKEND "/local/domain/0/backend/vif/1/0"
#define FRONT	"device/vif/0"

/* ---- a driver that notes what is asked of it ---- */

static char calls[256];
static struct xenbus_device *device;
static struct xenbus_ring ring;
static bool note_changes;
static int port, connect_result, ready_result;
static void (*in_connect)(void);

static void note(const char *what)
{
	strncat(calls, what, sizeof calls - strlen(calls) - 1);
}

static int probe(struct xenbus_device *d)
{
	note("P");
	device = d;
	assert_string_equal(d->backend, BACKEND);
	return 0;
}

static int connect(struct xenbus_device *d)
{
	note("c");
	assert_int_equal(xenbus_ring_alloc(d, &ring), 0);
	port = xenbus_channel(d, (irq_handler_t)0, NULL);
	assert_true(port > 0);
	xs_printf(XS_NONE, d->dir, "ring-ref", "%u", ring.ref);
	if (in_connect)
		in_connect();
	return connect_result;
}

static int ready(struct xenbus_device *d)
{
	(void)d;
	note("r");
	return ready_result;
}

static void disconnect(struct xenbus_device *d)
{
	note(d->resuming ? "D" : "d");
	xenbus_ring_free(&ring);
	evtchn_close((evtchn_port_t)port);
}

static void removed(struct xenbus_device *d)
{
	(void)d;
	note("R");
	device = NULL;
}

static void changed(struct xenbus_device *d)
{
	(void)d;
	if (note_changes) /* there may be one more, when events come late */
		note("+");
}

const struct xenbus_driver xen_netfront = {
    .type = "vif",
    .probe = probe,
    .connect = connect,
    .ready = ready,
    .disconnect = disconnect,
    .removed = removed,
    .changed = changed,
};

static void expect_calls(const char *want)
{
	assert_string_equal(calls, want);
	calls[0] = '\0';
}

/* ---- the backend: Linux's netback in what it answers to the frontend's state ---- */

static char answered[8];
static bool dead; /* does not react */

static bool backend(void)
{
	const char *front = fake_value(FRONT "/state"), *own = fake_value(BACKEND "/state"), *next;

	if (dead || !strcmp(front, answered) || !strcmp(own, "(none)"))
		return false;
	snprintf(answered, sizeof answered, "%.7s", front);
	switch (*front) {
	case '1':
		next = *own == '6' ? "2" : own;
		break;
	case '4':
		next = *own == '2' ? "4" : own;
		break;
	case '5':
		next = "5";
		break;
	case '6':
		next = "6";
		break;
	default:
		next = own;
	}
	if (strcmp(next, own))
		fake_store(BACKEND "/state", next);
	return true;
}

static void settle(void)
{
	do
		fake_settle();
	while (backend());
}

static void add_device(const char *backend_state)
{
	char state[2] = {*backend_state, 0};

	fake_store(BACKEND "/online", "1");
	fake_store(BACKEND "/state", state);
	fake_store(FRONT, "");
	fake_store(FRONT "/backend", BACKEND);
	fake_store(FRONT "/backend-id", "0");
	fake_store(FRONT "/state", "1");
}

/* xenbus_init once a process: each test's devices are gone at its end. */
static int setup(void **state)
{
	(void)state;
	dead = false;
	answered[0] = calls[0] = '\0';
	connect_result = ready_result = 0;
	in_connect = NULL;
	fake_reset();
	fake.script = backend;
	fake.in_boot = true;
	settle();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dead = true;
	fake.lie = NULL;
	fake.silent = false;
	fake_remove("device");
	fake_settle();
	assert_null(device);
	assert_int_equal(grants, 0);
	assert_int_equal(channels, 0);
	return 0;
}

static void present_at_boot(void **state)
{
	uint64_t before = fake.now;

	(void)state;
	add_device("2");
	xenbus_init();
	assert_int_equal(fake.now, before);
	expect_calls("Pcr");
	assert_string_equal(fake_value(FRONT "/state"), "4");
	assert_string_equal(fake_value(FRONT "/ring-ref"), "9");
	assert_int_equal(channels, 1);
}

static void backend_never_comes(void **state)
{
	(void)state;
	add_device("1");
	settle();
	expect_calls("P");
	assert_int_equal(device->state, XenbusStateInitialising);
}

static void hotplug_and_unplug(void **state)
{
	(void)state;
	add_device("2");
	settle();
	expect_calls("Pcr");
	/* xl network-detach */
	fake_store(BACKEND "/online", "0");
	fake_store(BACKEND "/state", "5");
	settle();
	expect_calls("d");
	assert_string_equal(fake_value(FRONT "/state"), "6");
	assert_string_equal(fake_value(BACKEND "/state"), "6");
	fake_remove(FRONT);
	fake_remove(BACKEND);
	settle();
	expect_calls("R");
	add_device("2");
	answered[0] = '\0';
	settle();
	expect_calls("Pcr");
}

static void closes_and_comes_back(void **state)
{
	(void)state;
	add_device("2");
	settle();
	for (int i = 0; i < 3; i++) {
		calls[0] = '\0';
		fake_store(BACKEND "/state", "5");
		settle();
		expect_calls("dcr");
		assert_string_equal(fake_value(FRONT "/state"), "4");
		assert_string_equal(fake_value(BACKEND "/state"), "4");
	}
	/* The driver domain dies and comes back. */
	dead = true;
	fake_remove(BACKEND);
	settle();
	expect_calls("d");
	dead = false;
	answered[0] = '\0';
	fake_store(BACKEND "/online", "1");
	fake_store(BACKEND "/state", "2");
	settle();
	expect_calls("cr");
	/* It begins anew without having closed. */
	dead = true;
	fake_store(BACKEND "/state", "2");
	settle();
	expect_calls("dc");
	fake_store(BACKEND "/state", "4");
	settle();
	expect_calls("r");
}

static void changes_while_connected(void **state)
{
	(void)state;
	add_device("2");
	settle();
	expect_calls("Pcr");
	note_changes = true;
	fake_store(BACKEND "/state", "4");
	settle();
	expect_calls("+");
	note_changes = false;
}

static void left_connected_by_a_boot_loader(void **state)
{
	(void)state;
	add_device("4");
	fake_store(FRONT "/state", "4");
	settle();
	expect_calls("Pcr");
}

static void fails(void **state)
{
	(void)state;
	add_device("2");
	settle();
	expect_calls("Pcr");
	xenbus_fail(device, "an index is wrong");
	xenbus_fail(device, "and another");
	expect_calls("");
	settle();
	expect_calls("d");
	assert_string_equal(fake_value("error/" FRONT "/error"), "an index is wrong");
	assert_string_equal(fake_value(FRONT "/state"), "6");
	assert_string_equal(fake_value(BACKEND "/state"), "6");
	/* It must come back by itself. */
	dead = true;
	fake_store(BACKEND "/state", "2");
	settle();
	expect_calls("c");
	fake_store(BACKEND "/state", "4");
	settle();
	expect_calls("r");
}

static void fail_it(void)
{
	xenbus_fail(device, "a lie while connecting");
	connect_result = -EIO;
}

static void fails_in_connect(void **state)
{
	(void)state;
	in_connect = fail_it;
	add_device("2");
	settle();
	expect_calls("Pcd");
	assert_string_equal(fake_value("error/" FRONT "/error"), "a lie while connecting");
	assert_string_equal(fake_value(FRONT "/state"), "6");
	in_connect = NULL;
}

static void connect_and_ready_may_refuse(void **state)
{
	(void)state;
	connect_result = -ENOMEM;
	add_device("2");
	settle();
	expect_calls("Pcd");
	assert_string_equal(fake_value(FRONT "/state"), "6");
	fake_remove(FRONT);
	settle();
	expect_calls("R");
	connect_result = 0;
	ready_result = -EIO;
	answered[0] = '\0';
	add_device("2");
	settle();
	expect_calls("Pcrd");
	ready_result = 0;
}

/* Gone and there again before we look. */
static void replaced_unnoticed(void **state)
{
	(void)state;
	add_device("2");
	settle();
	expect_calls("Pcr");
	dead = true;
	fake_remove(FRONT);
	add_device("2");
	settle();
	expect_calls("dRPc");
}

static void nonsense_is_no_device(void **state)
{
	static const char *const paths[] = {"",	    "/",   "local/domain/0/backend",
					    "/a b", "/a/", "/\xff"};
	static const char *const ids[] = {"", "-1", "65536", "32752", "x"};

	(void)state;
	for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
		add_device("2");
		fake_store(FRONT "/backend", paths[i]);
		settle();
		expect_calls("");
		fake_remove(FRONT);
		settle();
	}
	for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
		add_device("2");
		fake_store(FRONT "/backend-id", ids[i]);
		settle();
		expect_calls("");
		fake_remove(FRONT);
		settle();
	}
	fake_store("device/vif/00", "");
	fake_store("device/vif/-1", "");
	fake_store("device/vif/99999999999", "");
	fake_store("device/vif/1x", "");
	fake_store("device/vkbd/0", "");
	settle();
	expect_calls("");
}

static void nonsense_states_change_nothing(void **state)
{
	static const char *const states[] = {"9", "-1", "4294967300", "x", ""};

	(void)state;
	for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
		add_device("2");
		answered[0] = '\0';
		settle();
		expect_calls("Pcr");
		dead = true;
		fake_store(BACKEND "/state", states[i]);
		settle();
		expect_calls("d");
		fake_remove(FRONT);
		settle();
		expect_calls("R");
		dead = false;
	}
}

static void resumes(void **state)
{
	(void)state;
	add_device("2");
	settle();
	expect_calls("Pcr");
	xenbus_suspend();
	xs_suspend();
	/* The toolstack of the new host has made the directories anew. */
	memset(fake.watches, 0, sizeof fake.watches);
	memset(fake.ring, 0, sizeof *fake.ring);
	fake_remove("device");
	add_device("2");
	answered[0] = '\0';
	xs_resume();
	xenbus_resume();
	expect_calls("D");
	settle();
	expect_calls("cr");
	assert_int_equal(channels, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(present_at_boot, setup, teardown),
	    cmocka_unit_test_setup_teardown(backend_never_comes, setup, teardown),
	    cmocka_unit_test_setup_teardown(hotplug_and_unplug, setup, teardown),
	    cmocka_unit_test_setup_teardown(closes_and_comes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(changes_while_connected, setup, teardown),
	    cmocka_unit_test_setup_teardown(left_connected_by_a_boot_loader, setup, teardown),
	    cmocka_unit_test_setup_teardown(fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(fails_in_connect, setup, teardown),
	    cmocka_unit_test_setup_teardown(connect_and_ready_may_refuse, setup, teardown),
	    cmocka_unit_test_setup_teardown(replaced_unnoticed, setup, teardown),
	    cmocka_unit_test_setup_teardown(nonsense_is_no_device, setup, teardown),
	    cmocka_unit_test_setup_teardown(nonsense_states_change_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(resumes, setup, teardown),
	};
	return cmocka_run_group_tests_name("xenbus", tests, NULL, NULL);
}
