/* mm/oom.h. May be called with mm_lock held, so it looks at the counters without it. */
#include "mm/oom.h"
#include "hyper/hyper.h"
#include "lib/exitcode.h"
#include "lib/printk.h"
#include "mm/internal.h"
#include "mm/kmalloc.h"

#define KIB(pages) ((size_t)(pages) * (PAGE_SIZE / 1024))

void oom_end(const char *what, size_t bytes)
{
	size_t total = page_total(), free = page_available();
	size_t heap = kmalloc_bytes() / PAGE_SIZE;
	size_t known = mm_resident + pt_pages + heap + free;

	printk("unigornel: out of memory: no %zu KiB for %s\n", (bytes + 1023) / 1024, what);
	printk("unigornel:   %8zu KiB usable memory of the machine (beside kernel and image)\n",
	       KIB(total));
	printk("unigornel:   %8zu KiB held by the program (heap, stacks; peak %zu)\n",
	       KIB(mm_resident), KIB(mm_peak_resident));
	printk("unigornel:   %8zu KiB kernel heap\n", KIB(heap));
	printk("unigornel:   %8zu KiB page tables\n", KIB(pt_pages));
	printk("unigornel:   %8zu KiB files, kernel stacks, device buffers\n",
	       KIB(total > known ? total - known : 0));
	printk("unigornel:   %8zu KiB free\n", KIB(free));
	if (page_out())
		printk("unigornel:   %8zu KiB that the host has taken back (xl mem-set)\n",
		       KIB(page_out()));
	printk("unigornel: give the machine more (unigornel run -m), or the program a limit "
	       "(GOMEMLIMIT)\n");
	hyper->shutdown(EXIT_OUT_OF_MEMORY);
}
