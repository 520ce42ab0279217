/*
 * Go's clock functions read the kernel's clock page themselves.
 *
 * time.Now is two calls of the vDSO, for the wall clock and for the monotonic one, with a switch to
 * another stack around them, because on Linux nobody knows how much the vDSO needs. Here the same
 * numbers lie in the image (struct clock_page, kernel/time/clock_page.h), and one reading of the
 * TSC answers both.
 */
#pragma once
#include "util.h"

/* Writes runtime's assembly to out with a short way put before the beginning of each clock function
 * that is known; what Go has there follows, for machines whose clock is not the TSC. Lines keep
 * their numbers. False if there is none. */
bool asm_shorten_clocks(const struct buffer *in, struct buffer *out);
