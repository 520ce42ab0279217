/* The 8254 interval timer: only its channel 2, as a counter to calibrate against. No locks. */
#pragma once
#include <stdint.h>

/* Starts channel 2 counting down through all 16 bits; stops channel 0's interrupts. */
void pit_start(void);
/* Latches the count: the moment that pit_latched reads. */
void pit_latch(void);
uint16_t pit_latched(void);
