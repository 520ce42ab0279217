/*
 * A PC, real or (here) virtual: QEMU microvm, q35 and pc with TCG or KVM, Firecracker, Cloud
 * Hypervisor. Serial console, LAPIC and IOAPIC, TSC or pvclock, CMOS clock.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/irq.h"
#include "dev/lapic.h"
#include "dev/power_button.h"
#include "dev/rtc.h"
#include "dev/uart.h"
#include "dev/virtio/virtio.h"
#include "hyper/hyper.h"
#include "lib/exitcode.h"
#include "lib/muldiv.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/timer.h"
#include "sys/power.h"
#include "time/clock.h"
#include "time/pvclock.h"

#define EXIT_PORT 0xe9 /* docs/image.md, "Exit" */

#define NSEC 1000000000ull

static bool pc_detect(void)
{
	return true;
}

static void exit_record(int code)
{
	static const char head[] = "unigornel: exit ";
	char digits[4], *p = digits + sizeof digits;
	unsigned n = (unsigned)code & 0xff;

	*--p = '\n';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	outsb(EXIT_PORT, head, sizeof head - 1);
	outsb(EXIT_PORT, p, (size_t)(digits + sizeof digits - p));
}

/* Tells the tool that it may send: what comes before the FIFOs are on can be lost. */
static void pc_start_input(void)
{
	static const char text[] = "unigornel: input\n";

	uart_start_input();
	outsb(EXIT_PORT, text, sizeof text - 1);
}

/* Off, where it can be switched off; else, and when it is to start again, reset: every machine has
 * at least the last of the three ways. */
static void __attribute__((noreturn)) pc_shutdown(int code)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = {0, 0};

	interrupts_off();
	uart_drain();
	exit_record(code);
	if (code != EXIT_KERNEL_PANIC && !power_reboot_wanted())
		power_button_off();
	outb(0x64, 0xfe);  /* keyboard controller: pulse the reset line (pc, q35, Firecracker) */
	outb(0xcf9, 0x02); /* chipset reset control: hard reset on the rising edge of bit 2 */
	outb(0xcf9, 0x06);
	/* Triple fault: an exception that finds no handler, nor one for the double fault. */
	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
	cpu_halt_forever();
}

/* KVM's feature bits, 0 elsewhere (Linux Documentation/virt/kvm/x86/cpuid.rst). With Hyper-V's
 * interface emulated as well, KVM's leaves come second. */
static uint32_t kvm_features(void)
{
	if (!(cpuid(1, 0).ecx >> 31))
		return 0;
	for (uint32_t base = 0x40000000; base <= 0x40000100; base += 0x100) {
		struct cpuid r = cpuid(base, 0);
		uint32_t signature[3] = {r.ebx, r.ecx, r.edx};

		if (!memcmp(signature, "KVMKVMKVM\0\0", 12))
			return cpuid(base + 1, 0).eax;
	}
	return 0;
}

#define KVM_FEATURE_CLOCKSOURCE2 (1u << 3)

/* Written by KVM: a page has to hold each whole, and virtual is physical in the image. */
static struct pvclock_time kvm_time __attribute__((aligned(64)));
static struct pvclock_wall kvm_wall __attribute__((aligned(64)));

static bool pc_clock_init(void)
{
	if (!(kvm_features() & KVM_FEATURE_CLOCKSOURCE2))
		return false;
	wrmsr(MSR_KVM_SYSTEM_TIME, (uintptr_t)&kvm_time | 1);
	if (!pvclock_tsc_hz(&kvm_time))
		return false;
	clock_use_pvclock(&kvm_time);
	return true;
}

static uint64_t pc_wall_clock(void)
{
	int64_t seconds;
	uint64_t wall = 0;

	if (pvclock_tsc_hz(&kvm_time)) {
		wrmsr(MSR_KVM_WALL_CLOCK, (uintptr_t)&kvm_wall);
		wall = pvclock_wall(&kvm_wall, 0);
		if (wall)
			return wall + pvclock_read(&kvm_time) - clock_monotonic();
	}
	/* Half a second makes the expected error nought. */
	if (rtc_read(&seconds) && seconds > 0)
		wall = (uint64_t)seconds * NSEC + NSEC / 2 - clock_monotonic();
	return wall;
}

static uint64_t lapic_hz;

/* Counts of the LAPIC timer a second, measured against the clock. */
static uint64_t measure_lapic(void)
{
	uint64_t best = 0, tightest = UINT64_MAX;

	lapic_timer_set_count(UINT32_MAX);
	for (unsigned i = 0; i < 4; i++) {
		uint32_t c0 = lapic_timer_count();
		uint64_t t0 = clock_monotonic(), t1;
		uint32_t c1;

		do {
			c1 = lapic_timer_count();
			t1 = clock_monotonic();
		} while (t1 - t0 < 50000);
		if (t1 - t0 < tightest) {
			tightest = t1 - t0;
			best = muldiv(c0 - c1, NSEC, t1 - t0);
		}
		if (best > LAPIC_USUAL_HZ / 20 * 19 && best < LAPIC_USUAL_HZ / 20 * 21) {
			best = LAPIC_USUAL_HZ;
			break;
		}
	}
	lapic_timer_set_count(0);
	return best;
}

static void pc_timer_init(void (*expired)(void *))
{
	int vector = irq_alloc_vector(expired, NULL);

	if (vector < 0 || !lapic_present())
		panic("this CPU has no local APIC: no timer");
	lapic_timer_init((unsigned)vector);
	if (!lapic_has_tsc_deadline()) {
		lapic_hz = measure_lapic();
		if (!lapic_hz)
			panic("the local APIC's timer does not count");
	}
}

static void pc_timer_set(uint64_t deadline)
{
	uint64_t now, count;

	if (lapic_has_tsc_deadline()) {
		lapic_timer_set_tsc(deadline == UINT64_MAX ? 0 : clock_tsc_at(deadline));
		return;
	}
	if (deadline == UINT64_MAX) {
		lapic_timer_set_count(0);
		return;
	}
	/* Up: an interrupt just before the deadline would need another. A deadline farther than the
	 * counter reaches is approached in steps. */
	now = clock_monotonic();
	count = deadline > now ? muldiv(deadline - now, lapic_hz, NSEC) + 1 : 1;
	lapic_timer_set_count(count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
}

/* Nobody presses it in the first moments, and the program need not wait. */
#define BUTTON_NS 20000000ull

static void find_button(struct timer *t)
{
	static const char text[] = "unigornel: button\n";

	(void)t;
	if (power_button_init())
		outsb(EXIT_PORT, text, sizeof text - 1);
}

static void pc_probe_devices(void)
{
	static struct timer button_timer;

	timer_setup(&button_timer, find_button);
	timer_arm(&button_timer, clock_monotonic() + BUTTON_NS);
	virtio_pci_probe();
	virtio_mmio_probe();
}

const struct hypervisor hyper_pc = {
    .name = "pc",
    .detect = pc_detect,
    .early_init = uart_init,
    .irq_init = irq_init,
    .wall_clock = pc_wall_clock,
    .clock_init = pc_clock_init,
    .timer_init = pc_timer_init,
    .timer_set = pc_timer_set,
    .console_write = uart_write,
    .console_start_input = pc_start_input,
    .probe_devices = pc_probe_devices,
    .shutdown = pc_shutdown,
};
