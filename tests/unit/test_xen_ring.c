/* unit: kernel/hyper/xen/ring.c */
/* The console ring against an honest backend, and against one that writes what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hyper/xen/ring.h"

/* On its own page in the kernel; here ASan guards its ends. */
static struct xencons_interface *new_ring(void **state)
{
	struct xencons_interface *r = calloc(1, sizeof *r);

	assert_non_null(r);
	*state = r;
	return r;
}

static int free_ring(void **state)
{
	free(*state);
	return 0;
}

/* What a backend does with the output. */
static size_t drain(struct xencons_interface *r, char *to, size_t max)
{
	size_t n = 0;

	while (n < max && r->out_cons != r->out_prod)
		to[n++] = r->out[MASK_XENCONS_IDX(r->out_cons++, r->out)];
	return n;
}

static void test_output_arrives_in_order(void **state)
{
	struct xencons_interface *r = new_ring(state);
	char expect = 0, buf[2048];
	size_t sent = 0, got = 0;

	r->out_cons = r->out_prod = UINT32_MAX - 1000; /* indices wrap around */
	while (got < 100000) {
		char text[300];
		size_t n = (size_t)rand() % sizeof text;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(sent + i);
		sent += ring_write(r, text, n);
		assert_int_equal(ring_unsent(r), sent - got);
		n = drain(r, buf, (size_t)rand() % sizeof buf);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf[i], expect++);
		got += n;
	}
}

static void test_full_ring_takes_nothing(void **state)
{
	struct xencons_interface *r = new_ring(state);
	char text[3000];

	memset(text, 'x', sizeof text);
	assert_int_equal(ring_write(r, text, sizeof text), sizeof r->out);
	assert_int_equal(ring_write(r, text, 1), 0);
	r->out_cons++;
	assert_int_equal(ring_write(r, text, 5), 1);
}

static void test_bad_output_index_takes_nothing(void **state)
{
	struct xencons_interface *r = new_ring(state);

	r->out_cons = 1; /* more read than written */
	assert_int_equal(ring_write(r, "abc", 3), 0);
	assert_int_equal(ring_unsent(r), 0);
	r->out_cons = 0x80000000;
	assert_int_equal(ring_write(r, "abc", 3), 0);
}

static void test_input_arrives_in_order(void **state)
{
	struct xencons_interface *r = new_ring(state);
	char buf[128];

	r->in_cons = r->in_prod = UINT32_MAX - 2;
	for (int i = 0; i < 10; i++)
		r->in[MASK_XENCONS_IDX(r->in_prod++, r->in)] = (char)('0' + i);
	assert_int_equal(ring_read(r, buf, 4), 4);
	assert_memory_equal(buf, "0123", 4);
	assert_int_equal(ring_read(r, buf, sizeof buf), 6);
	assert_memory_equal(buf, "456789", 6);
	assert_int_equal(ring_read(r, buf, sizeof buf), 0);
	assert_int_equal(r->in_cons, r->in_prod);
}

static void test_bad_input_index_is_dropped(void **state)
{
	struct xencons_interface *r = new_ring(state);
	char buf[2000];

	r->in_prod = sizeof r->in + 1;
	assert_int_equal(ring_read(r, buf, sizeof buf), 0);
	assert_int_equal(r->in_cons, r->in_prod);
	/* and goes on from there */
	r->in[MASK_XENCONS_IDX(r->in_prod++, r->in)] = 'y';
	assert_int_equal(ring_read(r, buf, sizeof buf), 1);
	assert_int_equal(buf[0], 'y');
}

static void test_random_indices_stay_inside(void **state)
{
	struct xencons_interface *r = new_ring(state);
	char buf[4096];

	for (int i = 0; i < 100000; i++) {
		uint32_t *index[] = {&r->in_cons, &r->in_prod, &r->out_cons, &r->out_prod};

		*index[rand() % 4] = (uint32_t)rand() * 7u;
		assert_true(ring_write(r, buf, sizeof buf) <= sizeof r->out);
		assert_true(ring_read(r, buf, sizeof buf) <= sizeof r->in);
		assert_true(ring_unsent(r) <= sizeof r->out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_output_arrives_in_order, free_ring),
	    cmocka_unit_test_teardown(test_full_ring_takes_nothing, free_ring),
	    cmocka_unit_test_teardown(test_bad_output_index_takes_nothing, free_ring),
	    cmocka_unit_test_teardown(test_input_arrives_in_order, free_ring),
	    cmocka_unit_test_teardown(test_bad_input_index_is_dropped, free_ring),
	    cmocka_unit_test_teardown(test_random_indices_stay_inside, free_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
