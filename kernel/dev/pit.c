#include "arch/x86_64/io.h"
#include "dev/pit.h"

/* Intel 8254 data sheet. Channel 2's gate is bit 0 of port 0x61, bit 1 the speaker. */
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_CONTROL  0x43
#define PORT_B	     0x61

#define CONTROL_0_ONE_SHOT 0x30 /* low then high byte, mode 0 */
#define CONTROL_2_RATE	   0xb4 /* low then high byte, mode 2 */
#define CONTROL_2_LATCH	   0x80

void pit_start(void)
{
	/* A periodic channel 0, as a BIOS leaves it, would wake the host 18 times a second. */
	outb(PIT_CONTROL, CONTROL_0_ONE_SHOT);
	outb(PIT_CHANNEL0, 1);
	outb(PIT_CHANNEL0, 0);
	outb(PORT_B, (uint8_t)((inb(PORT_B) & ~2) | 1));
	outb(PIT_CONTROL, CONTROL_2_RATE);
	outb(PIT_CHANNEL2, 0); /* 65536 */
	outb(PIT_CHANNEL2, 0);
}

void pit_latch(void)
{
	outb(PIT_CONTROL, CONTROL_2_LATCH);
}

uint16_t pit_latched(void)
{
	uint8_t low = inb(PIT_CHANNEL2);

	return (uint16_t)(low | inb(PIT_CHANNEL2) << 8);
}
