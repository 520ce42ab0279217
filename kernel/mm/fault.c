/*
 * Demand paging.
 *
 * Anonymous memory comes as zeroed pages at the first touch. When is that a page of 4 KiB and when
 * one of 2 MiB? A huge page costs one fault for 512 and less translation, but zeroing one takes as
 * long as a small program's whole start, and a sparsely used region (Go maps tables of 32 MiB to
 * use a few words) would multiply its memory. So density is shown first: a 2 MiB piece starts with
 * small pages and is collapsed into a huge one when a quarter of it is used; a piece next to a huge
 * page, or one that the program asks for (MADV_HUGEPAGE, MAP_POPULATE), is huge from the first
 * touch on. A machine short of free memory gets small pages only, and when there is none left,
 * small pages that hold only zeroes are taken back out of huge ones (reclaim_zero_pages).
 */
#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include "lib/string.h"
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/oom.h"
#include "sys/rlimit.h"

/* Free pages that a huge page must leave: 8 MiB, on larger machines a sixteenth of RAM. */
#define HUGE_RESERVE (2048ul)
/* Small pages in use that make a 2 MiB piece worth a huge page; looked at every 32nd page. With
 * more than the maximum too few faults are left to save for what the copying costs. */
#define COLLAPSE_USED  128
#define COLLAPSE_MAX   320
#define COLLAPSE_CHECK 32
/* Less than this from a scan of all memory, and memory is out. */
#define RECLAIM_WORTH 16

uint64_t mm_minor_faults;

uint64_t vma_pte_bits(const struct vma *v)
{
	uint64_t bits = PTE_A | PTE_D;

	if (v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
		bits |= PTE_P;
	if (v->prot & PROT_WRITE)
		bits |= PTE_W;
	if (!(v->prot & PROT_EXEC))
		bits |= PTE_NX;
	return bits;
}

pte_t pte_with_rights(pte_t e, uint64_t bits)
{
	e = (e & ~(PTE_P | PTE_W | PTE_NX)) | (bits & (PTE_P | PTE_W | PTE_NX));
	if ((e & PTE_FILE) && !(e & PTE_FILEW))
		e &= ~PTE_W;
	return e;
}

static void count_resident(size_t pages)
{
	mm_resident += pages;
	if (mm_resident > mm_peak_resident)
		mm_peak_resident = mm_resident;
}

static bool huge_affordable(void)
{
	size_t reserve = page_total() / 16;

	if (reserve < HUGE_RESERVE)
		reserve = HUGE_RESERVE;
	return page_available() >= reserve + (1ul << HUGE_ORDER);
}

static bool huge_allowed(const struct vma *v, uintptr_t base)
{
	return !v->file && !(v->flags & (VMA_NOHUGE | VMA_IMAGE)) && base >= v->start &&
	       v->end - base >= HUGE_SIZE;
}

static bool is_huge(const struct vma *v, uintptr_t base)
{
	pte_t *e2;

	if (base < v->start || base >= v->end)
		return false;
	e2 = pt_entry(base, 2, false);
	return e2 && (*e2 & PTE_HUGE);
}

static bool wants_huge(const struct vma *v, uintptr_t base, bool dense)
{
	return huge_allowed(v, base) && huge_affordable() &&
	       (dense || (v->flags & VMA_HUGE) || is_huge(v, base - HUGE_SIZE) ||
		is_huge(v, base + HUGE_SIZE));
}

int collapse(struct vma *v, uintptr_t base)
{
	pte_t *e2 = pt_entry(base, 2, true), *table;
	size_t resident = 0;
	paddr_t huge;

	if (!huge_allowed(v, base))
		return -EINVAL;
	if (!e2)
		return -ENOMEM;
	if (*e2 & PTE_HUGE)
		return 0;
	huge = page_alloc(HUGE_ORDER);
	if (huge == PADDR_NONE)
		return -ENOMEM;
	table = *e2 ? pt_table(*e2) : NULL;
	if (!table)
		zero_pages(phys_to_virt(huge), HUGE_SIZE);
	else
		pt_pages--;
	for (size_t i = 0; table && i < 512; i++) {
		void *to = phys_to_virt(huge + (i << PAGE_SHIFT));
		pte_t e = table[i];

		if (!e) {
			zero_pages(to, PAGE_SIZE);
			continue;
		}
		/* No writes from elsewhere while copying. */
		table[i] = 0;
		if (e & PTE_P)
			tlb_flush_range(base + (i << PAGE_SHIFT), base + ((i + 1) << PAGE_SHIFT));
		memcpy(to, phys_to_virt(e & PTE_ADDR), PAGE_SIZE);
		page_free(e & PTE_ADDR, 0);
		resident++;
	}
	*e2 = huge | vma_pte_bits(v) | PTE_HUGE;
	tlb_flush_range(base, base + PAGE_SIZE);
	if (table)
		page_free(virt_to_phys(table), 0);
	count_resident(512 - resident);
	return 0;
}

static void collapse_if_used(struct vma *v, uintptr_t base, const pte_t *table)
{
	unsigned used = 0;

	if (!huge_allowed(v, base) || !huge_affordable())
		return;
	for (size_t i = 0; i < 512; i++)
		used += table[i] != 0;
	if (used >= COLLAPSE_USED && used <= COLLAPSE_MAX)
		collapse(v, base);
}

/* Gives entry p, of va, new contents; flush where it had some. */
static void set_entry(pte_t *p, uintptr_t va, pte_t e)
{
	pte_t old = *p;

	*p = e;
	if (old & PTE_P)
		tlb_flush_range(va, va + PAGE_SIZE);
}

static int fault_shared_file(struct vma *v, uintptr_t va, uint64_t pgoff, pte_t *p, bool write)
{
	uint64_t bits = vma_pte_bits(v) | PTE_FILE;
	paddr_t page;
	int err;

	if (*p && (!write || (*p & PTE_FILEW))) {
		set_entry(p, va, pte_with_rights(*p, bits));
		return 0;
	}
	err = file_map_page(v->file, pgoff, write, &page);
	if (err)
		return err;
	if (write) /* others may still look at what stood in for a hole */
		unmap_file_locked(file_map_key(v->file), pgoff, pgoff, ZAP_FILE, true);
	set_entry(p, va,
		  pte_with_rights(page | PTE_FILE | PTE_A | PTE_D | (write ? PTE_FILEW : 0), bits));
	return 0;
}

static int fault_private_file(struct vma *v, uintptr_t va, uint64_t pgoff, pte_t *p, bool write)
{
	uint64_t bits = vma_pte_bits(v);
	paddr_t page, copy;
	int err;

	if (*p && (!write || !(*p & PTE_FILE))) {
		set_entry(p, va, pte_with_rights(*p, bits));
		return 0;
	}
	err = file_map_page(v->file, pgoff, false, &page);
	if (err)
		return err;
	if (!write) {
		set_entry(p, va, pte_with_rights(page | PTE_FILE | PTE_A | PTE_D, bits));
		return 0;
	}
	copy = page_alloc(0);
	if (copy == PADDR_NONE)
		return -ENOMEM;
	memcpy(phys_to_virt(copy), phys_to_virt(page), PAGE_SIZE);
	set_entry(p, va, copy | bits);
	count_resident(1);
	return 0;
}

static int fault_once(struct vma *v, uintptr_t addr, bool write, bool dense)
{
	uintptr_t va = page_align_down(addr), base = addr & ~(HUGE_SIZE - 1);
	pte_t *e2 = pt_entry(va, 2, true), *p;
	paddr_t page;

	if (!e2)
		return -ENOMEM;
	if (*e2 & PTE_HUGE) { /* the translation was out of date */
		*e2 = pte_with_rights(*e2, vma_pte_bits(v));
		tlb_flush_range(va, va + PAGE_SIZE);
		return 0;
	}
	if (!*e2 && wants_huge(v, base, dense)) {
		page = page_alloc_zero(HUGE_ORDER);
		if (page != PADDR_NONE) {
			*e2 = page | vma_pte_bits(v) | PTE_HUGE;
			count_resident(1ul << HUGE_ORDER);
			return 0;
		}
	}
	p = pt_entry(va, 1, true);
	if (!p)
		return -ENOMEM;
	if (v->file) {
		uint64_t pgoff = v->pgoff + ((va - v->start) >> PAGE_SHIFT);

		return v->flags & VMA_SHARED ? fault_shared_file(v, va, pgoff, p, write)
					     : fault_private_file(v, va, pgoff, p, write);
	}
	if (*p) {
		set_entry(p, va, pte_with_rights(*p, vma_pte_bits(v)));
		return 0;
	}
	page = page_alloc_zero(0);
	if (page == PADDR_NONE)
		return -ENOMEM;
	*p = page | vma_pte_bits(v);
	count_resident(1);
	if (pt_index(va, 1) % COLLAPSE_CHECK == COLLAPSE_CHECK - 1)
		collapse_if_used(v, base, pt_table(*e2));
	return 0;
}

int fault_in(struct vma *v, uintptr_t addr, bool write, bool dense)
{
	int err = fault_once(v, addr, write, dense);

	if (err == -ENOMEM && reclaim_zero_pages() >= RECLAIM_WORTH)
		err = fault_once(v, addr, write, dense);
	return err;
}

/* True if va is mapped so that this access does not fault. */
static bool is_in(uintptr_t va, bool write, uintptr_t *next)
{
	pte_t *e2 = pt_entry(va, 2, false), e;

	*next = va + PAGE_SIZE;
	if (!e2 || !*e2)
		return false;
	if (*e2 & PTE_HUGE) {
		*next = (va | (HUGE_SIZE - 1)) + 1;
		return true;
	}
	e = pt_table(*e2)[pt_index(va, 1)];
	return e && (!write || (e & PTE_W) || !(e & PTE_FILE));
}

int populate(uintptr_t start, uintptr_t end, uint32_t prot)
{
	for (uintptr_t va = start, next; va < end; va = next) {
		struct vma *v = vma_find(&mm_map_regions, va);
		bool write;
		int err;

		if (!v || v->start > va)
			return -ENOMEM;
		if ((v->flags & VMA_IMAGE) || (!prot && !v->prot)) {
			if (prot & ~v->prot)
				return -EFAULT;
			next = v->end;
			continue;
		}
		if (prot & ~v->prot)
			return -EFAULT;
		write = prot ? (prot & PROT_WRITE) != 0
			     : (v->prot & PROT_WRITE) && !(v->flags & VMA_SHARED);
		if (is_in(va, write, &next))
			continue;
		err = fault_in(v, va, write, v->end - va >= HUGE_SIZE);
		if (err)
			return err;
	}
	return 0;
}

/* A region that grows down and ends its gap at addr: extends it. NULL if there is none, or its size
 * or the room below do not allow it. v: the first region above addr. */
static struct vma *grow_stack(struct vma *v, uintptr_t addr)
{
	struct vma *below = vma_find_below(&mm_map_regions, addr);
	uintptr_t start = page_align_down(addr);

	if (!v || !(v->flags & VMA_GROWSDOWN) || start < MMAP_MIN ||
	    v->end - start > rlimit_get(RLIMIT_STACK) || over_limits(v->start - start, false))
		return NULL;
	if (below && below->prot && start - below->end < STACK_GAP)
		return NULL;
	vma_resize(&mm_map_regions, v, start, v->end);
	return v;
}

enum fault_result mm_fault(uintptr_t addr, unsigned flags)
{
	enum fault_result result = FAULT_OK;
	uint32_t need = PROT_READ | PROT_WRITE | PROT_EXEC; /* x86: any right lets read */
	struct vma *v;
	int err;

	if (addr < PAGE_SIZE || addr >= USER_END)
		return FAULT_MAPERR;
	if (flags & FAULT_WRITE)
		need = PROT_WRITE;
	else if (flags & FAULT_EXEC)
		need = PROT_EXEC;
	spin_lock(&mm_lock);
	v = vma_find(&mm_map_regions, addr);
	if (!v || v->start > addr)
		v = grow_stack(v, addr);
	if (!v) {
		result = FAULT_MAPERR;
	} else if (!(v->prot & need) || (v->flags & VMA_IMAGE)) {
		result = FAULT_ACCERR;
	} else {
		mm_minor_faults++;
		err = fault_in(v, addr, (flags & FAULT_WRITE) != 0, false);
		if (err == -ENOMEM)
			oom_end("a page of the program", PAGE_SIZE);
		if (err)
			result = FAULT_BUS;
	}
	spin_unlock(&mm_lock);
	return result;
}
