/*
 * Access to the program's memory. Program and kernel share one address space and one privilege
 * level, so a bad pointer is caught in two ways: the range check (the program owns only addresses
 * from PAGE_SIZE up to USER_END) and the page fault, which these functions survive.
 * All return 0 or -EFAULT, may be called with spin locks held only if the memory is resident
 * (a demand-zero fault takes the address-space lock), and never block.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

#define USER_END 0x0000800000000000ul

int copy_from_user(void *dst, uintptr_t src, size_t n);
int copy_to_user(uintptr_t dst, const void *src, size_t n);
int zero_user(uintptr_t dst, size_t n);
/* As the three above, but they do what they can and return the bytes done: for transfers such as
 * write(2) that end short where the buffer faults. */
size_t copy_from_user_partial(void *dst, uintptr_t src, size_t n);
size_t copy_to_user_partial(uintptr_t dst, const void *src, size_t n);
size_t zero_user_partial(uintptr_t dst, size_t n);
/* Copies a NUL-terminated string of at most size-1 bytes; returns its length, -EFAULT, or
 * -ENAMETOOLONG when no NUL was met. */
long strncpy_from_user(char *dst, uintptr_t src, size_t size);
/* Aligned 32-bit word, atomically; for futexes. */
int get_user_u32(uint32_t *value, uintptr_t src);
int put_user_u32(uintptr_t dst, uint32_t value);
/* *addr == old ? (*addr = new) ; *old receives what was there. */
int cmpxchg_user_u32(uintptr_t addr, uint32_t *old, uint32_t desired);

/*
 * For the page fault handler: the fault at *rip in kernel code cannot be resolved. If that
 * instruction is one that may fault (section __ex_table), sets *rip to where it goes on and returns
 * true; else the kernel has a bug.
 */
bool uaccess_fixup(uintptr_t *rip);

/* True if all of [addr, addr + n) may belong to the program. */
static inline bool user_range_ok(uintptr_t addr, size_t n)
{
	return addr >= 4096 && n <= USER_END && addr <= USER_END - n;
}
