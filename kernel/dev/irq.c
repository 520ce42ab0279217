#include <asm/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/percpu.h"
#include "dev/acpi.h"
#include "dev/ioapic.h"
#include "dev/irq.h"
#include "dev/lapic.h"
#include "lib/printk.h"
#include "lib/spinlock.h"

/*
 * An interrupt stays "in service" from its arrival until its deferred handler has run, and holds up
 * those of its own and lower priority class (vector / 16) so long. Lines get the low classes, local
 * sources (the timer above all) the highest.
 */
#define VECTOR_LINES 0x30u /* below: exceptions; 0x20-0x2f, where a stray 8259 could land */
#define VECTOR_LOCAL 0xe0u
#define VECTOR_END   IRQ_SPURIOUS_VECTOR

static struct {
	irq_handler_t handler;
	void *arg;
} vectors[VECTOR_END - VECTOR_LINES];
static uint32_t vector_gsi[VECTOR_LOCAL - VECTOR_LINES];

/* Guards the tables while they change. irq_dispatch only reads, entries that are complete. */
static spinlock_t irq_lock;
static unsigned next_line = VECTOR_LINES, next_local = VECTOR_LOCAL;
static struct interrupt_model model;
static bool have_controller;

/* The two 8259s: all lines masked. They are on when a PC starts. */
static void pic_mask(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void irq_init(void)
{
	const struct acpi_header *madt = acpi_find("APIC");

	interrupt_model_default(&model);
	if (madt && !madt_parse(&model, madt, madt->length))
		printk("unigornel: ACPI: the MADT is malformed, using the PC's defaults\n");
	pic_mask();
	have_controller = lapic_init(model.lapic);
	if (have_controller)
		ioapic_init(&model);
}

int irq_request_gsi(unsigned gsi, unsigned flags, irq_handler_t handler, void *arg)
{
	unsigned vector = 0;
	int err = -ENODEV;

	if (gsi < ISA_IRQS) {
		flags |= model.isa[gsi].flags;
		gsi = model.isa[gsi].gsi;
	}
	if (!have_controller)
		return -ENODEV;
	spin_lock(&irq_lock);
	for (unsigned v = VECTOR_LINES; v < next_line; v++)
		if (vector_gsi[v - VECTOR_LINES] == gsi)
			err = -EBUSY;
	if (err != -EBUSY && next_line == VECTOR_LOCAL)
		err = -ENOSPC;
	if (err == -ENODEV) {
		vector = next_line;
		vectors[vector - VECTOR_LINES].arg = arg;
		vectors[vector - VECTOR_LINES].handler = handler;
		err = ioapic_route(gsi, flags, vector, lapic_id());
		if (err) {
			vectors[vector - VECTOR_LINES].handler = NULL;
		} else {
			vector_gsi[vector - VECTOR_LINES] = gsi;
			next_line++;
		}
	}
	spin_unlock(&irq_lock);
	return err;
}

int irq_alloc_message(irq_handler_t handler, void *arg)
{
	int vector = -ENOSPC;

	if (!have_controller)
		return -ENODEV;
	spin_lock(&irq_lock);
	if (next_line < VECTOR_LOCAL) {
		vector = (int)next_line++;
		vector_gsi[(unsigned)vector - VECTOR_LINES] = UINT32_MAX;
		vectors[(unsigned)vector - VECTOR_LINES].arg = arg;
		vectors[(unsigned)vector - VECTOR_LINES].handler = handler;
	}
	spin_unlock(&irq_lock);
	return vector;
}

uint32_t irq_message_target(void)
{
	return lapic_id();
}

const struct interrupt_model *irq_model(void)
{
	return &model;
}

int irq_alloc_vector(irq_handler_t handler, void *arg)
{
	int vector = -ENOSPC;

	spin_lock(&irq_lock);
	if (next_local < VECTOR_END) {
		vector = (int)next_local++;
		vectors[(unsigned)vector - VECTOR_LINES].arg = arg;
		vectors[(unsigned)vector - VECTOR_LINES].handler = handler;
	}
	spin_unlock(&irq_lock);
	return vector;
}

/*
 * Ends the interrupt. The LAPIC ends the highest one in service, whichever is meant: those above,
 * which arrived while the handler ran, therefore go first. Otherwise the end would be theirs, they
 * could arrive once more before their handler has run, as one, and ours would be in service for
 * ever.
 */
static void end(unsigned vector)
{
	uint64_t flags = interrupts_save();
	unsigned above;

	while ((above = irq_take_pending_above(vector))) {
		interrupts_restore(flags);
		irq_dispatch(above);
		interrupts_off();
	}
	lapic_eoi();
	interrupts_restore(flags);
}

void irq_dispatch(unsigned vector)
{
	if (vector == IRQ_SPURIOUS_VECTOR)
		return; /* was never in service (SDM 11.9) */
	if (vector >= VECTOR_LINES && vector < VECTOR_END && vectors[vector - VECTOR_LINES].handler)
		vectors[vector - VECTOR_LINES].handler(vectors[vector - VECTOR_LINES].arg);
	end(vector);
}
