/* Kernel virtual addresses outside the direct map: guarded stacks and device memory. */
#pragma once
#include <stddef.h>
#include "mm/page.h"

/* size bytes (a multiple of PAGE_SIZE) of zeroed memory with an unmapped guard page below it and
 * above it; NULL when memory is out. Returns the lowest address. */
void *vmap_alloc_stack(size_t size);
void vmap_free_stack(void *base, size_t size);

/* Maps device memory uncached, for ever. NULL when page tables cannot be had. */
volatile void *vmap_device(paddr_t phys, size_t size);
/* Maps RAM or firmware tables read-only, cached (ACPI, Xen's shared pages use _rw). */
const void *vmap_readonly(paddr_t phys, size_t size);
void *vmap_rw(paddr_t phys, size_t size);
