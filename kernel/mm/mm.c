/* mm/mm.h: making and removing mappings. The rules are those of mmap(2) and munmap(2). */
#include "mm/mm.h"
#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include "mm/filemap.h"
#include "mm/internal.h"
#include "sys/rlimit.h"

spinlock_t mm_lock = SPINLOCK_INIT;
struct vma_map mm_map_regions;
size_t mm_resident, mm_peak_resident;
uint32_t mm_default_flags;

/* Requests up to this are never refused in advance: Go maps sparse tables of 32 and 64 MiB on any
 * machine. */
#define OVERCOMMIT_FREE (256ul << 20)

bool overcommits(size_t bytes)
{
	return bytes > OVERCOMMIT_FREE && bytes >> PAGE_SHIFT > page_total();
}

/* Bytes of private writable memory, what RLIMIT_DATA counts. */
static size_t data_bytes(void)
{
	size_t n = 0;

	for (struct vma *v = vma_find(&mm_map_regions, 0); v; v = vma_next(&mm_map_regions, v))
		if ((v->prot & PROT_WRITE) && !(v->flags & (VMA_SHARED | VMA_GROWSDOWN)))
			n += v->end - v->start;
	return n;
}

bool over_limits(size_t bytes, bool data)
{
	uint64_t limit = rlimit_get(RLIMIT_AS);

	if (limit != RLIM64_INFINITY && (bytes > limit || mm_map_regions.bytes > limit - bytes))
		return true;
	limit = rlimit_get(RLIMIT_DATA);
	return data && limit != RLIM64_INFINITY && (bytes > limit || data_bytes() > limit - bytes);
}

/* True if [start, end) holds a part of the image. */
static bool touches_image(uintptr_t start, uintptr_t end)
{
	for (struct vma *v = vma_find(&mm_map_regions, start); v && v->start < end;
	     v = vma_next(&mm_map_regions, v))
		if (v->flags & VMA_IMAGE)
			return true;
	return false;
}

int isolate(uintptr_t start, uintptr_t end)
{
	int err = split_huge_at(start);

	if (!err)
		err = split_huge_at(end);
	return err ? err : vma_cut(&mm_map_regions, start, end);
}

int unmap_locked(uintptr_t start, uintptr_t end)
{
	int err;

	if (vma_range_free(&mm_map_regions, start, end))
		return 0;
	if (touches_image(start, end))
		return -EPERM;
	err = vma_cut(&mm_map_regions, start, end);
	if (err)
		return err;
	/* Translations go before the files whose pages they show. */
	zap_range(start, end, ZAP_ANON | ZAP_FILE);
	err = vma_remove(&mm_map_regions, start, end);
	assert(!err);
	free_unused_tables(start, end);
	return 0;
}

long find_place(uintptr_t hint, size_t len, bool low)
{
	uintptr_t top = low ? 1ul << 31 : MMAP_TOP, p;

	if (len > top - MMAP_MIN)
		return -ENOMEM;
	if (hint && hint < MMAP_MIN)
		hint = MMAP_MIN;
	hint = page_align_up(hint);
	if (hint >= MMAP_MIN && hint <= USER_END - PAGE_SIZE - len && (!low || hint + len <= top) &&
	    vma_range_free(&mm_map_regions, hint, hint + len))
		return (long)hint;
	/* Big things start where a huge page can, if that costs no address space. */
	if (len % HUGE_SIZE == 0) {
		p = vma_find_gap(&mm_map_regions, len, HUGE_SIZE, MMAP_MIN, top);
		if (p)
			return (long)p;
	}
	p = vma_find_gap(&mm_map_regions, len, PAGE_SIZE, MMAP_MIN, top);
	return p ? (long)p : -ENOMEM;
}

/* The flags of a region for those of mmap, or -errno. */
static long region_flags(int flags, const struct file *file)
{
	uint32_t r = mm_default_flags;

	switch (flags & MAP_TYPE) {
	case MAP_PRIVATE:
		break;
	case MAP_SHARED_VALIDATE:
		if (flags &
		    ~(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN |
		      MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
		      MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE))
			return -EOPNOTSUPP;
		r |= VMA_SHARED;
		break;
	case MAP_SHARED:
		r |= VMA_SHARED;
		break;
	default:
		return -EINVAL;
	}
	if (flags & MAP_HUGETLB)
		return file ? -EINVAL : -ENOMEM; /* the pool of huge pages is empty */
	if (flags & MAP_GROWSDOWN) {
		if (r & VMA_SHARED)
			return -EINVAL;
		r |= VMA_GROWSDOWN;
	}
	if (flags & MAP_LOCKED)
		r |= VMA_LOCKED;
	if (flags & MAP_NORESERVE)
		r |= VMA_NORESERVE;
	if (flags & MAP_STACK)
		r |= VMA_STACK;
	return r;
}

static long map_locked(uintptr_t addr, size_t len, int prot, int flags, uint32_t vflags,
		       struct file *file, uint64_t pgoff)
{
	int err;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (addr & (PAGE_SIZE - 1))
			return -EINVAL;
		if (len > USER_END - PAGE_SIZE || addr > USER_END - PAGE_SIZE - len)
			return -ENOMEM;
		if (addr < MMAP_MIN)
			return -EPERM;
		if (flags & MAP_FIXED_NOREPLACE) {
			if (!vma_range_free(&mm_map_regions, addr, addr + len))
				return -EEXIST;
		} else {
			err = unmap_locked(addr, addr + len);
			if (err)
				return err;
		}
	} else {
		long place = find_place(addr, len, (flags & MAP_32BIT) != 0);

		if (place < 0)
			return place;
		addr = (uintptr_t)place;
	}
	if ((vflags & VMA_LOCKED) && lock_allowed(len))
		return -EAGAIN;
	if (over_limits(len, (prot & PROT_WRITE) && !(vflags & (VMA_SHARED | VMA_GROWSDOWN))))
		return -ENOMEM;
	err = vma_add(&mm_map_regions, addr, addr + len, (uint32_t)prot, vflags, file,
		      file ? pgoff : 0);
	if (err)
		return err;
	/* As on Linux, mmap succeeds even if not every page could be brought in. */
	if ((vflags & VMA_LOCKED && !(vflags & VMA_LOCKONFAULT)) ||
	    (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		populate(addr, addr + len, 0);
	return (long)addr;
}

long mm_map(uintptr_t addr, size_t len, int prot, int flags, struct file *file, uint64_t offset)
{
	long vflags, result;
	int check;

	if (!len)
		return -EINVAL;
	if (len > USER_END)
		return -ENOMEM;
	len = page_align_up(len);
	if (flags & MAP_ANONYMOUS)
		file = NULL;
	else if (!file)
		return -EBADF;
	if (offset & (PAGE_SIZE - 1))
		return -EINVAL;
	if (file && (int64_t)(offset + len) < 0)
		return -EOVERFLOW;
	vflags = region_flags(flags, file);
	if (vflags < 0)
		return vflags;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (file) {
		check = file_map_check(file, prot, flags);
		if (check < 0)
			return check;
		if (check == 1)
			file = NULL;
		else if ((vflags & VMA_SHARED) &&
			 !file_map_check(file, PROT_READ | PROT_WRITE, flags))
			vflags |= VMA_MAYWRITE;
	}
	if (!file && (prot & PROT_WRITE) && !(flags & MAP_NORESERVE) && overcommits(len))
		return -ENOMEM;
	spin_lock(&mm_lock);
	result = map_locked(addr, len, prot, flags, (uint32_t)vflags, file, offset >> PAGE_SHIFT);
	spin_unlock(&mm_lock);
	return result;
}

long mm_unmap(uintptr_t addr, size_t len)
{
	int err;

	if ((addr & (PAGE_SIZE - 1)) || !len || len > USER_END || addr > USER_END - len)
		return -EINVAL;
	spin_lock(&mm_lock);
	err = unmap_locked(addr, addr + page_align_up(len));
	spin_unlock(&mm_lock);
	return err;
}

/* The part of v that shows pages first..last of its file; false if none. */
static bool file_part(const struct vma *v, uint64_t first, uint64_t last, uintptr_t *start,
		      uintptr_t *end)
{
	uint64_t v_last = v->pgoff + ((v->end - v->start) >> PAGE_SHIFT) - 1;

	if (first > v_last || last < v->pgoff)
		return false;
	first = first > v->pgoff ? first : v->pgoff;
	last = last < v_last ? last : v_last;
	*start = v->start + ((first - v->pgoff) << PAGE_SHIFT);
	*end = v->start + ((last - v->pgoff + 1) << PAGE_SHIFT);
	return true;
}

void unmap_file_locked(const void *key, uint64_t first, uint64_t last, unsigned what,
		       bool only_readable)
{
	uintptr_t start, end;

	if (!mm_map_regions.file_count)
		return;
	for (struct vma *v = vma_find(&mm_map_regions, 0); v; v = vma_next(&mm_map_regions, v)) {
		if (!v->file || file_map_key(v->file) != key ||
		    !file_part(v, first, last, &start, &end))
			continue;
		if (only_readable) {
			pte_t *e = pt_entry(start, 1, false);

			if (!e || (*e & PTE_FILEW))
				continue;
		}
		zap_range(start, end, what);
	}
}

void mm_unmap_file_range(const void *key, uint64_t first, uint64_t last, bool even_cows)
{
	spin_lock(&mm_lock);
	unmap_file_locked(key, first, last, even_cows ? ZAP_FILE | ZAP_ANON : ZAP_FILE, false);
	spin_unlock(&mm_lock);
}
