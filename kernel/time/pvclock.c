#include "time/clock_page.h"
#include "time/pvclock.h"

uint64_t pvclock_read(const volatile struct pvclock_time *t)
{
	return clock_pvclock_read(t);
}

uint64_t pvclock_tsc_hz(const volatile struct pvclock_time *t)
{
	uint32_t mul, version;
	int8_t shift;
	uint64_t hz;

	do {
		while ((version = t->version) & 1)
			cpu_relax();
		atomic_thread_fence(memory_order_acquire);
		mul = t->tsc_to_system_mul;
		shift = t->tsc_shift;
		atomic_thread_fence(memory_order_acquire);
	} while (t->version != version);
	if (!mul)
		return 0;
	hz = (1000000000ull << 32) / mul;
	return shift < 0 ? hz << -shift : hz >> shift;
}

uint64_t pvclock_wall(const volatile struct pvclock_wall *w, uint32_t sec_high)
{
	uint32_t version;
	uint64_t ns;

	do {
		while ((version = w->version) & 1)
			cpu_relax();
		atomic_thread_fence(memory_order_acquire);
		ns = ((uint64_t)sec_high << 32 | w->sec) * 1000000000ull + w->nsec;
		atomic_thread_fence(memory_order_acquire);
	} while (w->version != version);
	return ns;
}
