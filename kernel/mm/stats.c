/* What the address space tells about itself: mm_get_stats, mm_for_each_region. */
#include <linux/mman.h>
#include "cmdline.h"
#include "mm/filemap.h"
#include "mm/internal.h"
#include "mm/kmalloc.h"

void mm_get_stats(struct mm_stats *s)
{
	spin_lock(&mm_lock);
	s->total = page_total() * PAGE_SIZE;
	s->free = page_available() * PAGE_SIZE;
	s->mapped = mm_map_regions.bytes;
	s->resident = mm_resident * PAGE_SIZE;
	s->peak_resident = mm_peak_resident * PAGE_SIZE;
	s->page_tables = pt_pages * PAGE_SIZE;
	s->kernel_heap = kmalloc_bytes();
	s->minor_faults = mm_minor_faults;
	spin_unlock(&mm_lock);
}

static const char *region_name(const struct vma *v, char *buf, size_t size)
{
	if (v->flags & VMA_IMAGE)
		return cmdline.argv ? cmdline.argv[0] : "/app";
	if (v->flags & VMA_HEAP)
		return "[heap]";
	if (v->flags & VMA_GROWSDOWN)
		return "[stack]";
	if (!v->file)
		return NULL;
	file_map_name(v->file, buf, size);
	return buf;
}

int mm_for_each_region(int (*f)(void *arg, uintptr_t start, uintptr_t end, int prot, int flags,
				uint64_t offset, const char *name),
		       void *arg)
{
	char name[256];
	int err = 0;

	spin_lock(&mm_lock);
	for (struct vma *v = vma_find(&mm_map_regions, 0); v && !err;
	     v = vma_next(&mm_map_regions, v)) {
		int flags = v->flags & VMA_SHARED ? MAP_SHARED : MAP_PRIVATE;

		if (!v->file)
			flags |= MAP_ANONYMOUS;
		if (v->flags & VMA_GROWSDOWN)
			flags |= MAP_GROWSDOWN;
		err = f(arg, v->start, v->end, (int)v->prot, flags, v->pgoff << PAGE_SHIFT,
			region_name(v, name, sizeof(name)));
	}
	spin_unlock(&mm_lock);
	return err;
}
