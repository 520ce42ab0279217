/* IOAPICs: they route interrupt lines ("global system interrupts") to CPUs. Intel 82093AA data
 * sheet. No locks: called from irq.c under its lock. */
#pragma once
#include <stdint.h>

struct interrupt_model;

/* Maps the IOAPICs of m and masks every line. */
void ioapic_init(const struct interrupt_model *m);
/* Sends line gsi to a vector of one CPU; flags as irq_request_gsi. 0, or -ENODEV: no such line. */
int ioapic_route(uint32_t gsi, unsigned flags, unsigned vector, uint32_t lapic_id);
