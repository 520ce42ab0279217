/* The Multiple APIC Description Table, ACPI 6.4 section 5.2.12. Pure: bytes in, struct out. */
#include "dev/acpi.h"
#include "dev/irq.h"

#define MADT_ENTRIES 44 /* offset of the first entry */

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9
};

#define CPU_ENABLED 1u

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

void interrupt_model_default(struct interrupt_model *m)
{
	*m = (struct interrupt_model){.lapic = 0xfee00000, .nioapics = 1};
	m->ioapic[0].address = 0xfec00000;
	for (unsigned i = 0; i < ISA_IRQS; i++)
		m->isa[i].gsi = i;
}

static void add_cpu(struct interrupt_model *m, uint32_t id, uint32_t flags)
{
	if (!(flags & CPU_ENABLED))
		return;
	if (m->ncpus < MAX_CPU_LIST)
		m->apic_id[m->ncpus] = id;
	m->ncpus++;
}

/* MPS INTI flags, table 5.26: 0 is the bus's own way, for ISA active high and edge. */
static uint8_t irq_flags(uint32_t inti)
{
	uint8_t flags = 0;

	if ((inti & 3) == 3)
		flags |= IRQ_LOW;
	if ((inti >> 2 & 3) == 3)
		flags |= IRQ_LEVEL;
	return flags;
}

/* One entry of n bytes (its own length field, already checked to lie within the table). */
static void madt_entry(struct interrupt_model *m, const uint8_t *e, size_t n)
{
	if (e[0] == MADT_LAPIC && n >= 8) {
		add_cpu(m, e[3], get32(e + 4));
	} else if (e[0] == MADT_X2APIC && n >= 16) {
		add_cpu(m, get32(e + 4), get32(e + 8));
	} else if (e[0] == MADT_IOAPIC && n >= 12 && m->nioapics < MAX_IOAPICS) {
		m->ioapic[m->nioapics].address = get32(e + 4);
		m->ioapic[m->nioapics].gsi_base = get32(e + 8);
		m->nioapics++;
	} else if (e[0] == MADT_OVERRIDE && n >= 10 && e[2] == 0 && e[3] < ISA_IRQS) {
		m->isa[e[3]].gsi = get32(e + 4);
		m->isa[e[3]].overridden = true;
		m->isa[e[3]].flags = irq_flags(e[8] | (uint32_t)e[9] << 8);
	} else if (e[0] == MADT_LAPIC_ADDRESS && n >= 12) {
		m->lapic = get64(e + 4);
	}
}

bool madt_parse(struct interrupt_model *m, const void *madt, size_t length)
{
	const uint8_t *p = madt;

	interrupt_model_default(m);
	if (length < MADT_ENTRIES)
		return false;
	m->from_firmware = true;
	m->lapic = get32(p + 36);
	m->nioapics = 0;
	for (size_t at = MADT_ENTRIES; at + 2 <= length;) {
		size_t n = p[at + 1];

		if (n < 2 || n > length - at) {
			interrupt_model_default(m);
			return false;
		}
		madt_entry(m, p + at, n);
		at += n;
	}
	return true;
}
