/* mremap(2): grow, shrink, move. */
#include <asm/errno.h>
#include <linux/mman.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/sys_mm.h"
#include "vfs/file.h"

struct remap {
	uintptr_t addr;
	size_t old_len, new_len;
	int flags;
	uintptr_t new_addr;
};

/* The region that holds all of the old range, or NULL. */
static struct vma *old_region(const struct remap *r, int *err)
{
	struct vma *v = vma_find(&mm_map_regions, r->addr);

	*err = -EFAULT;
	if (!v || v->start > r->addr || v->end - r->addr < r->old_len)
		return NULL;
	if (v->flags & VMA_IMAGE) {
		*err = -EINVAL;
		return NULL;
	}
	/* Private memory has no second life elsewhere; that old_len 0 duplicates a shared mapping
	 * is not supported. */
	if (!r->old_len) {
		*err = -EINVAL;
		return NULL;
	}
	return v;
}

static long remap_move(const struct remap *r, uintptr_t to)
{
	struct vma *v;
	uintptr_t end = r->addr + r->old_len;
	size_t moved = r->old_len < r->new_len ? r->old_len : r->new_len;
	struct file *file;
	uint32_t prot, flags;
	uint64_t pgoff;
	int err;

	/* The old range becomes a region of its own, so nothing below has to split. */
	err = isolate(r->addr, end);
	if (err)
		return err;
	v = vma_find(&mm_map_regions, r->addr);
	prot = v->prot;
	flags = v->flags;
	file = v->file ? file_get(v->file) : NULL;
	pgoff = v->pgoff;
	err = vma_add(&mm_map_regions, to, to + r->new_len, prot, flags, file, pgoff);
	if (!err) {
		err = move_range(r->addr, to, moved);
		if (err) {
			/* Give the new place back: removing the end of what may have been merged
			 * can need memory, and then it stays mapped, empty. */
			if (!vma_remove(&mm_map_regions, to, to + r->new_len))
				free_unused_tables(to, to + r->new_len);
		} else if (!(r->flags & MREMAP_DONTUNMAP)) {
			err = unmap_locked(r->addr, end);
		}
	}
	if (file)
		file_put(file);
	if (err)
		return err;
	if ((flags & VMA_LOCKED) && !(flags & VMA_LOCKONFAULT))
		populate(to, to + r->new_len, 0);
	return (long)to;
}

static long remap_locked(struct remap *r)
{
	uintptr_t end;
	struct vma *v;
	long place;
	int err;

	if (r->flags & MREMAP_FIXED) {
		if ((r->new_addr & (PAGE_SIZE - 1)) || r->new_len > USER_END - PAGE_SIZE ||
		    r->new_addr > USER_END - PAGE_SIZE - r->new_len)
			return -EINVAL;
		if (r->addr < r->new_addr + r->new_len && r->new_addr < r->addr + r->old_len)
			return -EINVAL;
		if (r->new_addr < MMAP_MIN)
			return -EPERM;
	}
	v = old_region(r, &err);
	if (!v)
		return err;
	if ((r->flags & MREMAP_DONTUNMAP) && (v->flags & VMA_SHARED) && !v->file)
		return -EINVAL;
	if (r->new_len > r->old_len && !v->file && (v->prot & PROT_WRITE) &&
	    overcommits(r->new_len - r->old_len))
		return -ENOMEM;
	if (r->new_len > r->old_len &&
	    over_limits(r->new_len - r->old_len,
			(v->prot & PROT_WRITE) && !(v->flags & VMA_SHARED)))
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		err = unmap_locked(r->new_addr, r->new_addr + r->new_len);
		return err ? err : remap_move(r, r->new_addr);
	}
	if (r->flags & MREMAP_DONTUNMAP) {
		place = find_place(r->new_addr, r->new_len, false);
		return place < 0 ? place : remap_move(r, (uintptr_t)place);
	}
	end = r->addr + r->old_len;
	if (r->new_len == r->old_len)
		return (long)r->addr;
	if (r->new_len < r->old_len) {
		err = unmap_locked(r->addr + r->new_len, end);
		return err ? err : (long)r->addr;
	}
	if (v->end == end && r->new_len <= USER_END - PAGE_SIZE - r->addr &&
	    vma_range_free(&mm_map_regions, end, r->addr + r->new_len)) {
		uint32_t flags = v->flags;

		err = vma_add(&mm_map_regions, end, r->addr + r->new_len, v->prot, flags, v->file,
			      v->file ? v->pgoff + ((end - v->start) >> PAGE_SHIFT) : 0);
		if (err)
			return err;
		if ((flags & VMA_LOCKED) && !(flags & VMA_LOCKONFAULT))
			populate(end, r->addr + r->new_len, 0);
		return (long)r->addr;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	place = find_place(0, r->new_len, false);
	return place < 0 ? place : remap_move(r, (uintptr_t)place);
}

long sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr)
{
	struct remap r = {addr, page_align_up(old_len), page_align_up(new_len), flags, new_addr};
	long result;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && r.old_len != r.new_len)
		return -EINVAL;
	if ((addr & (PAGE_SIZE - 1)) || !r.new_len)
		return -EINVAL;
	if (old_len > USER_END || new_len > USER_END)
		return new_len > USER_END ? -ENOMEM : -EFAULT;
	if (addr > USER_END - r.old_len)
		return -EFAULT;
	spin_lock(&mm_lock);
	result = remap_locked(&r);
	spin_unlock(&mm_lock);
	return result;
}
