/*
 * The local APIC of this CPU: end of interrupt, its timer, its id (Intel SDM volume 3 chapter 11).
 * x2APIC registers where the CPU has them (one MSR access, no memory-mapped exit), else xAPIC.
 * No locks: each CPU touches only its own.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Switches the LAPIC on with all local sources masked. phys: of the registers. False if this CPU
 * has none or they cannot be mapped. */
bool lapic_init(uint64_t phys);
bool lapic_present(void);
uint32_t lapic_id(void);
/* Ends the interrupt in service; does nothing without a LAPIC. */
void lapic_eoi(void);

/* True if the timer compares with the TSC itself. */
bool lapic_has_tsc_deadline(void);
/* Timer interrupts come on this vector from now on; nothing is armed yet. */
void lapic_timer_init(unsigned vector);
/* What QEMU and KVM feed the timer with, through the divider in use: counts a second. */
#define LAPIC_USUAL_HZ (1000000000ull / 16)

/* One-shot. TSC-deadline mode: at that TSC value, 0: off. */
void lapic_timer_set_tsc(uint64_t tsc);
/* Counting mode: after that many counts, 0: off. */
void lapic_timer_set_count(uint32_t count);
/* What is left of the count. */
uint32_t lapic_timer_count(void);
