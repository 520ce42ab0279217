/* The few ACPI tables we read (ACPI specification 6.4, chapter 5.2). Nothing here allocates but
 * mappings, which stay. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision, creator_id, creator_revision;
} __attribute__((packed));

/* Finds a table by its signature, checks length and checksum, maps it. NULL if there is none. */
const struct acpi_header *acpi_find(const char signature[4]);
/* The table at a physical address, if it has this signature. NULL as above. */
const struct acpi_header *acpi_map(uint64_t phys, const char signature[4]);

#define ISA_IRQS     16
#define MAX_IOAPICS  8
#define MAX_CPU_LIST 64

/* What the MADT says about interrupts; the defaults of a machine without one otherwise. */
struct interrupt_model {
	bool from_firmware; /* there was a MADT */
	uint64_t lapic;
	unsigned nioapics;
	struct {
		uint64_t address;
		uint32_t gsi_base;
	} ioapic[MAX_IOAPICS];
	struct {
		uint32_t gsi;
		uint8_t flags;	 /* IRQ_LEVEL, IRQ_LOW: dev/irq.h */
		bool overridden; /* firmware spoke of it */
	} isa[ISA_IRQS];
	unsigned ncpus; /* enabled ones, at most MAX_CPU_LIST are listed */
	uint32_t apic_id[MAX_CPU_LIST];
};

/* The defaults: LAPIC at 0xfee00000, one IOAPIC at 0xfec00000, ISA IRQs wired straight. */
void interrupt_model_default(struct interrupt_model *m);
/* Reads a MADT of length bytes (section 5.2.12) over the defaults. False if it makes no sense. */
bool madt_parse(struct interrupt_model *m, const void *madt, size_t length);
