#include <stddef.h>
#include "arch/x86_64/cpu.h"
#include "dev/irq.h"
#include "dev/lapic.h"
#include "mm/vmap.h"

#define REG_ID		  0x20u
#define REG_VERSION	  0x30u
#define REG_TPR		  0x80u
#define REG_EOI		  0xb0u
#define REG_SPURIOUS	  0xf0u
#define REG_LVT_TIMER	  0x320u
#define REG_LVT_THERMAL	  0x330u
#define REG_LVT_PERF	  0x340u
#define REG_LVT_LINT0	  0x350u
#define REG_LVT_LINT1	  0x360u
#define REG_LVT_ERROR	  0x370u
#define REG_TIMER_INITIAL 0x380u
#define REG_TIMER_CURRENT 0x390u
#define REG_TIMER_DIVIDE  0x3e0u

#define SPURIOUS_ENABLE	       0x100u
#define LVT_MASKED	       0x10000u
#define LVT_TIMER_TSC_DEADLINE 0x40000u
#define DIVIDE_BY_16	       3u

#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)

#define CPUID1_EDX_APIC		(1u << 9)
#define CPUID1_ECX_X2APIC	(1u << 21)
#define CPUID1_ECX_TSC_DEADLINE (1u << 24)

static volatile uint32_t *registers; /* xAPIC */
static bool x2apic, ready, tsc_deadline;

static uint32_t lapic_read(uint32_t reg)
{
	return x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : registers[reg / 4];
}

static void lapic_write(uint32_t reg, uint32_t v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		registers[reg / 4] = v;
}

bool lapic_init(uint64_t phys)
{
	static const uint32_t lvt[] = {REG_LVT_TIMER, REG_LVT_LINT0, REG_LVT_LINT1,
				       REG_LVT_ERROR, REG_LVT_PERF,  REG_LVT_THERMAL};
	struct cpuid features = cpuid(1, 0);
	uint64_t base;
	uint32_t last_lvt;

	if (!(features.edx & CPUID1_EDX_APIC))
		return false;
	base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
	if (features.ecx & CPUID1_ECX_X2APIC) {
		/* From disabled, xAPIC mode comes first (SDM figure 11-27). */
		wrmsr(MSR_APIC_BASE, base);
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
		x2apic = true;
	} else {
		wrmsr(MSR_APIC_BASE, base);
		registers = vmap_device(phys, PAGE_SIZE);
		if (!registers)
			return false;
	}
	tsc_deadline = features.ecx & CPUID1_ECX_TSC_DEADLINE;
	lapic_write(REG_SPURIOUS, SPURIOUS_ENABLE | IRQ_SPURIOUS_VECTOR);
	/* The optional ones at the end of the list exist from "max LVT entry" on. */
	last_lvt = lapic_read(REG_VERSION) >> 16 & 0xff;
	for (unsigned i = 0; i < sizeof lvt / sizeof *lvt && i <= last_lvt; i++)
		lapic_write(lvt[i], LVT_MASKED);
	lapic_write(REG_TPR, 0);
	lapic_write(REG_TIMER_DIVIDE, DIVIDE_BY_16);
	ready = true;
	lapic_eoi(); /* should firmware have left one in service */
	return true;
}

bool lapic_present(void)
{
	return ready;
}

uint32_t lapic_id(void)
{
	if (!ready)
		return 0;
	return x2apic ? lapic_read(REG_ID) : lapic_read(REG_ID) >> 24;
}

void lapic_eoi(void)
{
	if (ready)
		lapic_write(REG_EOI, 0);
}

bool lapic_has_tsc_deadline(void)
{
	return ready && tsc_deadline;
}

void lapic_timer_init(unsigned vector)
{
	if (!ready)
		return;
	if (tsc_deadline) {
		lapic_write(REG_LVT_TIMER, LVT_TIMER_TSC_DEADLINE | vector);
		/* Without it a write of the MSR could pass the mode change (SDM 11.5.4.1). */
		__asm__ volatile("mfence" : : : "memory");
	} else {
		lapic_write(REG_LVT_TIMER, vector);
	}
}

void lapic_timer_set_tsc(uint64_t tsc)
{
	wrmsr(MSR_TSC_DEADLINE, tsc);
}

void lapic_timer_set_count(uint32_t count)
{
	lapic_write(REG_TIMER_INITIAL, count);
}

uint32_t lapic_timer_count(void)
{
	return lapic_read(REG_TIMER_CURRENT);
}
