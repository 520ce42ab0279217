/* dev/pci.h: interrupts, by messages (MSI-X, PCI 3.0 section 6.8.2) or by pin (section 2.2.6). */
#include <asm/errno.h>
#include "dev/pci.h"
#include "mm/kmalloc.h"

#define MSIX_CONTROL	 2u /* offsets in the capability */
#define MSIX_TABLE	 4u
#define MSIX_SIZE	 0x07ffu
#define MSIX_MASK_ALL	 0x4000u
#define MSIX_ENABLE	 0x8000u
#define MSIX_ENTRY	 16u
#define MSIX_ENTRY_WORDS 4u
#define MSIX_MASKED	 1u

/* The address and data of a message for a local APIC: fixed delivery, edge (Intel SDM volume 3,
 * 11.11). */
#define MSI_ADDRESS 0xfee00000u

unsigned pci_msix_init(const struct pci_device *d, struct pci_msix *m)
{
	unsigned cap = pci_capability(d, PCI_CAP_MSIX, 0);
	uint16_t control;
	uint32_t where;

	if (!cap)
		return 0;
	control = pci_read16(d, cap + MSIX_CONTROL);
	where = pci_read32(d, cap + MSIX_TABLE);
	m->vectors = (control & MSIX_SIZE) + 1u;
	m->table = pci_map_bar(d, where & 7, where & ~7u, m->vectors * MSIX_ENTRY);
	if (!m->table)
		return m->vectors = 0;
	for (unsigned i = 0; i < m->vectors; i++)
		m->table[i * MSIX_ENTRY_WORDS + 3] = MSIX_MASKED;
	return m->vectors;
}

int pci_msix_request(struct pci_msix *m, unsigned i, irq_handler_t handler, void *arg)
{
	volatile uint32_t *entry = m->table + i * MSIX_ENTRY_WORDS;
	int vector;

	if (i >= m->vectors)
		return -EINVAL;
	vector = irq_alloc_message(handler, arg);
	if (vector < 0)
		return vector;
	entry[0] = MSI_ADDRESS | irq_message_target() << 12;
	entry[1] = 0;
	entry[2] = (uint32_t)vector;
	entry[3] = 0;
	return 0;
}

void pci_msix_enable(const struct pci_device *d)
{
	unsigned cap = pci_capability(d, PCI_CAP_MSIX, 0);
	uint16_t control = pci_read16(d, cap + MSIX_CONTROL);
	uint16_t command = pci_read16(d, PCI_COMMAND);

	pci_write16(d, PCI_COMMAND, command | PCI_COMMAND_NOINTX);
	pci_write16(d, cap + MSIX_CONTROL, (control & (uint16_t)~MSIX_MASK_ALL) | MSIX_ENABLE);
}

/* A line and who is on it. */
struct pin_user {
	struct pin_user *next;
	irq_handler_t handler;
	void *arg;
};

#define LINES 16u /* ISA's: what firmware writes into the interrupt line register */
static struct pin_user *pins[LINES];

static void pin_interrupt(void *arg)
{
	for (struct pin_user *u = *(struct pin_user **)arg; u; u = u->next)
		u->handler(u->arg);
}

int pci_intx_request(const struct pci_device *d, irq_handler_t handler, void *arg)
{
	uint8_t line = pci_read8(d, PCI_INTERRUPT_LINE);
	uint16_t command = pci_read16(d, PCI_COMMAND);
	struct pin_user *u;
	int err = 0;

	if (!pci_read8(d, PCI_INTERRUPT_PIN) || !line || line >= LINES)
		return -ENODEV;
	u = kmalloc(sizeof *u);
	if (!u)
		return -ENOMEM;
	*u = (struct pin_user){pins[line], handler, arg};
	/* Firmware's tables say that it is level and active high; if not, it is so all the same. */
	if (!pins[line])
		err = irq_request_gsi(line, IRQ_LEVEL, pin_interrupt, &pins[line]);
	if (err) {
		kfree(u);
		return err;
	}
	pins[line] = u;
	pci_write16(d, PCI_COMMAND, command & (uint16_t)~PCI_COMMAND_NOINTX);
	return 0;
}
