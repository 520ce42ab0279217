/*
 * Arithmetic of calibration: the TSC against the PIT's counter, which is 16 bits wide and is read
 * through slow I/O ports. Pure; tsc.c does the reading.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182u

/* One reading: the count was taken at some moment between two readings of the TSC. */
struct calib_sample {
	uint64_t tsc;	 /* before */
	uint32_t window; /* TSC after minus before */
	uint16_t count;	 /* counts down */
};

#define CALIB_BURST 32

/* A moment: mean TSC and mean count of a burst's tightest samples, times n. Sums keep the fraction
 * that the single readings lack. */
struct calib_point {
	uint64_t tsc;	  /* of the burst's first sample */
	uint64_t sum_tsc; /* of the others' distances to it */
	uint64_t phase;	  /* count of the first sample, as counting up, modulo 2^16 */
	uint64_t sum_count;
	uint32_t n;
	uint32_t window; /* the tightest sample's */
};

/* False if the count never moved: no PIT. */
bool calib_point(struct calib_point *p, const struct calib_sample s[CALIB_BURST]);

/*
 * The TSC's frequency from two points less than 27 ms apart (guess 0), or any time apart with the
 * rate known so well by guess that the counter's wraps in between are certain.
 * 0 if they contradict the guess by more than 1 in 500.
 */
uint64_t calib_hz(const struct calib_point *a, const struct calib_point *b, uint64_t guess);
