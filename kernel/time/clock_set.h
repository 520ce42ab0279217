/* Setting the wall clock, and who must know. */
#pragma once
#include <stdint.h>
#include "sched/wait.h"

/* Woken when the wall clock was set: those who wait for a time of day look again. */
extern struct waitqueue clock_set_queue;

/* Sets it for the program: 0, -EPERM, -EINVAL. */
int clock_step(uint64_t ns);
/* Tells all of them. */
void clock_was_set(void);

/* posix_timer.c: absolute timers on the wall clock are due at another moment now. */
void posix_timers_clock_set(void);
/* vfs/timerfd.c: likewise. */
void timerfds_clock_set(void);
