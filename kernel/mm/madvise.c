/* madvise(2). Advice that only hints is accepted and changes nothing; advice with a visible effect
 * has it or fails. */
#include <asm/errno.h>
#include <linux/mman.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/sys_mm.h"

/* Newer than the headers of some systems. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static int collapse_range(struct vma *v, uintptr_t start, uintptr_t end)
{
	uintptr_t base = (start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
	int err = 0;

	if (v->file || (v->flags & (VMA_IMAGE | VMA_NOHUGE)))
		return -EINVAL;
	for (; base < end && end - base >= HUGE_SIZE; base += HUGE_SIZE) {
		int e = collapse(v, base);

		if (e)
			err = e == -ENOMEM ? -EAGAIN : e;
	}
	return err;
}

static int discard(struct vma *v, uintptr_t start, uintptr_t end, bool locked_too)
{
	if ((v->flags & VMA_IMAGE) || ((v->flags & VMA_LOCKED) && !locked_too))
		return -EINVAL;
	/* Shared anonymous memory keeps its contents: they belong to the object, and only the
	 * translations would go, to come back at the next touch. */
	if (v->flags & VMA_SHARED)
		zap_range(start, end, ZAP_FILE);
	else
		zap_range(start, end, ZAP_ANON | ZAP_FILE);
	return 0;
}

/* Sets and clears region flags of a part of v. */
static int change_flags(struct vma *v, uintptr_t start, uintptr_t end, uint32_t set, uint32_t clear)
{
	int err;

	if (v->flags & VMA_IMAGE)
		return -EINVAL;
	if ((v->flags & set) == set && !(v->flags & clear))
		return 0;
	err = isolate(start, end);
	if (err)
		return -EAGAIN;
	vma_change(&mm_map_regions, start, end, false, 0, set, clear);
	return 0;
}

/* One region, or the part of it that lies in the range. */
static int advise_region(struct vma *v, uintptr_t start, uintptr_t end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		return discard(v, start, end, false);
	case MADV_DONTNEED_LOCKED:
		return discard(v, start, end, true);
	case MADV_FREE: /* may be taken back at any time: taken now */
		if (v->file || (v->flags & VMA_SHARED))
			return -EINVAL;
		return discard(v, start, end, false);
	case MADV_REMOVE:
		if ((v->flags & (VMA_LOCKED | VMA_IMAGE)) || !(v->flags & VMA_SHARED))
			return -EINVAL;
		if (v->file)
			return -EOPNOTSUPP;
		zap_range(start, end, ZAP_ANON);
		return 0;
	case MADV_HUGEPAGE:
		return change_flags(v, start, end, VMA_HUGE, VMA_NOHUGE);
	case MADV_NOHUGEPAGE:
		return change_flags(v, start, end, VMA_NOHUGE, VMA_HUGE);
	case MADV_COLLAPSE:
		return collapse_range(v, start, end);
	case MADV_WIPEONFORK:
		return v->file || (v->flags & VMA_SHARED) ? -EINVAL : 0;
	default:
		return 0;
	}
}

static int known_advice(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	/* There is no fork and no core dump to treat these pages differently in. */
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_COLLAPSE:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return 0;
	case MADV_HWPOISON:
	case MADV_SOFT_OFFLINE:
		return -EPERM;
	default: /* among them MADV_MERGEABLE: as on a kernel without KSM */
		return -EINVAL;
	}
}

static int advise_range(uintptr_t start, uintptr_t end, int advice)
{
	int err = 0;

	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) {
		err = populate(start, end, advice == MADV_POPULATE_WRITE ? PROT_WRITE : PROT_READ);
		return err == -ERANGE ? -EFAULT : err == -EFAULT ? -EINVAL : err;
	}
	for (uintptr_t at = start; at < end;) {
		struct vma *v = vma_find(&mm_map_regions, at);
		uintptr_t stop;
		int e;

		if (!v || v->start >= end)
			return err ? err : -ENOMEM;
		if (v->start > at) {
			err = -ENOMEM; /* a hole: the rest is still done */
			at = v->start;
		}
		stop = v->end < end ? v->end : end;
		e = advise_region(v, at, stop, advice);
		if (e)
			return e;
		at = stop;
	}
	return err;
}

long sys_madvise(uintptr_t addr, size_t len, int advice)
{
	int err = known_advice(advice);

	if (err)
		return err;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > USER_END || addr > USER_END - page_align_up(len))
		return len > USER_END ? -EINVAL : -ENOMEM;
	spin_lock(&mm_lock);
	err = advise_range(addr, addr + page_align_up(len), advice);
	spin_unlock(&mm_lock);
	return err;
}
