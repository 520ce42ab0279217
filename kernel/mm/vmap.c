/*
 * mm/vmap.h. Addresses come from a region of their own in the kernel's half and are handed out
 * upwards; those of stacks are used again, those of devices are for ever. vmap_lock guards the
 * kernel's half of the page tables and everything here.
 */
#include "mm/vmap.h"
#include "lib/list.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "mm/kmalloc.h"
#include "mm/pagetable.h"

#define VMAP_START 0xffffc00000000000ul
#define VMAP_END   0xffffe00000000000ul

/* Addresses of a freed stack, guards included. */
struct hole {
	struct list link;
	uintptr_t start;
	size_t size;
};

static spinlock_t vmap_lock = SPINLOCK_INIT;
static uintptr_t vmap_next = VMAP_START;
static struct list holes = LIST_INIT(holes);

/* vmap_lock is held. size includes the guards. 0: none left. */
static uintptr_t take_addresses(size_t size)
{
	uintptr_t start;

	list_for_each_entry (h, &holes, struct hole, link) {
		if (h->size != size)
			continue;
		start = h->start;
		list_remove(&h->link);
		kfree(h);
		return start;
	}
	if (VMAP_END - vmap_next < size)
		return 0;
	start = vmap_next;
	vmap_next += size;
	return start;
}

/* vmap_lock is held. Without memory for the note the addresses are lost: there are 2^45 of them. */
static void give_addresses(uintptr_t start, size_t size)
{
	struct hole *h = kmalloc(sizeof(*h));

	if (!h)
		return;
	h->start = start;
	h->size = size;
	list_add_head(&holes, &h->link);
}

/* vmap_lock is held. Unmaps and frees the pages of [start, end). */
static void release_pages(uintptr_t start, uintptr_t end)
{
	for (uintptr_t va = start; va < end; va += PAGE_SIZE) {
		pte_t *e = pt_entry(va, 1, false);
		paddr_t p = *e & PTE_ADDR;

		*e = 0;
		tlb_flush_range(va, va + PAGE_SIZE);
		page_free(p, 0);
	}
}

void *vmap_alloc_stack(size_t size)
{
	uintptr_t base, va;

	assert(size && size % PAGE_SIZE == 0);
	spin_lock(&vmap_lock);
	base = take_addresses(size + 2 * PAGE_SIZE);
	if (!base) {
		spin_unlock(&vmap_lock);
		return NULL;
	}
	base += PAGE_SIZE;
	for (va = base; va < base + size; va += PAGE_SIZE) {
		pte_t *e = pt_entry(va, 1, true);
		paddr_t p = e ? page_alloc_zero(0) : PADDR_NONE;

		if (p == PADDR_NONE) {
			release_pages(base, va);
			give_addresses(base - PAGE_SIZE, size + 2 * PAGE_SIZE);
			spin_unlock(&vmap_lock);
			return NULL;
		}
		*e = p | PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D | PTE_G;
	}
	spin_unlock(&vmap_lock);
	return (void *)base;
}

void vmap_free_stack(void *stack, size_t size)
{
	uintptr_t base = (uintptr_t)stack;

	spin_lock(&vmap_lock);
	release_pages(base, base + size);
	give_addresses(base - PAGE_SIZE, size + 2 * PAGE_SIZE);
	spin_unlock(&vmap_lock);
}

static void *map_physical(paddr_t phys, size_t size, uint64_t flags)
{
	size_t offset = phys & (PAGE_SIZE - 1), len = page_align_up(offset + size);
	uintptr_t base;

	if (!size)
		return NULL;
	spin_lock(&vmap_lock);
	base = take_addresses(len);
	if (base && pt_map(base, phys - offset, len, flags | PTE_P | PTE_NX | PTE_G))
		base = 0; /* the addresses stay unused */
	spin_unlock(&vmap_lock);
	return base ? (void *)(base + offset) : NULL;
}

volatile void *vmap_device(paddr_t phys, size_t size)
{
	return map_physical(phys, size, PTE_W | PTE_PCD | PTE_PWT);
}

const void *vmap_readonly(paddr_t phys, size_t size)
{
	return map_physical(phys, size, 0);
}

void *vmap_rw(paddr_t phys, size_t size)
{
	return map_physical(phys, size, PTE_W);
}
