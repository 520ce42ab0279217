/* Futexes (futex(2)): a hashed table of waiters; the compare and the enqueueing are atomic under
 * the bucket's lock. */
#pragma once
#include <stdint.h>

void futex_init(void);

/* Wakes up to n waiters at addr. Returns how many. */
unsigned futex_wake_address(uintptr_t addr, unsigned n);
