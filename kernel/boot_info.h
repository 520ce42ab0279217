/*
 * What the boot loader told us, copied out of its memory by kernel/arch/x86_64/boot.c before
 * anything is allocated. Constant afterwards.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>

#define BOOT_MAX_RANGES	 64
#define BOOT_MAX_CMDLINE 8192

struct boot_range {
	uint64_t start, end; /* physical, bytes, end exclusive */
};

struct boot_info {
	struct boot_range ram[BOOT_MAX_RANGES]; /* usable RAM, sorted, disjoint, not page aligned */
	unsigned nram;
	struct boot_range reserved[8]; /* inside RAM, in use: low 1 MiB, image, module */
	unsigned nreserved;
	struct boot_range module; /* initrd (a cpio archive, docs/image.md); empty if none */
	uint64_t rsdp;		  /* physical address of ACPI's RSDP, 0 if none */
	char cmdline[BOOT_MAX_CMDLINE];
};

extern struct boot_info boot_info;

/* Adds a range of usable RAM. Before page_init only. */
void boot_add_ram(uint64_t start, uint64_t end);
