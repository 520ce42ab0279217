/*
 * The page tables (Intel SDM volume 3 chapter 4, four levels) of the one address space.
 *
 * Locks: the program's half is guarded by the address-space lock (mm/internal.h), the kernel's half
 * by vmap's. Tables are ordinary pages of mm/page.h.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mm/page.h"

typedef uint64_t pte_t;

#define PTE_P	  (1ul << 0)
#define PTE_W	  (1ul << 1)
#define PTE_PWT	  (1ul << 3)
#define PTE_PCD	  (1ul << 4)
#define PTE_A	  (1ul << 5)
#define PTE_D	  (1ul << 6)
#define PTE_HUGE  (1ul << 7)
#define PTE_G	  (1ul << 8)
#define PTE_FILE  (1ul << 9)  /* ours: the page belongs to a file, not to the mapping */
#define PTE_FILEW (1ul << 10) /* ours: the file gave this page for writing */
#define PTE_NX	  (1ul << 63)
#define PTE_ADDR  0x000ffffffffff000ul

/*
 * An entry of the program's half is 0 (nothing there), or has an address; without PTE_P it is a
 * resident page of a PROT_NONE region. Tables are always present.
 */

/* The top table. */
extern paddr_t pt_root;

/* The entry for va in the table of a level (1: 4 KiB pages, 2: 2 MiB, 3: 1 GiB). NULL if a table on
 * the way is missing (create: memory is out) or a larger page is in the way. */
pte_t *pt_entry(uintptr_t va, unsigned level, bool create);
/* The first non-empty level-2 entry for an address in [*va, end); *va becomes the first such
 * address. NULL if there is none. */
pte_t *pt_next_entry2(uintptr_t *va, uintptr_t end);
/* The table that a level-2 entry points at. */
static inline pte_t *pt_table(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR);
}
static inline size_t pt_index(uintptr_t va, unsigned level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
}

/* Maps len bytes of va to pa with the largest pages that fit. flags: PTE bits. All or -ENOMEM with
 * a part mapped. Nothing may be mapped there before. Kernel half and boot only. */
int pt_map(uintptr_t va, paddr_t pa, size_t len, uint64_t flags);
/* Removes 4 KiB pages from the kernel's half or the image, without freeing anything. */
void pt_unmap_pages(uintptr_t va, size_t len);
/* Whether pt_map may use pages of 1 GiB (CPUID says). */
void pt_use_gib_pages(bool yes);
/* The physical address behind va, PADDR_NONE if nothing is mapped. */
paddr_t pt_translate(uintptr_t va);

/* Replaces a huge page's entry by a table of 512 entries with the same rights. table: a page for
 * it. */
void pt_split_huge(pte_t *entry, paddr_t table);

/* Frees the empty tables between floor and ceiling, where no region is, that lie in tables used by
 * [start, end). Call after the TLB has been flushed. */
void pt_free_tables(uintptr_t start, uintptr_t end, uintptr_t floor, uintptr_t ceiling);

/* Pages that hold tables. */
extern size_t pt_pages;

/* Makes every CPU forget its translations of [start, end). */
void tlb_flush_range(uintptr_t start, uintptr_t end);
