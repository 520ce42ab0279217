/*
 * The functions of the vDSO. They are the program's code, not the kernel's: on the program's stack,
 * preempted and interrupted by signals anywhere. So no lock, no call into the kernel but through
 * its front door, and everything inlined ("flatten").
 */
#include <stddef.h>
#include <asm/unistd.h>
#include <linux/time.h>
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/vdso.h"
#include "time/clock_page.h"

#define VDSO __attribute__((section(".vdso.text"), flatten))
#define NSEC 1000000000ul

int __vdso_clock_gettime(int id, struct __kernel_timespec *ts);
int __vdso_clock_getres(int id, struct __kernel_timespec *ts);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
__kernel_old_time_t __vdso_time(__kernel_old_time_t *t);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static inline long fallback(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("call unigornel_syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b)
			 : "rcx", "r11", "memory", "cc");
	return ret;
}

static inline bool fast_clock(int id)
{
	return (unsigned)id < CLOCK_PAGE_CLOCKS && (CLOCK_PAGE_IDS >> id & 1) &&
	       __builtin_expect(clock_page.mode != CLOCK_MODE_NONE, 1);
}

static inline uint64_t now(int id)
{
	uint32_t seq;
	uint64_t ns;

	do {
		seq = clock_page_begin(&clock_page);
		ns = clock_page_now(&clock_page) + clock_page.offset[id];
	} while (clock_page_retry(&clock_page, seq));
	return ns;
}

/* The rest of clock_gettime, out of line to keep the usual way short. */
static VDSO __attribute__((noinline)) int slow_gettime(int id, struct __kernel_timespec *ts)
{
	uint64_t ns, sec;

	if (!fast_clock(id))
		return (int)fallback(__NR_clock_gettime, id, (long)ts);
	ns = now(id);
	sec = ns / NSEC;
	ts->tv_sec = (long long)sec;
	ts->tv_nsec = (long long)(ns - sec * NSEC);
	return 0;
}

/* Aligned to lie within one page: emulators chain their translations within pages only. */
VDSO __attribute__((aligned(256))) int __vdso_clock_gettime(int id, struct __kernel_timespec *ts)
{
	uint64_t ns, sec;
	uint32_t seq;

	if ((unsigned)id >= CLOCK_PAGE_CLOCKS || !(clock_page.tsc_clocks >> id & 1))
		return slow_gettime(id, ts);
	/* Few branches: this is what time.Now costs. */
	do {
		seq = atomic_load_explicit(&clock_page.seq, memory_order_acquire);
		ns = mul_high(rdtsc_ordered() - clock_page.tsc_base, clock_page.mult) +
		     clock_page.ns_base + clock_page.offset[id];
	} while (clock_page_retry(&clock_page, seq & ~1u));
	sec = ns / NSEC;
	ts->tv_sec = (long long)sec;
	ts->tv_nsec = (long long)(ns - sec * NSEC);
	return 0;
}

VDSO int __vdso_clock_getres(int id, struct __kernel_timespec *ts)
{
	return (int)fallback(__NR_clock_getres, id, (long)ts);
}

VDSO int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz)
{
	uint64_t ns, sec;

	if (tz || !tv || !fast_clock(CLOCK_REALTIME))
		return (int)fallback(__NR_gettimeofday, (long)tv, (long)tz);
	ns = now(CLOCK_REALTIME);
	sec = ns / NSEC;
	tv->tv_sec = (long)sec;
	tv->tv_usec = (long)((ns - sec * NSEC) / 1000);
	return 0;
}

VDSO __kernel_old_time_t __vdso_time(__kernel_old_time_t *t)
{
	__kernel_old_time_t sec;

	if (!fast_clock(CLOCK_REALTIME))
		return fallback(__NR_time, (long)t, 0);
	sec = (__kernel_old_time_t)(now(CLOCK_REALTIME) / NSEC);
	if (t)
		*t = sec;
	return sec;
}

VDSO long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	(void)unused;
	if (cpu)
		*cpu = this_cpu()->id;
	if (node)
		*node = 0;
	return 0;
}

const void *vdso_ehdr(void)
{
	extern const char vdso_header[];

	return vdso_header;
}
