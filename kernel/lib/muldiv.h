/* Products of 128 bits and their quotients, for conversions of time. x86-64 only. */
#pragma once
#include <stdint.h>

/* High half of a * b. */
static inline uint64_t mul_high(uint64_t a, uint64_t b)
{
	return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* (hi * 2^64 + lo) / d, UINT64_MAX where that does not fit. */
static inline uint64_t div_128(uint64_t hi, uint64_t lo, uint64_t d)
{
	uint64_t q, r;

	if (hi >= d)
		return UINT64_MAX;
	__asm__("divq %4" : "=a"(q), "=d"(r) : "a"(lo), "d"(hi), "rm"(d) : "cc");
	return q;
}

/* a * b / d, UINT64_MAX where that does not fit. */
static inline uint64_t muldiv(uint64_t a, uint64_t b, uint64_t d)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return div_128((uint64_t)(p >> 64), (uint64_t)p, d);
}
