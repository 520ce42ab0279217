/* unit: kernel/mm/vma.c */
/* The region map against an array with one entry a page: what is mapped, how, which parts merge,
 * where gaps are found, and that no file reference is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "mm/page.h"
#include "mm/vma.h"
#include "vfs/file.h"

#define PAGES 300
#define BASE  0x10000ul

struct model {
	bool mapped;
	uint32_t prot, flags;
	struct file *file;
	uint64_t pgoff;
};

static struct model model[PAGES];
static struct vma_map map;
static struct file files[2];

void file_put(struct file *f)
{
	assert_true(atomic_fetch_sub(&f->refs, 1) > 1);
}

static uintptr_t address(size_t page)
{
	return BASE + page * PAGE_SIZE;
}

/* Are pages i and i + 1 to be one region? */
static bool together(size_t i)
{
	const struct model *a = &model[i], *b = &model[i + 1];

	return a->mapped && b->mapped && a->prot == b->prot && a->flags == b->flags &&
	       a->file == b->file && (!a->file || a->pgoff + 1 == b->pgoff);
}

static void compare(void)
{
	struct vma *v = vma_find(&map, 0);
	size_t i = 0, count = 0, bytes = 0;
	int refs[2] = {1, 1};

	while (i < PAGES) {
		size_t n = 1;

		if (!model[i].mapped) {
			i++;
			continue;
		}
		while (i + n < PAGES && together(i + n - 1))
			n++;
		assert_non_null(v);
		assert_int_equal(v->start, address(i));
		assert_int_equal(v->end, address(i + n));
		assert_int_equal(v->prot, model[i].prot);
		assert_int_equal(v->flags, model[i].flags);
		assert_ptr_equal(v->file, model[i].file);
		if (v->file) {
			assert_int_equal(v->pgoff, model[i].pgoff);
			refs[v->file - files]++;
		}
		count++;
		bytes += n * PAGE_SIZE;
		i += n;
		v = vma_next(&map, v);
	}
	assert_null(v);
	assert_int_equal(map.count, count);
	assert_int_equal(map.bytes, bytes);
	assert_int_equal(atomic_load(&files[0].refs), refs[0]);
	assert_int_equal(atomic_load(&files[1].refs), refs[1]);
}

static void check_lookup(size_t page)
{
	struct vma *v = vma_find(&map, address(page) + 123), *b;
	bool below = false;

	if (model[page].mapped)
		assert_true(v && v->start <= address(page) && v->end > address(page));
	else
		assert_true(!v || v->start > address(page));
	b = vma_find_below(&map, address(page));
	for (size_t i = 0; i < page; i++)
		below |= model[i].mapped;
	assert_int_equal(b != NULL, below);
	if (b)
		assert_true(b->start < address(page));
}

static void check_gap(size_t len, size_t align_pages, size_t min, size_t max)
{
	uintptr_t want = 0;
	size_t align = align_pages * PAGE_SIZE;

	for (size_t i = min; i + len <= max; i++) {
		bool is_free = address(i) % align == 0;

		for (size_t j = 0; j < len && is_free; j++)
			is_free = !model[i + j].mapped;
		if (is_free)
			want = address(i);
	}
	assert_int_equal(vma_find_gap(&map, len * PAGE_SIZE, align, address(min), address(max)),
			 want);
}

static void clear(size_t start, size_t n)
{
	assert_int_equal(vma_remove(&map, address(start), address(start + n)), 0);
	memset(&model[start], 0, n * sizeof(*model));
}

static void test_random(void **state)
{
	(void)state;
	srand(3);
	atomic_init(&files[0].refs, 1);
	atomic_init(&files[1].refs, 1);
	for (int round = 0; round < 60000; round++) {
		size_t start = (size_t)rand() % (PAGES - 1);
		size_t n = 1 + (size_t)rand() % (rand() % 4 ? 12 : 100);
		uint32_t prot = (uint32_t)rand() % 3, flags = rand() % 3 ? 0 : VMA_SHARED;
		struct file *f = rand() % 2 ? NULL : &files[rand() % 2];
		/* Often such that a merge with what is below is due. */
		uint64_t pgoff = rand() % 2 ? 1000 + start : (uint64_t)rand() % 50;

		if (n > PAGES - start)
			n = PAGES - start;
		switch (rand() % 4) {
		case 0:
		case 1:
			clear(start, n);
			assert_true(vma_range_free(&map, address(start), address(start + n)));
			assert_int_equal(vma_add(&map, address(start), address(start + n), prot,
						 flags, f, f ? pgoff : 0),
					 0);
			for (size_t i = 0; i < n; i++)
				model[start + i] =
				    (struct model){true, prot, flags, f, f ? pgoff + i : 0};
			break;
		case 2:
			clear(start, n);
			break;
		case 3:
			assert_int_equal(vma_split(&map, address(start)), 0);
			assert_int_equal(vma_split(&map, address(start + n)), 0);
			vma_change(&map, address(start), address(start + n), true, prot, VMA_LOCKED,
				   VMA_SHARED);
			for (size_t i = start; i < start + n; i++) {
				if (!model[i].mapped)
					continue;
				model[i].prot = prot;
				model[i].flags = (model[i].flags & ~VMA_SHARED) | VMA_LOCKED;
			}
			break;
		}
		compare();
		check_lookup((size_t)rand() % PAGES);
		{
			size_t min = (size_t)rand() % PAGES, max = (size_t)rand() % PAGES;
			bool mapped = true;

			check_gap(1 + (size_t)rand() % 20, 1ul << rand() % 4, 0, PAGES);
			if (min < max) {
				check_gap(1 + (size_t)rand() % 20, 1, min, max);
				for (size_t i = min; i < max; i++)
					mapped &= model[i].mapped;
				assert_int_equal(vma_range_mapped(&map, address(min), address(max)),
						 mapped);
			}
		}
	}
	clear(0, PAGES);
	compare();
	assert_null(map.root);
}

static void test_resize(void **state)
{
	struct vma *v;

	(void)state;
	assert_int_equal(vma_add(&map, address(10), address(20), 3, VMA_GROWSDOWN, NULL, 0), 0);
	v = vma_find(&map, address(10));
	vma_resize(&map, v, address(5), address(20));
	assert_ptr_equal(vma_find(&map, address(5)), v);
	assert_int_equal(map.bytes, 15 * PAGE_SIZE);
	/* What grows down is never merged with a neighbour. */
	assert_int_equal(vma_add(&map, address(20), address(21), 3, VMA_GROWSDOWN, NULL, 0), 0);
	assert_int_equal(map.count, 2);
	assert_int_equal(vma_remove(&map, 0, address(PAGES)), 0);
	assert_int_equal(map.count, 0);
}

static void test_many(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < VMA_MAX; i++)
		assert_int_equal(
		    vma_add(&map, address(2 * i), address(2 * i + 1), (uint32_t)i % 2, 0, NULL, 0),
		    0);
	assert_int_equal(vma_add(&map, address(2 * i), address(2 * i + 1), 0, 0, NULL, 0), -12);
	/* Merging into a neighbour needs no new region. */
	assert_int_equal(
	    vma_add(&map, address(2 * i - 1), address(2 * i), (uint32_t)(i - 1) % 2, 0, NULL, 0),
	    0);
	assert_int_equal(vma_find_gap(&map, PAGE_SIZE, PAGE_SIZE, BASE, address(2 * i)),
			 address(2 * i - 3));
	assert_int_equal(vma_remove(&map, BASE, address(2 * i)), 0);
	assert_int_equal(map.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_resize),
	    cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
