/*
 * What a machine's ACPI tables say about its power button and about switching it off. Pure: bytes
 * in, struct out (ACPI specification 6.4).
 *
 * The tables are firmware's, so they are believed; but nothing is read beyond their length.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A register: section 5.2.3.2, "Generic Address Structure". Ports or memory, whole bytes. */
struct acpi_register {
	uint64_t address; /* 0: there is none */
	bool port;
};

/* The Fixed ACPI Description Table, section 5.2.9, as far as it is about this. */
struct fadt {
	uint64_t dsdt;	       /* physical address */
	bool hardware_reduced; /* none of the fixed hardware: no PM1 registers, no SCI */
	bool fixed_button;     /* the power button is a bit of the PM1 event registers */
	uint16_t sci;	       /* global system interrupt of ACPI events */
	uint16_t
	    smi_command; /* port: writing acpi_enable gives ACPI the registers; 0: it has them */
	uint8_t acpi_enable;
	struct acpi_register pm1_event; /* status; the enable register is behind it, */
	uint8_t pm1_event_half;		/* by this many bytes */
	struct acpi_register pm1_control;
	struct acpi_register sleep_control; /* hardware_reduced */
};

/* False if it is too short to make sense. */
bool fadt_parse(struct fadt *f, const void *table, size_t length);

/*
 * Search the byte code (chapter 20) of a DSDT of length bytes, header included, for objects as
 * compilers and QEMU write them; it is not interpreted.
 */

/* The first value of the package \_S5 (section 7.4.2.6): what SLP_TYP switches the machine off. */
bool aml_find_s5(const void *dsdt, size_t length, uint8_t *type);

/* A generic event device (section 5.6.9) with QEMU's register
 * (docs/specs/acpi_hw_reduced_hotplug.rst of QEMU): 32 bits, one for each event, cleared by
 * reading. */
struct ged {
	uint64_t address;
	uint32_t gsi;
	unsigned flags; /* as irq_request_gsi (dev/irq.h) */
};

#define GED_POWER_DOWN 2u

bool aml_find_ged(const void *dsdt, size_t length, struct ged *g);
