/*
 * PCI: configuration space, the functions there are, their base address registers (BARs) and
 * interrupts (PCI Local Bus 3.0, PCI Express Base 5.0). Used at boot and under the drivers' locks;
 * what is found stays.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dev/irq.h"

struct pci_device {
	uint8_t bus, slot, function;
	uint16_t vendor, device;
	uint8_t header; /* type, without the multi-function bit */
};

/* Registers of every function (PCI 3.0, section 6.1), and bits in them. */
#define PCI_COMMAND	   0x04u
#define PCI_COMMAND_IO	   0x0001u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_NOINTX 0x0400u
#define PCI_STATUS	   0x06u
#define PCI_STATUS_CAPS	   0x0010u
#define PCI_BAR0	   0x10u
#define PCI_CAPABILITIES   0x34u
#define PCI_INTERRUPT_LINE 0x3cu
#define PCI_INTERRUPT_PIN  0x3du

#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX   0x11u

/* True if configuration space is reached by the ports 0xcf8 and 0xcfc. */
bool pci_has_ports(void);
/* Calls found for every function on every bus, in the order of bus, slot and function. */
void pci_scan(void (*found)(const struct pci_device *d));

uint8_t pci_read8(const struct pci_device *d, unsigned reg);
uint16_t pci_read16(const struct pci_device *d, unsigned reg);
uint32_t pci_read32(const struct pci_device *d, unsigned reg);
void pci_write8(const struct pci_device *d, unsigned reg, uint8_t v);
void pci_write16(const struct pci_device *d, unsigned reg, uint16_t v);
void pci_write32(const struct pci_device *d, unsigned reg, uint32_t v);

/* The offset of the next capability with this id behind after (0: the first); 0 if there is none.
 */
unsigned pci_capability(const struct pci_device *d, unsigned id, unsigned after);

/*
 * Maps length bytes at offset of a memory BAR, giving the BAR an address first if firmware did not.
 * NULL: no such memory.
 */
volatile void *pci_map_bar(const struct pci_device *d, unsigned bar, uint64_t offset,
			   uint64_t length);
/* For pci_bar.c: where ECAM lies, empty if there is none. */
void pci_ecam_range(uint64_t *start, uint64_t *end);

/* Interrupts by messages. The table has room for pci_msix_init vectors (0: none). */
struct pci_msix {
	volatile uint32_t *table;
	unsigned vectors;
};
unsigned pci_msix_init(const struct pci_device *d, struct pci_msix *m);
/* Entry i of the table raises a fresh vector with this handler. 0, -errno. */
int pci_msix_request(struct pci_msix *m, unsigned i, irq_handler_t handler, void *arg);
/* Switches from the interrupt pin to messages. */
void pci_msix_enable(const struct pci_device *d);
/* The interrupt pin, which several devices may share: all handlers of a line are called. 0, -errno.
 */
int pci_intx_request(const struct pci_device *d, irq_handler_t handler, void *arg);
