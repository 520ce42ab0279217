/*
 * A PC, real or (here) virtual: QEMU microvm, q35 and pc with TCG or KVM, Firecracker, Cloud
 * Hypervisor. Serial console, LAPIC and IOAPIC, TSC or pvclock, CMOS clock.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/uart.h"
#include "hyper/hyper.h"

#define EXIT_PORT 0xe9 /* docs/image.md, "Exit" */

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

/* Every machine has at least the last of the three ways to reset. */
static void __attribute__((noreturn)) pc_shutdown(int code)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = {0, 0};

	interrupts_off();
	uart_drain();
	exit_record(code);
	outb(0x64, 0xfe);  /* keyboard controller: pulse the reset line (pc, q35, Firecracker) */
	outb(0xcf9, 0x02); /* chipset reset control: hard reset on the rising edge of bit 2 */
	outb(0xcf9, 0x06);
	/* Triple fault: an exception that finds no handler, nor one for the double fault. */
	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
	cpu_halt_forever();
}

const struct hypervisor hyper_pc = {
    .name = "pc",
    .detect = pc_detect,
    .early_init = uart_init,
    .console_write = uart_write,
    .console_start_input = uart_start_input,
    .shutdown = pc_shutdown,
};
