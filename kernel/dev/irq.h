/*
 * Device interrupts.
 *
 * Handlers run in kernel context, never nested in kernel code (docs/architecture.md,
 * "Interrupts"): they may take spin locks, wake threads and arm timers, and must not block.
 */
#pragma once
#include <stdint.h>

#define IRQ_LEVEL 1u /* level triggered (else edge) */
#define IRQ_LOW   2u /* active low (else high) */

typedef void (*irq_handler_t)(void *arg);

/* Routes a global system interrupt (ISA IRQs 0-15 are their GSI) of the IOAPIC to this CPU.
 * 0, -ENODEV without an IOAPIC, -EBUSY, -ENOSPC. */
int irq_request_gsi(unsigned gsi, unsigned flags, irq_handler_t handler, void *arg);
/* Allocates a vector for a local source (LAPIC timer, MSI, Xen's callback). Vector or -ENOSPC. */
int irq_alloc_vector(irq_handler_t handler, void *arg);
