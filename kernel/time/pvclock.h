/*
 * The clock that KVM and Xen share with a guest: the TSC, and how to turn it into nanoseconds.
 * Linux Documentation/virt/kvm/x86/msr.rst (MSR_KVM_SYSTEM_TIME_NEW), Xen public/xen.h (struct
 * vcpu_time_info): one layout.
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>

struct pvclock_time {
	uint32_t version; /* odd while the hypervisor writes */
	uint32_t pad0;
	uint64_t tsc_timestamp; /* TSC at system_time */
	uint64_t system_time;	/* ns */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags;
	uint8_t pad[2];
};

#define PVCLOCK_TSC_STABLE 1u /* consistent across CPUs: never seen to go back */

/* KVM's wall clock (MSR_KVM_WALL_CLOCK), Xen's shared_info has the same three words:
 * what the time of day was at system_time 0. */
struct pvclock_wall {
	uint32_t version, sec, nsec;
};

/* TSC ticks to ns: (ticks << shift) * mul / 2^32; a negative shift goes right. */
static inline uint64_t pvclock_scale(uint64_t ticks, uint32_t mul, int8_t shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (uint64_t)(((unsigned __int128)ticks * mul) >> 32);
}

/* The clock now, ns. May be a little behind an earlier reading unless PVCLOCK_TSC_STABLE is set:
 * clock_monotonic (time/clock.h) takes care of that. */
uint64_t pvclock_read(const volatile struct pvclock_time *t);
/* TSC ticks a second. */
uint64_t pvclock_tsc_hz(const volatile struct pvclock_time *t);
/* ns since 1970 at system_time 0; 0 if never set. Seconds since 2106 need Xen's wc_sec_hi: pass it,
 * else 0. */
uint64_t pvclock_wall(const volatile struct pvclock_wall *w, uint32_t sec_high);
