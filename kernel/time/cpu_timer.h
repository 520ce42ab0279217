/*
 * CPU time: clocks that run while a thread (or any thread) runs, and timers on them.
 *
 * A CPU timer is an ordinary timer (sched/timer.h) that is set for the earliest moment at which the
 * CPU time can have been used up, and set again if it has not. It comes at most a millisecond of
 * CPU time late (Linux: a tick). Locks: the owner's; see each function.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "sched/timer.h"

/* A clock id of clock_gettime(2) for CPU time. Process: tid 0. */
struct cpu_clock {
	int tid;
};

/* Decodes CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID (the caller's) and the negative ids of
 * clock_getcpuclockid(3) and pthread_getcpuclockid(3). 0; -EINVAL: none of these, or no such
 * process or thread. */
int cpu_clock_decode(struct cpu_clock *c, int id);
/* True for the ids that Linux counts in ticks: shares of CPU time. */
bool cpu_clock_coarse(int id);
/* True for a negative id that stands for a file descriptor (of a clock device: there are none). */
bool clock_is_fd(int id);
/* ns used; false if the thread is gone. */
bool cpu_clock_read(struct cpu_clock c, uint64_t *ns);

struct cpu_timer {
	struct timer timer;
	struct cpu_clock clock;
	uint64_t expires;   /* on clock */
	uint64_t last_seen; /* clock at the last look, and how long nothing was used since */
	uint64_t idle_delay;
	void (*func)(struct cpu_timer *t); /* as timer.func */
};

void cpu_timer_setup(struct cpu_timer *t, struct cpu_clock c, void (*func)(struct cpu_timer *t));
/* Arms for the moment the clock reaches expires. False if the thread is gone. */
bool cpu_timer_arm(struct cpu_timer *t, uint64_t expires);
void cpu_timer_cancel(struct cpu_timer *t);

/*
 * The next expiry of a periodic CPU timer that expired at *expires, seen at now; returns how many
 * expiries are skipped. A few that were missed (the hypervisor ran something else, so much CPU time
 * went by at once) are not skipped but follow one by one, a millisecond apart: profiles count
 * signals, and would show less time than was used.
 */
uint64_t cpu_timer_advance(uint64_t *expires, uint64_t interval, uint64_t now);
