/*
 * Taking pages out of the program's address space: unmap, discard, change rights, move. mm_lock is
 * held everywhere.
 *
 * Pages are freed only after every CPU has forgotten them, so they are gathered and freed in
 * batches.
 */
#include <asm/errno.h>
#include <linux/mman.h>
#include "lib/printk.h"
#include "mm/internal.h"

#define BATCH 64

/* Entries taken out of the tables of [start, end) whose pages wait to be freed. */
struct batch {
	uintptr_t start, end;
	unsigned n;
	pte_t entries[BATCH];
};

static void batch_flush(struct batch *b, uintptr_t next)
{
	if (b->end > b->start)
		tlb_flush_range(b->start, b->end);
	for (unsigned i = 0; i < b->n; i++) {
		pte_t e = b->entries[i];

		page_free(e & PTE_ADDR, e & PTE_HUGE ? HUGE_ORDER : 0);
	}
	b->n = 0;
	b->start = b->end = next;
}

/* Notes that [va, va + size) was mapped by e, which has been taken out. */
static void batch_add(struct batch *b, uintptr_t va, size_t size, pte_t e)
{
	if (b->n == BATCH)
		batch_flush(b, va);
	if (b->start == b->end)
		b->start = va;
	b->end = va + size;
	if (e & PTE_FILE)
		return;
	b->entries[b->n++] = e;
	mm_resident -= size >> PAGE_SHIFT;
}

/* Takes an empty table out as well, so that the next touch may bring a huge page. */
static void batch_add_table(struct batch *b, uintptr_t va, pte_t *e2)
{
	if (b->n == BATCH)
		batch_flush(b, va);
	if (b->start == b->end)
		b->start = va;
	b->end = va + HUGE_SIZE;
	b->entries[b->n++] = *e2;
	*e2 = 0;
	pt_pages--;
}

/* Splits the huge page at *e, of which [va, end) is about to be freed: where there is no memory
 * for the table, one of those pages becomes it. */
static void split_for_zap(pte_t *e, uintptr_t va, uintptr_t end)
{
	paddr_t huge = *e & PTE_ADDR & ~(HUGE_SIZE - 1);
	bool present = *e & PTE_P;
	paddr_t table = page_alloc(0);
	pte_t bits = *e & ~PTE_ADDR & ~PTE_HUGE;

	page_split(huge, HUGE_ORDER);
	if (table != PADDR_NONE) {
		pt_split_huge(e, table);
	} else {
		table = huge + (va & (HUGE_SIZE - 1));
		/* The page is still visible to the program; its translation must go first. */
		if (present) {
			*e = 0;
			tlb_flush_range(va & ~(HUGE_SIZE - 1), end);
		}
		*e = huge | bits | PTE_HUGE;
		pt_split_huge(e, table);
		pt_table(*e)[pt_index(va, 1)] = 0;
		mm_resident--;
	}
}

void zap_range(uintptr_t start, uintptr_t end, unsigned what)
{
	struct batch b = {start, start, 0, {0}};
	uintptr_t va = start, next;
	pte_t *e2;

	for (; (e2 = pt_next_entry2(&va, end)); va = next) {
		pte_t *table;

		next = (va | (HUGE_SIZE - 1)) + 1;
		if (next > end)
			next = end;
		if (*e2 & PTE_HUGE) {
			if (!(what & ZAP_ANON))
				continue;
			if (next - va == HUGE_SIZE) {
				pte_t e = *e2;

				*e2 = 0;
				batch_add(&b, va, HUGE_SIZE, e);
				continue;
			}
			split_for_zap(e2, va, next);
		}
		table = pt_table(*e2);
		for (uintptr_t a = va; a < next; a += PAGE_SIZE) {
			pte_t *p = &table[pt_index(a, 1)], e = *p;

			if (!e || !(what & (e & PTE_FILE ? ZAP_FILE : ZAP_ANON)))
				continue;
			*p = 0;
			batch_add(&b, a, PAGE_SIZE, e);
		}
		if (next - va == HUGE_SIZE && what == (ZAP_ANON | ZAP_FILE))
			batch_add_table(&b, va, e2);
	}
	batch_flush(&b, end);
}

void free_unused_tables(uintptr_t start, uintptr_t end)
{
	struct vma *below = vma_find_below(&mm_map_regions, start);
	struct vma *above = vma_find(&mm_map_regions, end);

	pt_free_tables(start, end, below ? below->end : 0, above ? above->start : USER_END);
}

int split_huge_at(uintptr_t addr)
{
	pte_t *e2 = pt_entry(addr, 2, false);
	paddr_t table;

	if (!(addr & (HUGE_SIZE - 1)) || !e2 || !(*e2 & PTE_HUGE))
		return 0;
	table = page_alloc(0);
	if (table == PADDR_NONE)
		return -ENOMEM;
	page_split(*e2 & PTE_ADDR & ~(HUGE_SIZE - 1), HUGE_ORDER);
	pt_split_huge(e2, table);
	return 0;
}

void protect_range(const struct vma *v, uintptr_t start, uintptr_t end)
{
	uint64_t bits = vma_pte_bits(v);
	uintptr_t va = start, next;
	bool changed = false;
	pte_t *e2;

	for (; (e2 = pt_next_entry2(&va, end)); va = next) {
		pte_t *table;

		next = (va | (HUGE_SIZE - 1)) + 1;
		if (next > end)
			next = end;
		if (*e2 & PTE_HUGE) {
			assert(next - va == HUGE_SIZE);
			*e2 = pte_with_rights(*e2, bits);
			changed = true;
			continue;
		}
		table = pt_table(*e2);
		for (uintptr_t a = va; a < next; a += PAGE_SIZE) {
			pte_t *p = &table[pt_index(a, 1)];

			if (*p) {
				*p = pte_with_rights(*p, bits);
				changed = true;
			}
		}
	}
	if (changed)
		tlb_flush_range(start, end);
}

/* True if the entry at va can be moved whole as a huge page. */
static bool moves_huge(pte_t e2, uintptr_t va, uintptr_t next, uintptr_t delta)
{
	return (e2 & PTE_HUGE) && next - va == HUGE_SIZE && !(delta & (HUGE_SIZE - 1));
}

int move_range(uintptr_t from, uintptr_t to, size_t len)
{
	uintptr_t delta = to - from, end = from + len, va, next;
	pte_t *e2;

	/* First everything that can fail. */
	for (va = from; (e2 = pt_next_entry2(&va, end)); va = next) {
		uintptr_t last;

		next = (va | (HUGE_SIZE - 1)) + 1;
		if (next > end)
			next = end;
		if (moves_huge(*e2, va, next, delta)) {
			if (!pt_entry(va + delta, 2, true))
				return -ENOMEM;
			continue;
		}
		if (*e2 & PTE_HUGE) {
			paddr_t table = page_alloc(0);

			if (table == PADDR_NONE)
				return -ENOMEM;
			page_split(*e2 & PTE_ADDR & ~(HUGE_SIZE - 1), HUGE_ORDER);
			pt_split_huge(e2, table);
		}
		last = next - PAGE_SIZE;
		if (!pt_entry(va + delta, 1, true) || !pt_entry(last + delta, 1, true))
			return -ENOMEM;
	}
	for (va = from; (e2 = pt_next_entry2(&va, end)); va = next) {
		pte_t *table;

		next = (va | (HUGE_SIZE - 1)) + 1;
		if (next > end)
			next = end;
		if (moves_huge(*e2, va, next, delta)) {
			*pt_entry(va + delta, 2, false) = *e2;
			*e2 = 0;
			continue;
		}
		table = pt_table(*e2);
		for (uintptr_t a = va; a < next; a += PAGE_SIZE) {
			pte_t *p = &table[pt_index(a, 1)];

			if (*p) {
				*pt_entry(a + delta, 1, false) = *p;
				*p = 0;
			}
		}
	}
	tlb_flush_range(from, end);
	return 0;
}

static bool page_is_zero(paddr_t p)
{
	const uint64_t *w = phys_to_virt(p);

	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		if (w[i])
			return false;
	return true;
}

/* How many pages of one level-2 entry hold only zeroes. */
static size_t count_zero(paddr_t huge)
{
	size_t n = 0;

	for (size_t i = 0; i < 512; i++)
		n += page_is_zero(huge + i * PAGE_SIZE);
	return n;
}

/* The zero pages below one level-2 entry of anonymous memory. */
static size_t reclaim_entry2(pte_t *e2, uintptr_t base, uintptr_t start, uintptr_t end)
{
	pte_t *table;
	size_t freed = 0;

	if (*e2 & PTE_HUGE) {
		paddr_t huge = *e2 & PTE_ADDR & ~(HUGE_SIZE - 1), first = huge;

		/* The table takes one page; splitting must win more. */
		if (count_zero(huge) < 2)
			return 0;
		while (!page_is_zero(first))
			first += PAGE_SIZE;
		split_for_zap(e2, base + (first - huge), base + HUGE_SIZE);
	}
	table = pt_table(*e2);
	for (uintptr_t a = start; a < end; a += PAGE_SIZE) {
		pte_t *p = &table[pt_index(a, 1)], e = *p;

		if (!e || (e & PTE_FILE) || !page_is_zero(e & PTE_ADDR))
			continue;
		*p = 0;
		tlb_flush_range(a, a + PAGE_SIZE);
		/* Another CPU may have written it until now. */
		if (!page_is_zero(e & PTE_ADDR)) {
			*p = e;
			continue;
		}
		page_free(e & PTE_ADDR, 0);
		mm_resident--;
		freed++;
	}
	return freed;
}

size_t reclaim_zero_pages(void)
{
	size_t before = page_available();

	for (struct vma *v = vma_find(&mm_map_regions, 0); v; v = vma_next(&mm_map_regions, v)) {
		uintptr_t va = v->start, next;
		pte_t *e2;

		if (v->file || (v->flags & (VMA_IMAGE | VMA_LOCKED)))
			continue;
		for (; (e2 = pt_next_entry2(&va, v->end)); va = next) {
			next = (va | (HUGE_SIZE - 1)) + 1;
			if (next > v->end)
				next = v->end;
			reclaim_entry2(e2, va & ~(HUGE_SIZE - 1), va, next);
		}
	}
	return page_available() - before;
}
