/*
 * What the files of the address space share. Everything here is guarded by mm_lock, which is taken
 * before page_lock and the heap's and vfs's inner locks, and under which nothing may touch the
 * program's memory.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/spinlock.h"
#include "mm/mm.h"
#include "mm/pagetable.h"
#include "mm/uaccess.h"
#include "mm/vma.h"

#define MMAP_MIN  0x10000ul	       /* vm.mmap_min_addr of Linux */
#define MMAP_TOP  0x00007ffff7fff000ul /* where mappings without a wish are put, downwards */
#define STACK_GAP (256 * PAGE_SIZE)    /* kept free below a growing stack, as Linux does */

extern spinlock_t mm_lock;
extern struct vma_map mm_map_regions;
extern size_t mm_resident; /* pages of the program in RAM, the image excluded */
extern size_t mm_peak_resident;
extern uint64_t mm_minor_faults;
extern uint32_t mm_default_flags; /* VMA_ flags of new regions: mlockall(MCL_FUTURE) */
extern uintptr_t mm_brk_start, mm_brk;

/* --- fault.c: bringing pages in --- */

/* Resolves an access to addr, which lies in v and is allowed by v->prot: 0, -ENOMEM, -ERANGE (past
 * the end of the file). dense: the neighbourhood will be used as well. */
int fault_in(struct vma *v, uintptr_t addr, bool write, bool dense);
/* Brings all pages of [start, end) in. prot: the access to simulate, 0: what each region allows
 * (PROT_NONE regions are skipped). 0, or what stopped it: -ENOMEM (no memory, or a hole between
 * regions), -ERANGE (past the end of a file), -EFAULT (no right). */
int populate(uintptr_t start, uintptr_t end, uint32_t prot);
/* Replaces the 4 KiB pages at the 2 MiB boundary base by a huge one: 0, -ENOMEM, -EINVAL (the
 * region does not allow it). */
int collapse(struct vma *v, uintptr_t base);
/* The PTE bits that a page of v has. */
uint64_t vma_pte_bits(const struct vma *v);
/* The entry e, of any size, with the rights out of such bits. */
pte_t pte_with_rights(pte_t e, uint64_t bits);
/* mm_unmap_file_range with mm_lock held; only_readable: spares pages that the file gave for
 * writing. */
void unmap_file_locked(const void *key, uint64_t first, uint64_t last, unsigned what,
		       bool only_readable);

/* --- zap.c: taking pages away --- */

#define ZAP_ANON 1u /* private pages are freed */
#define ZAP_FILE 2u /* translations of file pages are dropped */
/* Removes what is mapped in [start, end). Never fails. Page tables stay. */
void zap_range(uintptr_t start, uintptr_t end, unsigned what);
/* Frees the page tables of [start, end) that no region needs any more. */
void free_unused_tables(uintptr_t start, uintptr_t end);
/* If a huge page crosses addr, splits it: 0 or -ENOMEM. */
int split_huge_at(uintptr_t addr);
/* Sets the rights of all pages of v in [start, end); huge pages do not cross the ends. */
void protect_range(const struct vma *v, uintptr_t start, uintptr_t end);
/* Moves the pages of [from, from + len) to `to`, where nothing is. 0, or -ENOMEM with nothing
 * moved. */
int move_range(uintptr_t from, uintptr_t to, size_t len);
/* Frees pages of anonymous memory that hold only zeroes. Returns how many. */
size_t reclaim_zero_pages(void);

/* --- mm.c --- */

/* Unmaps [start, end), page aligned: 0, -ENOMEM, -EPERM (the image). */
int unmap_locked(uintptr_t start, uintptr_t end);
/* Makes start and end boundaries, of regions and of pages: no huge page may cross the end of a
 * region. 0 or -ENOMEM, the regions unchanged. */
int isolate(uintptr_t start, uintptr_t end);
/* True if a new writable private region of this size can never be backed (Linux's heuristic
 * overcommit). */
bool overcommits(size_t bytes);
/* True if RLIMIT_AS or (private and writable: data) RLIMIT_DATA forbids so many more bytes. */
bool over_limits(size_t bytes, bool data);
/* mlock(2) of so many more bytes: 0, -ENOMEM (RLIMIT_MEMLOCK), -EPERM (no right to lock any). */
int lock_allowed(size_t bytes);
/* A place for len bytes, or -ENOMEM. */
long find_place(uintptr_t hint, size_t len, bool low);
