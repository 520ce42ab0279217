/* unit: kernel/mm/page.c */
/* The buddy allocator: random allocations against a map of owners; merging; boot's reservations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ram_fake.h"

#define MIB (1ul << 20)
#define RAM (24 * MIB)

static int setup(void **state)
{
	(void)state;
	ram = aligned_alloc(4096, RAM);
	memset(ram, 0xa5, RAM);
	/* As QEMU's microvm: low memory with a ragged end, then the rest; an odd top. */
	boot_info.ram[0] = (struct boot_range){0, 0x9fc00};
	boot_info.ram[1] = (struct boot_range){MIB, RAM - 12345};
	boot_info.nram = 2;
	boot_info.reserved[0] = (struct boot_range){0, MIB};
	boot_info.reserved[1] = (struct boot_range){MIB, 4 * MIB + 123};
	boot_info.reserved[2] = (struct boot_range){20 * MIB + 5, 20 * MIB + 5000};
	boot_info.nreserved = 3;
	page_init();
	return 0;
}

static size_t count_all(void)
{
	size_t n = 0;

	for (unsigned o = 0; o <= PAGE_MAX_ORDER; o++)
		n += page_free_blocks(o) << o;
	return n;
}

static void test_boot(void **state)
{
	/* From the page after the image to the last whole page, without the allocator's own pages
	 * and the two that the odd reservation touches. */
	size_t all = (RAM - 12345) / PAGE_SIZE - (4 * MIB / PAGE_SIZE + 1);
	size_t states =
	    ((RAM - 12345) / PAGE_SIZE - MIB / PAGE_SIZE + 0x9e + PAGE_SIZE - 1) / PAGE_SIZE;

	(void)state;
	assert_int_equal(page_total(), all - states - 2);
	assert_int_equal(page_available(), page_total());
	assert_int_equal(count_all(), page_total());
	page_init_high();
	assert_int_equal(count_all(), page_total());
}

/* What was never touched goes out first, and untouched; then what is free. What is out is neither
 * counted nor given to anybody, until it is put back. */
static void test_out(void **state)
{
	static uint8_t out[RAM / PAGE_SIZE];
	size_t total = page_total(), n = 0, before[PAGE_MAX_ORDER + 1];
	paddr_t p, first = 0;
	unsigned order = 99;

	(void)state;
	assert_int_equal(page_find_out(&order), PADDR_NONE);
	p = page_alloc(0); /* so that a block was touched, and merges again */
	page_free(p, 0);
	for (unsigned o = 0; o <= PAGE_MAX_ORDER; o++)
		before[o] = page_free_blocks(o);
	for (; (p = page_take_out(HUGE_ORDER)) != PADDR_NONE; n += 512) {
		if (!first) {
			first = p;
			for (size_t i = 0; i < HUGE_SIZE; i++)
				assert_int_equal((uint8_t)ram[p + i], 0xa5);
		}
		assert_int_equal(p % HUGE_SIZE, 0);
		memset(out + p / PAGE_SIZE, 1, 512);
		assert_int_equal(page_total() + n + 512, total);
		assert_int_equal(count_all(), page_available());
	}
	assert_int_equal(page_out(), n);
	assert_true(n >= 12 * MIB / PAGE_SIZE);
	for (;; n++) {
		p = page_take_out(0);
		if (p == PADDR_NONE)
			break;
		assert_int_equal(out[p / PAGE_SIZE], 0);
		out[p / PAGE_SIZE] = 1;
	}
	assert_int_equal(n, total);
	assert_int_equal(page_total(), 0);
	assert_int_equal(page_alloc(0), PADDR_NONE);
	/* Back, some in pieces. */
	for (unsigned i = 0; (p = page_find_out(&order)) != PADDR_NONE; i++) {
		while (order && i % 3 == 0)
			page_split_out(p, order--);
		page_put_back(p, order);
		assert_int_equal(page_total() + page_out(), total);
		assert_int_equal(count_all(), page_available());
	}
	assert_int_equal(page_available(), total);
	for (unsigned o = 0; o <= PAGE_MAX_ORDER; o++)
		assert_int_equal(page_free_blocks(o), before[o]);
}

static unsigned refills;

static bool refill(void)
{
	unsigned order;
	paddr_t p = page_find_out(&order);

	refills++;
	if (p == PADDR_NONE)
		return false;
	page_put_back(p, order);
	return true;
}

/* When memory is out, what is out comes back, a block at a time. */
static void test_refill(void **state)
{
	size_t total = page_total(), n = 0;
	paddr_t *all = calloc(total, sizeof(*all)), p;

	(void)state;
	assert_int_not_equal(page_take_out(3), PADDR_NONE);
	assert_int_not_equal(page_take_out(0), PADDR_NONE);
	page_refill = refill;
	while ((p = page_alloc(0)) != PADDR_NONE)
		all[n++] = p;
	page_refill = NULL;
	assert_int_equal(n, total);
	assert_int_equal(refills, 3);
	while (n--)
		page_free(all[n], 0);
	free(all);
}

struct block {
	paddr_t p;
	unsigned order;
};

static void test_random(void **state)
{
	static struct block live[4096];
	static uint8_t owned[RAM / PAGE_SIZE];
	size_t n = 0, before = page_available(), held = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		if (n && (rand() % 100 < (i / 20000 % 2 ? 60 : 40) || n == 4096)) {
			size_t k = (size_t)rand() % n;
			struct block b = live[k];

			for (size_t j = 0; j < 1ul << b.order; j++) {
				assert_int_equal(owned[b.p / PAGE_SIZE + j], 1);
				owned[b.p / PAGE_SIZE + j] = 0;
			}
			page_free(b.p, b.order);
			held -= 1ul << b.order;
			live[k] = live[--n];
		} else {
			unsigned order = rand() % 3 ? 0 : (unsigned)rand() % (PAGE_MAX_ORDER + 1);
			paddr_t p = page_alloc(order);

			if (p == PADDR_NONE)
				continue;
			assert_int_equal(p % (PAGE_SIZE << order), 0);
			assert_true(p > 4 * MIB && p + (PAGE_SIZE << order) <= RAM - 12345);
			for (size_t j = 0; j < 1ul << order; j++) {
				assert_int_equal(owned[p / PAGE_SIZE + j], 0);
				owned[p / PAGE_SIZE + j] = 1;
			}
			assert_int_equal(page_order(p), order);
			memset(ram + p, (int)n, PAGE_SIZE << order);
			live[n++] = (struct block){p, order};
			held += 1ul << order;
		}
		assert_int_equal(page_available() + held, before);
	}
	assert_int_equal(count_all(), page_available());
	while (n--)
		page_free(live[n].p, live[n].order);
	assert_int_equal(page_available(), before);
	assert_int_equal(count_all(), before);
}

static void test_exhaust_and_merge(void **state)
{
	size_t before[PAGE_MAX_ORDER + 1], n = 0;
	paddr_t *all = calloc(page_available(), sizeof(*all)), p;

	(void)state;
	for (unsigned o = 0; o <= PAGE_MAX_ORDER; o++)
		before[o] = page_free_blocks(o);
	while ((p = page_alloc(0)) != PADDR_NONE)
		all[n++] = p;
	assert_int_equal(page_available(), 0);
	assert_int_equal(n, page_total());
	for (size_t i = 0; i < n; i++) /* in an order of its own */
		page_free(all[i * 7919 % n], 0);
	for (unsigned o = 0; o <= PAGE_MAX_ORDER; o++)
		assert_int_equal(page_free_blocks(o), before[o]);
	free(all);
}

static void test_split_and_zero(void **state)
{
	size_t before = page_available();
	paddr_t p = page_alloc_zero(HUGE_ORDER);

	(void)state;
	for (size_t i = 0; i < HUGE_SIZE; i++)
		assert_int_equal(ram[p + i], 0);
	page_split(p, HUGE_ORDER);
	for (size_t i = 0; i < 512; i++) {
		assert_int_equal(page_order(p + i * PAGE_SIZE), 0);
		page_free(p + i * PAGE_SIZE, 0);
	}
	assert_int_equal(page_available(), before);
}

static void test_add_range(void **state)
{
	size_t total = page_total();

	(void)state;
	page_add_range(20 * MIB + 5, 20 * MIB + 5000); /* no whole page in it */
	assert_int_equal(page_total(), total);
	page_add_range(20 * MIB, 20 * MIB + 2 * PAGE_SIZE);
	assert_int_equal(page_total(), total + 2);
	page_add_range(0x1000, 0x9fc00);
	assert_int_equal(page_total(), total + 2 + 0x9e);
	assert_int_equal(count_all(), page_available());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_boot),
	    cmocka_unit_test(test_out),
	    cmocka_unit_test(test_refill),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_exhaust_and_merge),
	    cmocka_unit_test(test_split_and_zero),
	    cmocka_unit_test(test_add_range),
	};
	return cmocka_run_group_tests(tests, setup, ram_free);
}
