#include "hyper/xen/clock.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/shared.h"
#include "lib/printk.h"
#include "time/clock.h"
#include "time/pvclock.h"

_Static_assert(sizeof(struct pvclock_time) == sizeof(struct vcpu_time_info), "pvclock");
_Static_assert(__builtin_offsetof(struct pvclock_time, tsc_to_system_mul) ==
		   __builtin_offsetof(struct vcpu_time_info, tsc_to_system_mul),
	       "pvclock");

static uint64_t boot_time; /* Xen's system time at monotonic time 0 */
static bool armed;

static const volatile struct pvclock_time *system_time(void)
{
	return (const struct pvclock_time *)(void *)&xen_vcpu_info.time;
}

bool xen_clock_init(void)
{
	uint64_t monotonic, system;

	if (!pvclock_tsc_hz(system_time()))
		return false;
	clock_use_pvclock(system_time());
	/* Rather late than early: a timer that rings too soon must be set again. */
	monotonic = clock_monotonic();
	system = pvclock_read(system_time());
	boot_time = system - monotonic;
	return true;
}

uint64_t xen_wall_clock(void)
{
	const struct shared_info *s = &xen_shared.info;
	/* wc_version, wc_sec and wc_nsec are the three words of KVM's wall clock. */
	uint64_t wall = pvclock_wall((const struct pvclock_wall *)(const void *)&s->wc_version,
				     s->xen_wc_sec_hi);

	return wall ? wall + boot_time : 0;
}

static void (*timer_expired)(void *);

void xen_timer_resume(void)
{
	int err = evtchn_bind_virq(VIRQ_TIMER, timer_expired, NULL);

	if (err < 0)
		panic("Xen gives this domain no timer (%d)", err);
	xen_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	armed = false;
}

void xen_timer_init(void (*expired)(void *))
{
	timer_expired = expired;
	xen_timer_resume();
}

/* The time of day by Xen's clocks alone, whatever the program has set. */
static uint64_t host_wall(void)
{
	uint64_t wall = xen_wall_clock();

	return wall ? wall - boot_time + pvclock_read(system_time()) : 0;
}

static uint64_t suspended_at, suspended_wall;

void xen_clock_suspend(void)
{
	suspended_at = clock_monotonic();
	suspended_wall = host_wall();
}

void xen_clock_resume(void)
{
	uint64_t wall = host_wall();

	/* Another host's idea of the time may be behind; then no time has passed. */
	clock_resume(suspended_at, wall > suspended_wall ? wall - suspended_wall : 0);
	boot_time = pvclock_read(system_time()) - clock_monotonic();
}

/* A deadline in the past rings at once, unless VCPU_SSHOTTMR_future is set (vcpu.h). */
void xen_timer_set(uint64_t deadline)
{
	struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = deadline + boot_time};
	long err;

	if (deadline >= INT64_MAX - boot_time) {
		if (armed)
			xen_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
		armed = false;
		return;
	}
	err = xen_vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
	if (err)
		panic("Xen does not set the timer (%ld)", err);
	armed = true;
}
