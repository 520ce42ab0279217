/*
 * Clocks. All return nanoseconds and may be called from anywhere, without locks.
 *
 * Order at boot: hyper->irq_init, then clock_init; before it all clocks stand at 0.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>

struct pvclock_time;

/* Picks pvclock, the hypervisor's TSC frequency or a calibration; sets the wall clock; starts the
 * timer interrupt. */
void clock_init(void);
uint64_t clock_monotonic(void); /* since boot; never goes back */
uint64_t clock_realtime(void);	/* since 1970-01-01T00:00:00Z */
/* Wall clock set by the program (clock_settime) to this many ns since 1970. */
void clock_set_realtime(uint64_t ns);
/* Realtime minus monotonic, modulo 2^64. */
uint64_t clock_wall_offset(void);
const char *clock_name(void); /* "pvclock", "tsc" ... for messages and /proc */
uint64_t clock_tsc_hz(void);  /* for /proc/cpuinfo and deadlines; 0 if unknown */

/* From hyper->clock_init: the machine offers this (it stays in place). Monotonic time starts now.
 */
void clock_use_pvclock(const volatile struct pvclock_time *t);
/* The machine was suspended, and its pvclock may have begun anew: monotonic time goes on from this
 * moment, and slept ns more have passed by the time of day. */
void clock_resume(uint64_t monotonic, uint64_t slept);

/* The TSC at which clock_monotonic will have reached ns. */
uint64_t clock_tsc_at(uint64_t ns);

/* Arms the per-CPU one-shot interrupt for a monotonic deadline (UINT64_MAX: none). */
void clock_event_set(uint64_t deadline);
