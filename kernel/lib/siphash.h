/* SipHash-2-4 (Aumasson, Bernstein, 2012): a keyed hash of short input, for hash tables that
 * strangers fill and for TCP's initial sequence numbers. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *p, size_t n);
