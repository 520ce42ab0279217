/* The system calls that make, remove and protect mappings: mmap(2), munmap(2), mprotect(2),
 * brk(2). */
#include "mm/sys_mm.h"
#include <asm/errno.h>
#include <linux/mman.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "vfs/fdtable.h"

long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, uint64_t offset)
{
	struct file *file = NULL;
	long result;

	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_get(fd);
		if (!file)
			return -EBADF;
	}
	result = mm_map(addr, len, prot, flags, file, offset);
	if (file)
		file_put(file);
	return result;
}

long sys_munmap(uintptr_t addr, size_t len)
{
	return mm_unmap(addr, len);
}

/* The rights that v can be given: a shared file is writable only through a writable descriptor,
 * the image keeps what it has. 0 or -EACCES. */
static int may_protect(const struct vma *v, uint32_t prot)
{
	if (v->flags & VMA_IMAGE)
		return prot == v->prot ? 0 : -EACCES;
	if (v->file && (v->flags & VMA_SHARED) && (prot & PROT_WRITE) && !(v->flags & VMA_MAYWRITE))
		return -EACCES;
	return 0;
}

static long protect_locked(uintptr_t start, uintptr_t end, uint32_t prot)
{
	size_t newly_writable = 0;
	struct vma *v;
	int err;

	if (!vma_range_mapped(&mm_map_regions, start, end))
		return -ENOMEM;
	for (v = vma_find(&mm_map_regions, start); v && v->start < end;
	     v = vma_next(&mm_map_regions, v)) {
		err = may_protect(v, prot);
		if (err)
			return err;
		if ((prot & ~v->prot & PROT_WRITE) && !v->file && !(v->flags & VMA_NORESERVE))
			newly_writable +=
			    (v->end < end ? v->end : end) - (v->start > start ? v->start : start);
	}
	if (overcommits(newly_writable))
		return -ENOMEM;
	err = isolate(start, end);
	if (err)
		return err;
	vma_change(&mm_map_regions, start, end, true, prot, 0, 0);
	for (v = vma_find(&mm_map_regions, start); v && v->start < end;
	     v = vma_next(&mm_map_regions, v))
		if (!(v->flags & VMA_IMAGE))
			protect_range(v, v->start > start ? v->start : start,
				      v->end < end ? v->end : end);
	return 0;
}

long sys_mprotect(uintptr_t addr, size_t len, int prot)
{
	long result;

	if ((prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > USER_END || addr > USER_END - len)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	len = page_align_up(len);
	spin_lock(&mm_lock);
	if (prot & PROT_GROWSDOWN) { /* from the start of the stack on */
		struct vma *v = vma_find(&mm_map_regions, addr);

		if (!v || !(v->flags & VMA_GROWSDOWN)) {
			spin_unlock(&mm_lock);
			return v ? -EINVAL : -ENOMEM;
		}
		len += addr - v->start;
		addr = v->start;
	} else if (prot & PROT_GROWSUP) {
		spin_unlock(&mm_lock);
		return -EINVAL;
	}
	result =
	    protect_locked(addr, addr + len, (uint32_t)prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
	spin_unlock(&mm_lock);
	return result;
}

uintptr_t mm_brk_start, mm_brk;

/* The heap of brk lies right above the image. Failure is the old break, as in the kernel call that
 * brk(2) describes under "C library/kernel differences". */
static long brk_locked(uintptr_t want)
{
	uintptr_t old_end = page_align_up(mm_brk), new_end = page_align_up(want);
	struct vma *next;

	if (want < mm_brk_start || want > USER_END - PAGE_SIZE)
		return (long)mm_brk;
	if (new_end < old_end) {
		if (unmap_locked(new_end, old_end))
			return (long)mm_brk;
	} else if (new_end > old_end) {
		next = vma_find(&mm_map_regions, old_end);
		if ((next && next->start < new_end + PAGE_SIZE) ||
		    overcommits(new_end - mm_brk_start) || over_limits(new_end - old_end, true))
			return (long)mm_brk;
		if (vma_add(&mm_map_regions, old_end, new_end, PROT_READ | PROT_WRITE,
			    VMA_HEAP | mm_default_flags, NULL, 0))
			return (long)mm_brk;
	}
	mm_brk = want;
	return (long)want;
}

long sys_brk(uintptr_t addr)
{
	long result;

	spin_lock(&mm_lock);
	result = brk_locked(addr);
	spin_unlock(&mm_lock);
	return result;
}
