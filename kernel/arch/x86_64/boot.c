/*
 * From the PVH entry to kernel_main: copies what the loader left in memory before anything there
 * can be overwritten. Xen's public headers (libxen-dev) define hvm_start_info.
 */
#include <stdint.h>
#include <xen/arch-x86/hvm/start_info.h>
#include "arch/x86_64/image.h"
#include "arch/x86_64/traps.h"
#include "boot_info.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "main.h"
#include "mm/page.h"

struct boot_info boot_info;
static const char *boot_error;

void boot_add_ram(uint64_t start, uint64_t end)
{
	struct boot_info *bi = &boot_info;
	unsigned i;

	if (start >= end)
		return;
	if (bi->nram == BOOT_MAX_RANGES) {
		boot_error =
		    "the memory map has more ranges than the kernel keeps; the rest is unused";
		return;
	}
	for (i = bi->nram; i > 0 && bi->ram[i - 1].start > start; i--)
		bi->ram[i] = bi->ram[i - 1];
	bi->ram[i] = (struct boot_range){start, end};
	bi->nram++;
}

static void add_reserved(uint64_t start, uint64_t end)
{
	if (start < end)
		boot_info.reserved[boot_info.nreserved++] = (struct boot_range){start, end};
}

static uint64_t image_end(void)
{
	uint64_t end = (uint64_t)__image_end;
	uint64_t symbols_end = kernel_symbols.address + kernel_symbols.length;

	return symbols_end > end ? symbols_end : end;
}

/* Copies one string of the loader's; the early page tables reach the first 4 GiB. */
static void copy_cmdline(uint64_t paddr)
{
	if (!paddr)
		return;
	if (strlcpy(boot_info.cmdline, phys_to_virt(paddr), sizeof boot_info.cmdline) >=
	    sizeof boot_info.cmdline)
		boot_error = "the command line is too long";
}

void boot_main(const struct hvm_start_info *si)
{
	traps_init_cpu();
	if (si->magic != XEN_HVM_START_MAGIC_VALUE)
		boot_error = "the loader passed no PVH start info";
	else {
		const struct hvm_memmap_table_entry *map = phys_to_virt(si->memmap_paddr);
		const struct hvm_modlist_entry *mods = phys_to_virt(si->modlist_paddr);

		/* Version 0, which a dom0 gets, ends before the memory map: the hypervisor is asked
		 * for it. */
		for (uint32_t i = 0; si->version >= 1 && i < si->memmap_entries; i++)
			if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
				boot_add_ram(map[i].addr, map[i].addr + map[i].size);
		if (si->nr_modules >= 1)
			boot_info.module =
			    (struct boot_range){mods[0].paddr, mods[0].paddr + mods[0].size};
		boot_info.rsdp = si->rsdp_paddr;
		copy_cmdline(si->cmdline_paddr);
	}
	add_reserved(0, 0x100000);
	add_reserved((uint64_t)__image_start, image_end());
	add_reserved(boot_info.module.start, boot_info.module.end);
	kernel_main(boot_error);
}
