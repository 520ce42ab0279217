/* Physical pages of libc's heap, where ASan watches over them. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "phys_fake.h"

paddr_t page_alloc_zero(unsigned order)
{
	void *p = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	memset(p, 0, PAGE_SIZE << order);
	return (paddr_t)p;
}

void page_free(paddr_t p, unsigned order)
{
	(void)order;
	free((void *)p);
}
