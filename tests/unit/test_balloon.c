/* unit: kernel/dev/xen/balloon.c kernel/mm/page.c kernel/sched/timer.c */
/* The balloon over the real allocator, with Xen's side played here: which pages exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "dev/xen/balloon.h"
#include "dev/xen/xenstore.h"
#include "hyper/xen/hypercall.h"
#include "ram_fake.h"
#include "sched/timer.h"
#include "sched/worker.h"
#include "time/clock.h"

#undef xen_hypercall

#define MIB   (1ul << 20)
#define RAM   (48 * MIB)
#define PAGES (RAM / PAGE_SIZE)
#define NSEC  1000000000ull

static bool there[PAGES]; /* Xen has a page behind this one of ours */
static size_t npresent, limit = PAGES;
static long current_reservation;
static unsigned largest; /* order that Xen has memory for */
static unsigned calls;

static uint64_t now, target, static_max;
static struct xs_watch *watch;
static struct work *queued;

uint64_t clock_monotonic(void)
{
	return now;
}

void clock_event_set(uint64_t deadline)
{
	(void)deadline;
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}

void work_queue(struct work *w)
{
	queued = w;
}

static void work(void)
{
	while (queued) {
		struct work *w = queued;

		queued = NULL;
		w->func(w);
	}
}

int xs_watch_add(struct xs_watch *w)
{
	assert_string_equal(w->path, "memory/target");
	watch = w;
	w->func(w, w->path);
	return 0;
}

int xs_read_number(xs_transaction t, const char *dir, const char *node, uint64_t max,
		   uint64_t *value)
{
	(void)t;
	(void)max;
	assert_string_equal(dir, "memory");
	*value = strcmp(node, "target") ? static_max : target;
	return 0;
}

static long take(uint64_t first, unsigned order)
{
	for (uint64_t i = first; i < first + (1ul << order); i++) {
		assert_true(i < PAGES && there[i]);
		there[i] = false;
		npresent--;
		memset(ram + i * PAGE_SIZE, 0xee, PAGE_SIZE);
	}
	return 1;
}

static long fill(uint64_t first, unsigned order)
{
	if (order > largest || npresent + (1ul << order) > limit)
		return 0;
	for (uint64_t i = first; i < first + (1ul << order); i++) {
		assert_true(i < PAGES && !there[i]);
		there[i] = true;
		npresent++;
	}
	return 1;
}

long xen_hypercall(unsigned nr, unsigned long a1, unsigned long a2, unsigned long a3,
		   unsigned long a4)
{
	struct xen_memory_reservation *r = (void *)a2;
	xen_pfn_t *gfn;

	(void)a3;
	(void)a4;
	assert_int_equal(nr, __HYPERVISOR_memory_op);
	if (a1 == XENMEM_current_reservation)
		return current_reservation;
	calls++;
	assert_int_equal(r->nr_extents, 1);
	assert_int_equal(r->domid, DOMID_SELF);
	assert_true(r->extent_order <= 9);
	memcpy(&gfn, &r->extent_start, sizeof gfn);
	assert_int_equal(*gfn & ((1ul << r->extent_order) - 1), 0);
	if (a1 == XENMEM_decrease_reservation)
		return take(*gfn, r->extent_order);
	assert_int_equal(a1, XENMEM_populate_physmap);
	return fill(*gfn, r->extent_order);
}

/* What is out is what is not there, and what can be allocated is there. */
static void check(void)
{
	static paddr_t all[PAGES];
	size_t n = 0;
	bool (*hook)(void) = page_refill;
	paddr_t p;

	assert_int_equal(page_out(), PAGES - npresent);
	page_refill = NULL;
	while ((p = page_alloc(0)) != PADDR_NONE) {
		assert_true(there[p / PAGE_SIZE]);
		memset(ram + p, 0x11, PAGE_SIZE);
		all[n++] = p;
	}
	while (n--)
		page_free(all[n], 0);
	page_refill = hook;
}

static int setup(void **state)
{
	(void)state;
	ram = aligned_alloc(4096, RAM);
	memset(ram, 0xa5, RAM);
	boot_info.ram[0] = (struct boot_range){0, RAM};
	boot_info.nram = 1;
	boot_info.reserved[0] = (struct boot_range){0, 2 * MIB};
	boot_info.nreserved = 1;
	page_init();
	memset(there, 1, sizeof there);
	npresent = PAGES;
	largest = 9;
	return 0;
}

/* 48 MiB are promised and 32 are there: what is beyond goes before it is touched. */
static void test_populate_on_demand(void **state)
{
	(void)state;
	current_reservation = 32 * MIB / PAGE_SIZE + 16;
	balloon_boot();
	assert_int_equal(page_out(), 16 * MIB / PAGE_SIZE + 48);
	for (size_t i = 0; i < RAM; i += 64) {
		unsigned char c = (unsigned char)ram[i];

		if (i > 8 * MIB && c != 0xa5 && c != 0xee && i % PAGE_SIZE >= 64)
			fail_msg("%zu was touched", i);
	}
	assert_true(calls < 20);
	target = 32 << 10;
	static_max = 48 << 10;
	balloon_init();
	work();
	assert_int_equal(page_out(), 16 * MIB / PAGE_SIZE);
	assert_false(queued);
	check();
}

static void set(uint64_t kib)
{
	target = kib;
	watch->func(watch, watch->path);
	work();
}

static void test_down_and_up(void **state)
{
	static const unsigned targets[] = {20, 47, 48, 13, 40, 41, 25, 48, 300, 30};

	(void)state;
	for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
		unsigned mib = targets[i] > 48 ? 48 : targets[i];

		set(targets[i] << 10);
		assert_int_equal(page_out(), (48 - mib) * MIB / PAGE_SIZE);
		check();
	}
	set((30 << 10) + 4 * 77);
	assert_int_equal(page_out(), 18 * MIB / PAGE_SIZE - 77);
	check();
}

/* Xen has no large pages left, or no pages. */
static void test_scarce(void **state)
{
	(void)state;
	set(20 << 10);
	largest = 2;
	set(40 << 10);
	assert_int_equal(page_out(), 8 * MIB / PAGE_SIZE);
	check();
	set(20 << 10);
	limit = 30 * MIB / PAGE_SIZE;
	set(48 << 10);
	assert_true(npresent == limit);
	check();
	/* It is tried again, less and less often, until it works. */
	for (unsigned i = 0; i < 10; i++) {
		unsigned before = calls;

		now += NSEC << (i < 5 ? i : 5);
		timer_run();
		assert_non_null(queued);
		work();
		assert_true(calls > before);
		now += NSEC / 2;
		timer_run();
		assert_null(queued);
		now -= NSEC / 2;
	}
	limit = PAGES;
	largest = 9;
	now += NSEC << 5;
	timer_run();
	work();
	assert_int_equal(page_out(), 0);
	now += NSEC << 6;
	timer_run();
	assert_null(queued);
	check();
}

/* The program has most of it: the target is not reached, and a reserve is left. */
static void test_in_use(void **state)
{
	static paddr_t held[PAGES];
	size_t n = 0;

	(void)state;
	while (page_available() > 6 * MIB / PAGE_SIZE)
		held[n++] = page_alloc(0);
	set(10 << 10);
	assert_int_equal(page_available(), 4 * MIB / PAGE_SIZE);
	assert_int_equal(page_out(), 2 * MIB / PAGE_SIZE);
	/* It wants more, and gets what Xen lets it have. */
	limit = npresent + 256;
	for (paddr_t p; (p = page_alloc(0)) != PADDR_NONE;)
		held[n++] = p;
	assert_int_equal(npresent, limit);
	assert_int_equal(page_out(), 256);
	limit = PAGES;
	while (n > 100)
		page_free(held[--n], 0);
	now += NSEC << 6;
	timer_run();
	work();
	assert_int_equal(page_out(), 38 * MIB / PAGE_SIZE);
	while (n--)
		page_free(held[n], 0);
	set(48 << 10);
	check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_populate_on_demand),
	    cmocka_unit_test(test_down_and_up),
	    cmocka_unit_test(test_scarce),
	    cmocka_unit_test(test_in_use),
	};

	return cmocka_run_group_tests(tests, setup, ram_free);
}
