/* mm/pagetable.h */
#include "mm/pagetable.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "mm/tlb.h"

paddr_t pt_root;
size_t pt_pages;

/* The bits of an entry that points at a table: the rights are those of the last level. */
#define TABLE_BITS (PTE_P | PTE_W | PTE_A)

/* Beyond so many pages it is cheaper to flush everything than page by page. */
#define FLUSH_PAGES 64

static bool use_gib_pages;

void pt_use_gib_pages(bool yes)
{
	use_gib_pages = yes;
}

void tlb_flush_range(uintptr_t start, uintptr_t end)
{
	if (end - start > FLUSH_PAGES * PAGE_SIZE) {
		tlb_flush_all();
		return;
	}
	for (uintptr_t va = start; va < end; va += PAGE_SIZE)
		tlb_flush_page(va);
}

static inline bool is_table(pte_t e)
{
	return (e & (PTE_P | PTE_HUGE)) == PTE_P;
}

pte_t *pt_entry(uintptr_t va, unsigned level, bool create)
{
	pte_t *table = phys_to_virt(pt_root);

	for (unsigned l = 4; l > level; l--) {
		pte_t *e = &table[pt_index(va, l)];

		if (!*e) {
			paddr_t p = create ? page_alloc_zero(0) : PADDR_NONE;

			if (p == PADDR_NONE)
				return NULL;
			pt_pages++;
			*e = p | TABLE_BITS;
		} else if (!is_table(*e)) {
			return NULL;
		}
		table = pt_table(*e);
	}
	return &table[pt_index(va, level)];
}

pte_t *pt_next_entry2(uintptr_t *va, uintptr_t end)
{
	uintptr_t a = *va;

	while (a < end) {
		pte_t *table = phys_to_virt(pt_root);
		unsigned l;

		for (l = 4; l > 2; l--) {
			pte_t e = table[pt_index(a, l)];

			if (!is_table(e))
				break;
			table = pt_table(e);
		}
		if (l == 2) { /* look through the rest of this directory */
			for (size_t i = pt_index(a, 2); i < 512; i++) {
				if (table[i]) {
					*va = a;
					return &table[i];
				}
				a = (a | (HUGE_SIZE - 1)) + 1;
				if (a >= end)
					return NULL;
			}
		} else { /* skip what the missing table would cover */
			uintptr_t span = PAGE_SIZE << (9 * (l - 1));

			a = (a | (span - 1)) + 1;
			if (!a)
				return NULL;
		}
	}
	return NULL;
}

int pt_map(uintptr_t va, paddr_t pa, size_t len, uint64_t flags)
{
	while (len) {
		size_t size = PAGE_SIZE;
		unsigned level = 1;
		pte_t *e;

		if (use_gib_pages && ((va | pa) & ((1ul << 30) - 1)) == 0 && len >= 1ul << 30) {
			level = 3;
			size = 1ul << 30;
		} else if (((va | pa) & (HUGE_SIZE - 1)) == 0 && len >= HUGE_SIZE) {
			level = 2;
			size = HUGE_SIZE;
		}
		e = pt_entry(va, level, true);
		if (!e)
			return -ENOMEM;
		assert(!*e);
		*e = pa | flags | PTE_A | PTE_D | (level > 1 ? PTE_HUGE : 0);
		va += size;
		pa += size;
		len -= size;
	}
	return 0;
}

void pt_unmap_pages(uintptr_t va, size_t len)
{
	for (uintptr_t a = va; a < va + len; a += PAGE_SIZE) {
		pte_t *e2 = pt_entry(a, 2, false), *e;

		if (e2 && (*e2 & PTE_HUGE)) {
			paddr_t table = page_alloc(0);

			if (table == PADDR_NONE)
				panic("no memory to split a kernel page");
			pt_split_huge(e2, table);
		}
		e = pt_entry(a, 1, false);
		if (e)
			*e = 0;
		tlb_flush_page(a); /* flushing everything would spare global pages */
	}
}

paddr_t pt_translate(uintptr_t va)
{
	pte_t *e;

	for (unsigned level = 1; level <= 3; level++) {
		size_t span = PAGE_SIZE << (9 * (level - 1));

		e = pt_entry(va, level, false);
		if (!e)
			continue;
		if (!(*e & PTE_P))
			return PADDR_NONE;
		return (*e & PTE_ADDR & ~(span - 1)) + (va & (span - 1));
	}
	return PADDR_NONE;
}

void pt_split_huge(pte_t *entry, paddr_t table)
{
	pte_t *t = phys_to_virt(table);
	pte_t e = *entry & ~PTE_HUGE;

	for (size_t i = 0; i < 512; i++)
		t[i] = e + (i << PAGE_SHIFT);
	*entry = table | TABLE_BITS;
	pt_pages++;
}

static void free_below(pte_t *table, unsigned level, uintptr_t base, uintptr_t start, uintptr_t end,
		       uintptr_t floor, uintptr_t ceiling)
{
	uintptr_t span = PAGE_SIZE << (9 * (level - 1));

	for (size_t i = 0; i < 512; i++) {
		uintptr_t lo = base + i * span, hi = lo + span;
		pte_t e;

		if (hi <= start)
			continue;
		if (lo >= end)
			break;
		e = table[i];
		if (!is_table(e))
			continue;
		if (level > 2)
			free_below(pt_table(e), level - 1, lo, start, end, floor, ceiling);
		if (lo >= floor && hi <= ceiling) {
			table[i] = 0;
			pt_pages--;
			page_free(e & PTE_ADDR, 0);
		}
	}
}

void pt_free_tables(uintptr_t start, uintptr_t end, uintptr_t floor, uintptr_t ceiling)
{
	free_below(phys_to_virt(pt_root), 4, 0, start, end, floor, ceiling);
}
