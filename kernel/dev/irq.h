/*
 * Device interrupts.
 *
 * Handlers run in kernel context, never nested in kernel code (docs/architecture.md,
 * "Interrupts"): they may take spin locks, wake threads and arm timers, and must not block.
 */
#pragma once
#include <stdint.h>

#define IRQ_LEVEL 1u /* level triggered (else edge) */
#define IRQ_LOW	  2u /* active low (else high) */

typedef void (*irq_handler_t)(void *arg);

#define IRQ_SPURIOUS_VECTOR 0xffu

/* Finds and sets up the interrupt controllers of a PC: LAPIC, IOAPICs, 8259s off. */
void irq_init(void);

/* Routes a global system interrupt of the IOAPIC to this CPU. Numbers 0-15 are ISA IRQs: the
 * firmware may have wired them to another line, and may add to flags.
 * 0, -ENODEV without an IOAPIC, -EBUSY, -ENOSPC. */
int irq_request_gsi(unsigned gsi, unsigned flags, irq_handler_t handler, void *arg);
/* Allocates a vector for a local source (LAPIC timer, Xen's callback). Vector or -ENOSPC. */
int irq_alloc_vector(irq_handler_t handler, void *arg);
/* Allocates a vector for a device's message (MSI): of lower priority than the timer's. Vector or
 * -ENOSPC. */
int irq_alloc_message(irq_handler_t handler, void *arg);
/* The local APIC that device messages go to, for the address of an MSI. */
uint32_t irq_message_target(void);
struct interrupt_model;
/* What firmware says of the interrupt controllers (dev/acpi.h); after irq_init. */
const struct interrupt_model *irq_model(void);
/* Runs the handler of a vector (32-255) that arrived and ends the interrupt. Called by the trap
 * entry, on the interrupted thread's kernel stack or later where the kernel may be interrupted. */
void irq_dispatch(unsigned vector);
