/* Which pages are in memory, and keeping them there: mincore(2), msync(2), mlock(2) and relatives.
 * Nothing is ever swapped out, so locking means bringing in. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/sys_mm.h"
#include "sys/capability.h"
#include "sys/rlimit.h"

/* Rounds [addr, addr + len) to pages: false if it wraps. */
static bool page_range(uintptr_t addr, size_t len, uintptr_t *start, uintptr_t *end)
{
	*start = page_align_down(addr);
	*end = page_align_up(addr + len);
	return addr + len >= addr && *end >= addr + len;
}

/* mincore's byte for one page of v. All of a file's data is in memory here. */
static unsigned char resident(const struct vma *v, uintptr_t va)
{
	pte_t *e2;

	if (v->file || (v->flags & VMA_IMAGE))
		return 1;
	e2 = pt_entry(va, 2, false);
	if (!e2 || !*e2)
		return 0;
	return (*e2 & PTE_HUGE) || pt_table(*e2)[pt_index(va, 1)];
}

long sys_mincore(uintptr_t addr, size_t len, uintptr_t vec)
{
	unsigned char bytes[256];
	uintptr_t end = addr + page_align_up(len);

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (len > USER_END || addr > USER_END - page_align_up(len))
		return -ENOMEM;
	if (len && !user_range_ok(vec, page_align_up(len) >> PAGE_SHIFT))
		return -EFAULT;
	while (addr < end) {
		size_t n = 0;

		spin_lock(&mm_lock);
		for (; n < sizeof(bytes) && addr < end; addr += PAGE_SIZE) {
			struct vma *v = vma_find(&mm_map_regions, addr);

			if (!v || v->start > addr) {
				spin_unlock(&mm_lock);
				return -ENOMEM;
			}
			bytes[n++] = resident(v, addr);
		}
		spin_unlock(&mm_lock);
		if (copy_to_user(vec, bytes, n))
			return -EFAULT;
		vec += n;
	}
	return 0;
}

/* The files of mappings are in memory already when they are written through a mapping. */
long sys_msync(uintptr_t addr, size_t len, int flags)
{
	bool locked = false;
	long result = 0;
	uintptr_t start, end;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr & (PAGE_SIZE - 1)) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (!page_range(addr, len, &start, &end))
		return -ENOMEM;
	if (start == end)
		return 0;
	spin_lock(&mm_lock);
	if (!vma_range_mapped(&mm_map_regions, start, end))
		result = -ENOMEM;
	for (struct vma *v = vma_find(&mm_map_regions, start); v && v->start < end;
	     v = vma_next(&mm_map_regions, v))
		locked |= (v->flags & VMA_LOCKED) != 0;
	spin_unlock(&mm_lock);
	return (flags & MS_INVALIDATE) && locked ? -EBUSY : result;
}

static size_t locked_bytes(uintptr_t start, uintptr_t end)
{
	size_t n = 0;

	for (struct vma *v = vma_find(&mm_map_regions, start); v && v->start < end;
	     v = vma_next(&mm_map_regions, v))
		if (v->flags & VMA_LOCKED)
			n += (v->end < end ? v->end : end) - (v->start > start ? v->start : start);
	return n;
}

int lock_allowed(size_t bytes)
{
	uint64_t limit = rlimit_get(RLIMIT_MEMLOCK);

	if (limit == RLIM64_INFINITY || process_capable(CAP_IPC_LOCK))
		return 0;
	if (!limit)
		return -EPERM;
	return bytes > limit || locked_bytes(0, USER_END) > limit - bytes ? -ENOMEM : 0;
}

static long set_lock(uintptr_t addr, size_t len, uint32_t set)
{
	uintptr_t start, end;
	int err;

	if (!page_range(addr, len, &start, &end))
		return -EINVAL;
	if (start == end)
		return 0;
	spin_lock(&mm_lock);
	err = set ? lock_allowed(end - start - locked_bytes(start, end)) : 0;
	if (!err && !vma_range_mapped(&mm_map_regions, start, end))
		err = -ENOMEM;
	if (!err)
		err = isolate(start, end);
	if (!err) {
		for (struct vma *v = vma_find(&mm_map_regions, start); v && v->start < end;
		     v = vma_next(&mm_map_regions, v))
			if (!(v->flags & VMA_IMAGE))
				v->flags = (v->flags & ~(VMA_LOCKED | VMA_LOCKONFAULT)) | set;
		vma_change(&mm_map_regions, start, end, false, 0, 0, 0); /* merge */
		if (set == VMA_LOCKED)
			err = populate(start, end, 0);
	}
	spin_unlock(&mm_lock);
	return err == -ERANGE ? -ENOMEM : err;
}

long sys_mlock(uintptr_t addr, size_t len)
{
	return set_lock(addr, len, VMA_LOCKED);
}

long sys_mlock2(uintptr_t addr, size_t len, unsigned flags)
{
	if (flags & ~(unsigned)MLOCK_ONFAULT)
		return -EINVAL;
	return set_lock(addr, len, VMA_LOCKED | (flags & MLOCK_ONFAULT ? VMA_LOCKONFAULT : 0));
}

long sys_munlock(uintptr_t addr, size_t len)
{
	return set_lock(addr, len, 0);
}

/* mm_lock is held. */
static void lock_all(uint32_t set)
{
	for (struct vma *v = vma_find(&mm_map_regions, 0); v; v = vma_next(&mm_map_regions, v))
		if (!(v->flags & VMA_IMAGE))
			v->flags = (v->flags & ~(VMA_LOCKED | VMA_LOCKONFAULT)) | set;
	vma_change(&mm_map_regions, 0, USER_END, false, 0, 0, 0);
	for (struct vma *v = vma_find(&mm_map_regions, 0); v && set == VMA_LOCKED;
	     v = vma_next(&mm_map_regions, v))
		populate(v->start, v->end, 0); /* as far as it goes, as on Linux */
}

long sys_mlockall(int flags)
{
	uint32_t set = VMA_LOCKED | (flags & MCL_ONFAULT ? VMA_LOCKONFAULT : 0);
	int err;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	spin_lock(&mm_lock);
	err = lock_allowed(flags & MCL_CURRENT ? mm_map_regions.bytes - locked_bytes(0, USER_END)
					       : 0);
	if (!err) {
		mm_default_flags = flags & MCL_FUTURE ? set : 0;
		if (flags & MCL_CURRENT)
			lock_all(set);
	}
	spin_unlock(&mm_lock);
	return err;
}

long sys_munlockall(void)
{
	spin_lock(&mm_lock);
	mm_default_flags = 0;
	lock_all(0);
	spin_unlock(&mm_lock);
	return 0;
}
