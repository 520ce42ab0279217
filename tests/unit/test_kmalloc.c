/* unit: kernel/mm/kmalloc.c kernel/mm/page.c */
/* The kernel heap: random sizes with contents checked, growth and shrinking, giving memory back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "mm/kmalloc.h"
#include "ram_fake.h"

#define RAM (32ul << 20)

static int setup(void **state)
{
	(void)state;
	ram = aligned_alloc(4096, RAM);
	boot_info.ram[0] = (struct boot_range){1ul << 20, RAM};
	boot_info.nram = 1;
	page_init();
	return 0;
}

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed + i * 7);
}

static void check(const unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], (unsigned char)(seed + i * 7));
}

static size_t random_size(void)
{
	switch (rand() % 8) {
	case 0:
		return (size_t)rand() % 20000;
	case 1:
	case 2:
		return (size_t)rand() % 3000;
	default:
		return (size_t)rand() % 200;
	}
}

static void test_random(void **state)
{
	enum { N = 2000 };
	static unsigned char *p[N];
	static size_t size[N];
	size_t before = page_available();

	(void)state;
	srand(2);
	for (unsigned i = 0; i < 300000; i++) {
		unsigned k = (unsigned)rand() % N;

		if (!p[k]) {
			size[k] = random_size();
			p[k] = kmalloc(size[k]);
			assert_non_null(p[k]);
			assert_int_equal((uintptr_t)p[k] % 16, 0);
			fill(p[k], size[k], k);
		} else if (rand() % 4 == 0) {
			size_t n = random_size(), keep = n < size[k] ? n : size[k];

			p[k] = krealloc(p[k], n);
			assert_non_null(p[k]);
			check(p[k], keep, k);
			size[k] = n;
			fill(p[k], n, k);
		} else {
			check(p[k], size[k], k);
			kfree(p[k]);
			p[k] = NULL;
		}
	}
	for (unsigned k = 0; k < N; k++) {
		if (p[k])
			check(p[k], size[k], k);
		kfree(p[k]);
		p[k] = NULL;
	}
	/* All but a spare slab for each class comes back. */
	assert_true(before - page_available() <= 19);
	assert_int_equal(kmalloc_bytes(), (before - page_available()) * PAGE_SIZE);
}

static void test_edges(void **state)
{
	unsigned char *p = kzalloc(5000);

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
	kfree(p);
	kfree(NULL);
	assert_null(kmalloc((PAGE_SIZE << PAGE_MAX_ORDER) + 1));
	assert_null(kmalloc(SIZE_MAX));
	assert_null(krealloc(NULL, SIZE_MAX));
	p = kmalloc(0);
	assert_non_null(p);
	kfree(p);
	for (size_t n = 1; n < 10000; n += 13) {
		p = kmalloc(n);
		memset(p, 0xff, n);
		kfree(p);
	}
}

static void test_exhaustion(void **state)
{
	void **head = NULL, **p;
	size_t n = 0;

	(void)state;
	while ((p = kmalloc(1000))) {
		*p = head;
		head = p;
		n++;
	}
	assert_true(n > RAM / 4096 * 4 * 9 / 10);
	assert_null(kmalloc(3000));
	while (head) {
		p = *head;
		kfree(head);
		head = p;
	}
	p = kmalloc(3000);
	assert_non_null(p);
	kfree(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_exhaustion),
	};
	return cmocka_run_group_tests(tests, setup, ram_free);
}
