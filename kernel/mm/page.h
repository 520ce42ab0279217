/*
 * Physical memory: a buddy allocator over pages of 4 KiB.
 *
 * Locks: one internal spin lock; callers hold whatever they like. Nothing here blocks. Failure is
 * PADDR_NONE: the caller turns it into ENOMEM or, where a page fault must be served, into the
 * out-of-memory end of the machine (mm/oom.h).
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

typedef uint64_t paddr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define HUGE_SHIFT 21
#define HUGE_SIZE  (1ul << HUGE_SHIFT)
#define HUGE_ORDER (HUGE_SHIFT - PAGE_SHIFT)
#define PADDR_NONE ((paddr_t)-1)

#define page_align_down(x) ((x) & ~(PAGE_SIZE - 1))
#define page_align_up(x)   (((x) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

/* All of RAM is mapped here, writable and not executable (image text excepted). */
#ifndef HOST_TEST
#define DIRECT_MAP 0xffff800000000000ul
static inline void *phys_to_virt(paddr_t p)
{
	return (void *)(p + DIRECT_MAP);
}
static inline paddr_t virt_to_phys(const void *v) /* v lies in the direct map */
{
	return (paddr_t)v - DIRECT_MAP;
}
#else
void *phys_to_virt(paddr_t p);
paddr_t virt_to_phys(const void *v);
#endif

/* Takes over the RAM of boot_info. Called once, before anything else here. */
void page_init(void);

/* 2^order pages, naturally aligned, contents undefined; order <= 10. Owned by the caller. */
paddr_t page_alloc(unsigned order);
/* As above, filled with zeroes. */
paddr_t page_alloc_zero(unsigned order);
/* Gives back exactly what page_alloc returned. */
void page_free(paddr_t p, unsigned order);
/* The order of an allocated block, p its first page. */
unsigned page_order(paddr_t p);
/* Turns a block of page_alloc into 2^order single pages that are freed one by one. */
void page_split(paddr_t p, unsigned order);
/* Gives a physical range inside RAM that was reserved at boot to the allocator: once, and only what
 * nobody uses. Bytes of pages that it covers in part are left alone. */
void page_add_range(paddr_t start, paddr_t end);
/* Takes over the RAM that the early page tables do not reach; called when the direct map stands. */
void page_init_high(void);

/*
 * Blocks that are out: the machine has given them back to the hypervisor (dev/xen/balloon.h), so
 * that nobody may touch them. They do not count as managed. order <= HUGE_ORDER.
 */
paddr_t page_take_out(unsigned order);	       /* a free block; never touched memory first */
void page_put_back(paddr_t p, unsigned order); /* the hypervisor has filled it again */
/* A block that is out, and its order. PADDR_NONE: there is none. */
paddr_t page_find_out(unsigned *order);
/* Makes two blocks of one that is out. */
void page_split_out(paddr_t p, unsigned order);
size_t page_out(void); /* pages that are out */
/* Asked when memory is out, whatever locks are held: true if there is some now. */
extern bool (*page_refill)(void);

size_t page_total(void);     /* pages managed */
size_t page_available(void); /* pages free now */
/* Free blocks of 2^order pages, those inside larger ones not counted; for messages. */
size_t page_free_blocks(unsigned order);
#define PAGE_MAX_ORDER 10

/* Zeroes n bytes (a multiple of 64) of directly mapped memory, fast. */
void zero_pages(void *p, size_t n);
