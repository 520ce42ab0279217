/*
 * The page tables the machine runs on, made once at boot in place of the early ones:
 *
 *   the image at its link address (= physical), each part with its rights only
 *   nothing else in the lower half until the program maps it or touches its .bss; page 0 never
 *   all RAM in the direct map, readable and writable, never executable; the image's text and
 *   constants are read-only there too
 */
#include <linux/mman.h>
#include "boot_info.h"
#include "lib/printk.h"
#include "lib/symbols.h"
#include "mm/internal.h"
#include "mm/tlb.h"

/* kernel/image.ld; all page aligned. */
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __bss_end[], __program_bss_start[], __program_bss_end[];
/* arch/x86_64/boot.S: the early tables, no longer used afterwards. */
extern char boot_tables_start[], boot_tables_end[];
/* RAM below 1 MiB that is nobody's after boot; from 0x9f000 on firmware has its tables. */
#define LOW_MEMORY_START 0x10000ul
#define LOW_MEMORY_END	 0x9f000ul

/* Right after paging_init nothing may fail for want of memory: it is what the machine runs on. */
static void map_or_die(uintptr_t va, paddr_t pa, size_t len, uint64_t flags)
{
	if (pt_map(va, pa, len, flags | PTE_P | PTE_G))
		panic("out of memory for the kernel's page tables");
}

/* One part of the image at its own address, as a region that the program cannot change. */
static void map_image(uintptr_t start, uintptr_t end, uint64_t flags, uint32_t prot)
{
	end = page_align_up(end);
	if (start >= end)
		return;
	map_or_die(start, start, end - start, flags);
	if (vma_add(&mm_map_regions, start, end, prot, VMA_IMAGE, NULL, 0))
		panic("out of memory for the region map");
}

/* [start, end) of RAM in the direct map; constant parts of the image lose the right to write. */
static void map_ram(paddr_t start, paddr_t end)
{
	paddr_t ro_start = (paddr_t)__text_start, ro_end = (paddr_t)__rodata_end;
	paddr_t cuts[] = {ro_start, ro_end, end};

	for (unsigned i = 0; i < 3; i++) {
		paddr_t stop = cuts[i] < end ? cuts[i] : end;

		if (start >= stop)
			continue;
		map_or_die(start + DIRECT_MAP, start, stop - start,
			   PTE_NX | (i == 1 && start >= ro_start ? 0 : PTE_W));
		start = stop;
	}
}

/* True if p is in the direct map as RAM. */
static bool is_ram(paddr_t p)
{
	for (unsigned i = 0; i < boot_info.nram; i++)
		if (p >= page_align_up(boot_info.ram[i].start) &&
		    p < page_align_down(boot_info.ram[i].end))
			return true;
	return false;
}

/* The boot module wherever it lies: QEMU puts its end at the end of memory, of which newer firmware
 * keeps the last page for itself (microvm of QEMU 10). What is not RAM by the map never becomes
 * memory of ours. */
static void map_module(void)
{
	for (paddr_t p = page_align_down(boot_info.module.start); p < boot_info.module.end;
	     p += PAGE_SIZE)
		if (!is_ram(p))
			map_or_die(p + DIRECT_MAP, p, PAGE_SIZE, PTE_NX);
}

/* CPUID leaf 0x80000001 EDX bit 26. */
static bool cpu_has_gib_pages(void)
{
	return cpuid(0x80000000, 0).eax >= 0x80000001 && (cpuid(0x80000001, 0).edx & (1u << 26));
}

void mm_init(void)
{
	uintptr_t bss_start = (uintptr_t)__program_bss_start;
	uintptr_t bss_end = (uintptr_t)__program_bss_end;

	pt_root = page_alloc_zero(0);
	if (pt_root == PADDR_NONE)
		panic("out of memory for the kernel's page tables");
	pt_pages = 1;
	pt_use_gib_pages(cpu_has_gib_pages());
	map_image((uintptr_t)__text_start, (uintptr_t)__text_end, 0, PROT_READ | PROT_EXEC);
	map_image((uintptr_t)__rodata_start, (uintptr_t)__rodata_end, PTE_NX, PROT_READ);
	map_image((uintptr_t)__data_start, (uintptr_t)__bss_end, PTE_NX | PTE_W,
		  PROT_READ | PROT_WRITE);
	if (kernel_symbols.length)
		map_image(kernel_symbols.address, kernel_symbols.address + kernel_symbols.length,
			  PTE_NX, PROT_READ);
	if (bss_start < bss_end &&
	    vma_add(&mm_map_regions, bss_start, bss_end, PROT_READ | PROT_WRITE, 0, NULL, 0))
		panic("out of memory for the region map");
	for (unsigned i = 0; i < boot_info.nram; i++) {
		/* Whole pages: what firmware left in the rest of a page is not RAM of ours. */
		paddr_t start = page_align_up(boot_info.ram[i].start);
		paddr_t end = page_align_down(boot_info.ram[i].end);

		if (start < end)
			map_ram(start, end);
	}
	map_module();
	write_cr0(read_cr0() | CR0_WP);
	write_cr3(pt_root);
	write_cr4(read_cr4() & ~CR4_PGE); /* forget the early tables, global or not */
	write_cr4(read_cr4() | CR4_PGE);
	page_init_high();
	mm_brk_start = bss_end;
	mm_brk = mm_brk_start;
}

void mm_free_boot_memory(void)
{
	uintptr_t start = (uintptr_t)boot_tables_start, end = (uintptr_t)boot_tables_end;

	pt_unmap_pages(start, end - start);
	page_add_range(start, end);
	/* What the loader left in low memory has been copied. The first 64 KiB stay for code that
	 * starts other CPUs in real mode. */
	if (boot_info.module.end <= boot_info.module.start ||
	    boot_info.module.start >= LOW_MEMORY_END)
		page_add_range(LOW_MEMORY_START, LOW_MEMORY_END);
}
