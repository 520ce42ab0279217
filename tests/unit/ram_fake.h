/* RAM of the test's own, for the allocators themselves: physical address 0 lies at `ram`, which the
 * test allocates and describes in boot_info. */
#pragma once
#include <stdlib.h>
#include "boot_info.h"
#include "mm/page.h"

struct boot_info boot_info;
static char *ram;

void *phys_to_virt(paddr_t p)
{
	return ram + p;
}

paddr_t virt_to_phys(const void *v)
{
	return (paddr_t)((const char *)v - ram);
}

/* What a group of tests does at its end. */
static int ram_free(void **state)
{
	(void)state;
	free(ram);
	return 0;
}
