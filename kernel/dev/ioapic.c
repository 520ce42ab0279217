#include <asm/errno.h>
#include <stddef.h>
#include "dev/acpi.h"
#include "dev/ioapic.h"
#include "dev/irq.h"
#include "mm/vmap.h"

#define IOREGSEL    0 /* index of the 32-bit word: selects a register, */
#define IOWIN	    4 /* which this one then reads and writes */
#define REG_VERSION 1u
#define REG_REDIR   0x10u /* two registers a line */

#define REDIR_LOW    (1u << 13)
#define REDIR_LEVEL  (1u << 15)
#define REDIR_MASKED (1u << 16)

static struct {
	volatile uint32_t *registers;
	uint32_t gsi_base, lines;
} ioapics[MAX_IOAPICS];
static unsigned nioapics;

static uint32_t ioapic_read(volatile uint32_t *r, uint32_t reg)
{
	r[IOREGSEL] = reg;
	return r[IOWIN];
}

static void ioapic_write(volatile uint32_t *r, uint32_t reg, uint32_t v)
{
	r[IOREGSEL] = reg;
	r[IOWIN] = v;
}

void ioapic_init(const struct interrupt_model *m)
{
	for (unsigned i = 0; i < m->nioapics; i++) {
		uint64_t page = page_align_down(m->ioapic[i].address);
		volatile char *v = vmap_device(page, PAGE_SIZE);
		volatile uint32_t *r;
		uint32_t version;

		if (!v)
			continue;
		r = (volatile void *)(v + (m->ioapic[i].address - page));
		version = ioapic_read(r, REG_VERSION);
		if (version == ~0u)
			continue; /* nothing there */
		ioapics[nioapics].registers = r;
		ioapics[nioapics].gsi_base = m->ioapic[i].gsi_base;
		ioapics[nioapics].lines = (version >> 16 & 0xff) + 1;
		for (uint32_t n = 0; n < ioapics[nioapics].lines; n++)
			ioapic_write(r, REG_REDIR + 2 * n, REDIR_MASKED);
		nioapics++;
	}
}

int ioapic_route(uint32_t gsi, unsigned flags, unsigned vector, uint32_t lapic_id)
{
	for (unsigned i = 0; i < nioapics; i++) {
		volatile uint32_t *r = ioapics[i].registers;
		uint32_t n = gsi - ioapics[i].gsi_base, low = vector;

		if (gsi < ioapics[i].gsi_base || n >= ioapics[i].lines)
			continue;
		if (flags & IRQ_LOW)
			low |= REDIR_LOW;
		if (flags & IRQ_LEVEL)
			low |= REDIR_LEVEL;
		/* The destination first: the low half unmasks the line. */
		ioapic_write(r, REG_REDIR + 2 * n + 1, lapic_id << 24);
		ioapic_write(r, REG_REDIR + 2 * n, low);
		return 0;
	}
	return -ENODEV;
}
