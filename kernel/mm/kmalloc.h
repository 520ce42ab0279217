/*
 * The kernel heap: size classes over page.h. Alignment is 16. Nothing blocks; NULL when memory is
 * out. Freed memory is filled with 0xdf in debug builds.
 */
#pragma once
#include <stddef.h>

void *kmalloc(size_t size) __attribute__((malloc));
void *kzalloc(size_t size) __attribute__((malloc));
void *krealloc(void *p, size_t size);
void kfree(void *p); /* NULL is allowed */

/* Bytes of RAM that the heap occupies, its own overhead included. */
size_t kmalloc_bytes(void);
