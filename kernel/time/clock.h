/* Clocks. All return nanoseconds and may be called from anywhere, without locks. */
#pragma once
#include <stdint.h>

/* Picks pvclock, the hypervisor's TSC frequency or a calibration; sets the wall clock. */
void clock_init(void);
uint64_t clock_monotonic(void); /* since boot; never goes back */
uint64_t clock_realtime(void);  /* since 1970-01-01T00:00:00Z */
/* Wall clock set by the program (clock_settime) to this many ns since 1970. */
void clock_set_realtime(uint64_t ns);
const char *clock_name(void); /* "pvclock", "tsc" ... for messages and /proc */

/* Arms the per-CPU one-shot interrupt for a monotonic deadline (UINT64_MAX: none). */
void clock_event_set(uint64_t deadline);
