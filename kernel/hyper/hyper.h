/*
 * What differs between the machines we run on, behind one table. Chosen once at boot from CPUID:
 * "pc" (QEMU, KVM, Firecracker, Cloud Hypervisor: kernel/hyper/pc.c) or "xen" (PVH guest:
 * kernel/hyper/xen/).
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

struct hypervisor {
	const char *name;
	/* True if this is where we run. Called before anything else is set up; no allocation. */
	bool (*detect)(void);
	/* Makes console_write work. Called once with early page tables, no allocator. */
	void (*early_init)(void);
	/* Asks the hypervisor where RAM is, if the loader did not say (boot_add_ram). May be NULL.
	 */
	void (*memory_map)(void);
	/* Maps what early_init found, once the final page tables stand. May be NULL. */
	void (*memory_ready)(void);
	/* Interrupt controller, once memory is up; interrupts are still off. */
	void (*irq_init)(void);
	/* Clocks, called by time/clock.c in this order. A pvclock, if the machine has one: hands it
	 * to clock_use_pvclock and returns true. NULL or false: the TSC alone. */
	bool (*clock_init)(void);
	/* The wall clock in ns since 1970 at monotonic time 0; 0 if unknown. */
	uint64_t (*wall_clock)(void);
	/* One-shot timer: calls expired (as an interrupt handler) once the monotonic deadline that
	 * was set last has come, or earlier; UINT64_MAX: never. */
	void (*timer_init)(void (*expired)(void *));
	void (*timer_set)(uint64_t deadline);
	/* Console out: synchronous, no allocation, usable from panic. */
	void (*console_write)(const char *s, size_t n);
	/* Console in: interrupt-driven; calls tty_input (dev/tty.h) with what arrives. */
	void (*console_start_input)(void);
	/* Finds devices that need memory, clocks and files: network interfaces register themselves
	 * (net/netif.h). May be NULL. */
	void (*probe_devices)(void);
	/* Ends the machine and carries the code out (docs/image.md, "Exit"). */
	void (*shutdown)(int code) __attribute__((noreturn));
};

extern const struct hypervisor *hyper; /* set by hyper_select, constant afterwards */
void hyper_select(void);
extern const struct hypervisor hyper_pc, hyper_xen;
