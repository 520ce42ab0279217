/* The frequency of the TSC, where no pvclock says it. */
#pragma once
#include <stdint.h>

/* Asks the hypervisor and the CPU, else calibrates against the PIT (about a millisecond), and
 * starts the clock. A panic if there is nothing to measure time with. */
void tsc_clock_init(void);
/* After a calibration: measures again in the background, ever longer. Needs timers. */
void tsc_refine_start(void);

/* In clock.c: the TSC clock runs at this rate from now on, without a step. */
void clock_set_tsc_rate(uint64_t hz);
