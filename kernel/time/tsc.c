#include "arch/x86_64/cpu.h"
#include "dev/lapic.h"
#include "dev/pit.h"
#include "lib/muldiv.h"
#include "lib/printk.h"
#include "sched/timer.h"
#include "time/calibrate.h"
#include "time/clock.h"
#include "time/tsc.h"

#define NSEC	       1000000000ull
#define ROUND_COUNTS   600u	  /* of the PIT: half a millisecond */
#define ROUND_TIMEOUT  (1u << 28) /* TSC ticks in which a PIT must have counted those */
#define REFINE_FIRST   (NSEC / 20)
#define REFINE_LONGEST (200 * NSEC)

static bool calibrated; /* against the PIT, so it gets better with time */
static struct calib_point start;
static struct timer refine_timer;
static uint64_t refine_interval = REFINE_FIRST;

/* CPUID leaf 0x40000010 (VMware, KVM, QEMU): TSC in kHz. Leaf 0x15: a ratio to a crystal of known
 * frequency (Intel SDM volume 2, CPUID). 0 if neither is there. */
static uint64_t cpuid_hz(void)
{
	uint64_t hz = 0;

	if (cpuid(1, 0).ecx >> 31 && cpuid(0x40000000, 0).eax >= 0x40000010)
		hz = cpuid(0x40000010, 0).eax * 1000ull;
	if (!hz && cpuid(0, 0).eax >= 0x15) {
		struct cpuid r = cpuid(0x15, 0);

		if (r.eax && r.ebx && r.ecx)
			hz = (uint64_t)r.ecx * r.ebx / r.eax;
	}
	return hz;
}

/* Leaf 0x16: the processor's base frequency in MHz, near the TSC's. */
static uint64_t cpuid_base_hz(void)
{
	return cpuid(0, 0).eax >= 0x16 ? (cpuid(0x16, 0).eax & 0xffff) * 1000000ull : 0;
}

static bool pit_point(struct calib_point *p)
{
	struct calib_sample s[CALIB_BURST];

	for (unsigned i = 0; i < CALIB_BURST; i++) {
		s[i].tsc = rdtsc_ordered();
		pit_latch();
		s[i].window = (uint32_t)(rdtsc_ordered() - s[i].tsc);
		s[i].count = pit_latched();
	}
	return calib_point(p, s);
}

static uint64_t pit_calibrate(void)
{
	struct calib_point end;
	uint64_t began = rdtsc();
	uint16_t count, first;

	pit_start();
	/* A counter takes up to two of its ticks to load. */
	for (unsigned i = 0; i < 4; i++) {
		pit_latch();
		pit_latched();
	}
	if (!pit_point(&start))
		return 0;
	pit_latch();
	first = pit_latched();
	do {
		if (rdtsc() - began > ROUND_TIMEOUT)
			return 0;
		pit_latch();
		count = pit_latched();
	} while ((uint16_t)(first - count) < ROUND_COUNTS);
	if (!pit_point(&end))
		return 0;
	return calib_hz(&start, &end, 0);
}

/* Without a PIT: QEMU and KVM count the LAPIC timer at 1 GHz divided as dev/lapic.h says. Half a
 * millisecond of that; no better than the moment of reading. 0 if it does not count. */
static uint64_t lapic_calibrate(void)
{
	const uint32_t counts = LAPIC_USUAL_HZ / 2000;
	uint64_t began, end, guard = rdtsc();
	uint32_t first;

	if (!lapic_present() || !(cpuid(1, 0).ecx >> 31))
		return 0;
	lapic_timer_set_count(UINT32_MAX);
	first = lapic_timer_count();
	began = rdtsc_ordered();
	do {
		end = rdtsc_ordered();
		if (end - guard > ROUND_TIMEOUT)
			return 0;
	} while (first - lapic_timer_count() < counts);
	lapic_timer_set_count(0);
	return (end - began) * 2000;
}

void tsc_clock_init(void)
{
	uint64_t hz = cpuid_hz();

	if (!hz) {
		hz = pit_calibrate();
		calibrated = hz != 0;
	}
	if (!hz)
		hz = cpuid_base_hz();
	if (!hz)
		hz = lapic_calibrate();
	if (!hz)
		panic("no clock: neither pvclock, CPUID, a PIT nor the LAPIC tells the TSC's "
		      "frequency");
	clock_set_tsc_rate(hz);
}

/* The error of a calibration is about a microsecond over its length, so each is compared with the
 * first, and only once the length has grown. */
static void refine(struct timer *t)
{
	struct calib_point now;
	uint64_t hz = 0;

	if (pit_point(&now))
		hz = calib_hz(&start, &now, clock_tsc_hz());
	if (hz) {
		clock_set_tsc_rate(hz);
		if (refine_interval < REFINE_LONGEST)
			refine_interval *= 4;
	} else {
		/* The machine was stopped or moved: begin anew. */
		start = now;
		refine_interval = REFINE_FIRST;
	}
	timer_arm(t, clock_monotonic() + refine_interval);
}

void tsc_refine_start(void)
{
	if (!calibrated)
		return;
	timer_setup(&refine_timer, refine);
	timer_arm(&refine_timer, clock_monotonic() + refine_interval);
}
