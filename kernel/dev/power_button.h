/*
 * The power button of a PC, and switching it off: by ACPI's fixed hardware (pc, q35) or by its
 * generic event device (microvm). ACPI specification 6.4, chapter 4.
 */
#pragma once
#include <stdbool.h>

/* Looks for both in the ACPI tables; the button becomes a power_request (sys/power.h) from here on.
 * False if there is no button. Once, after irq_init. */
bool power_button_init(void);
/* Switches the machine off. Comes back, after a moment, if it does not know how or it did not work.
 * Interrupts are off. */
void power_button_off(void);
