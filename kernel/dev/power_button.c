#include "dev/power_button.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/acpi.h"
#include "dev/acpi_power.h"
#include "dev/irq.h"
#include "lib/printk.h"
#include "mm/vmap.h"
#include "sys/power.h"
#include "time/clock.h"

#define MSEC 1000000ull

/* PM1 status and enable registers, section 4.8.3.1. */
#define PM1_POWER_BUTTON (1u << 8)
#define PM1_ALL_STATUS	 0xffffu
/* PM1 control register, section 4.8.3.2. */
#define PM1_SCI_EN   (1u << 0)
#define PM1_SLP_TYP  10
#define PM1_SLP_MASK (7u << PM1_SLP_TYP)
#define PM1_SLP_EN   (1u << 13)
/* Sleep control register of reduced hardware, section 4.8.3.7. */
#define SLEEP_TYP 2
#define SLEEP_EN  (1u << 5)

/* How long firmware may take to hand the registers over, and the machine to go off. */
#define HANDOVER_NS (300 * MSEC)
#define OFF_NS	    (200 * MSEC)

static struct fadt fadt;
static bool off_known;
static uint8_t off_type;
static volatile uint32_t *ged_events;
static volatile uint8_t *sleep_control; /* in memory */

static void pm1_interrupt(void *arg)
{
	uint16_t port = (uint16_t)fadt.pm1_event.address;
	unsigned status = inw(port);

	(void)arg;
	outw(port, (uint16_t)status); /* ones clear */
	if (status & PM1_POWER_BUTTON)
		power_request(POWER_OFF);
}

static void ged_interrupt(void *arg)
{
	(void)arg;
	if (*ged_events & GED_POWER_DOWN)
		power_request(POWER_OFF);
}

/* Section 4.8.2.5: firmware has the registers until it is told by its port. */
static bool take_over(void)
{
	uint16_t control = (uint16_t)fadt.pm1_control.address;
	uint64_t end = clock_monotonic() + HANDOVER_NS;

	if (inw(control) & PM1_SCI_EN)
		return true;
	if (!fadt.smi_command || !fadt.acpi_enable)
		return false;
	outb(fadt.smi_command, fadt.acpi_enable);
	while (!(inw(control) & PM1_SCI_EN)) {
		if (clock_monotonic() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* The SCI is level triggered and active low, unless the MADT says otherwise (section 5.2.9). */
static unsigned sci_flags(void)
{
	const struct interrupt_model *m = irq_model();

	if (fadt.sci < ISA_IRQS && m->isa[fadt.sci].overridden)
		return IRQ_LEVEL;
	return IRQ_LEVEL | IRQ_LOW;
}

static bool fixed_button(void)
{
	uint16_t status = (uint16_t)fadt.pm1_event.address;
	uint16_t enable = (uint16_t)(status + fadt.pm1_event_half);

	if (!fadt.fixed_button || !fadt.pm1_event.port || !fadt.pm1_event.address ||
	    !fadt.pm1_control.port || !fadt.pm1_control.address || !take_over())
		return false;
	outw(enable, 0);
	outw(status, PM1_ALL_STATUS);
	if (irq_request_gsi(fadt.sci, sci_flags(), pm1_interrupt, NULL))
		return false;
	outw(enable, PM1_POWER_BUTTON);
	return true;
}

static bool ged_button(const struct acpi_header *dsdt)
{
	struct ged g;

	if (!aml_find_ged(dsdt, dsdt->length, &g))
		return false;
	ged_events = vmap_device(g.address, sizeof *ged_events);
	if (!ged_events)
		return false;
	return !irq_request_gsi(g.gsi, g.flags, ged_interrupt, NULL);
}

bool power_button_init(void)
{
	const struct acpi_header *table = acpi_find("FACP"), *dsdt;

	if (!table || !fadt_parse(&fadt, table, table->length))
		return false;
	dsdt = acpi_map(fadt.dsdt, "DSDT");
	if (!dsdt)
		return false;
	off_known = aml_find_s5(dsdt, dsdt->length, &off_type);
	if (fadt.sleep_control.address && !fadt.sleep_control.port)
		sleep_control = vmap_device(fadt.sleep_control.address, 1);
	return fadt.hardware_reduced ? ged_button(dsdt) : fixed_button();
}

void power_button_off(void)
{
	uint64_t end = clock_monotonic() + OFF_NS;

	if (!off_known)
		return;
	if (fadt.hardware_reduced) {
		unsigned value = (unsigned)off_type << SLEEP_TYP | SLEEP_EN;

		if (sleep_control)
			*sleep_control = (uint8_t)value;
		else if (fadt.sleep_control.address)
			outb((uint16_t)fadt.sleep_control.address, (uint8_t)value);
		else
			return;
	} else if (fadt.pm1_control.port && fadt.pm1_control.address) {
		uint16_t port = (uint16_t)fadt.pm1_control.address;

		outw(port, (uint16_t)((inw(port) & ~PM1_SLP_MASK) |
				      (unsigned)off_type << PM1_SLP_TYP | PM1_SLP_EN));
	} else {
		return;
	}
	while (clock_monotonic() < end)
		cpu_relax();
}
