/* Physical memory that is the host's: every address is the same on both sides. */
#pragma once
#include "mm/page.h"

void *phys_to_virt(paddr_t p)
{
	return (void *)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (paddr_t)v;
}
