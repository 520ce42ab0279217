/*
 * dev/pci.h: configuration space by memory (ECAM, PCI Express 5.0 section 7.2.2, where the ACPI
 * table MCFG says: PCI Firmware 3.0, 4.1.2), else by ports (PCI 3.0, 3.2.2.3.2). Segment 0.
 */
#include "dev/pci.h"
#include "arch/x86_64/io.h"
#include "dev/acpi.h"
#include "lib/string.h"
#include "mm/vmap.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define MCFG_ENTRIES 44 /* offset of the first */
#define MCFG_ENTRY   16

#define BUS_SIZE (1ul << 20) /* of ECAM */
#define BUSES	 256u

/* QEMU's microvm has it there (its hw/i386/microvm.c), and no MCFG that would tell. */
#define MICROVM_ECAM  0xe0000000ull
#define MICROVM_BUSES 256u
#define VENDOR_NOBODY 0xffffu

#define REG_VENDOR	 0x00u
#define REG_DEVICE	 0x02u
#define REG_HEADER	 0x0eu
#define HEADER_MULTI	 0x80u
#define HEADER_BRIDGE	 1u
#define BRIDGE_SECOND	 0x19u
#define CAPABILITIES_MAX 48u /* as many as fit: a longer list goes round */

static uint64_t ecam_base; /* 0: none */
static unsigned ecam_first, ecam_last;
static volatile char *ecam_bus[BUSES];
static bool started, ports;

/* The access to a register by memory; NULL: by ports. */
static volatile void *ecam(const struct pci_device *d, unsigned reg)
{
	if (!ecam_base || d->bus < ecam_first || d->bus > ecam_last)
		return NULL;
	if (!ecam_bus[d->bus])
		ecam_bus[d->bus] = vmap_device(ecam_base + d->bus * BUS_SIZE, BUS_SIZE);
	if (!ecam_bus[d->bus])
		return NULL;
	return ecam_bus[d->bus] + ((unsigned)d->slot << 15 | (unsigned)d->function << 12 | reg);
}

static void select(const struct pci_device *d, unsigned reg)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 |
				 (uint32_t)d->function << 8 | (reg & 0xfc));
}

uint32_t pci_read32(const struct pci_device *d, unsigned reg)
{
	volatile uint32_t *p = ecam(d, reg & ~3u);

	if (p)
		return *p;
	if (!ports)
		return UINT32_MAX;
	select(d, reg);
	return inl(CONFIG_DATA);
}

uint16_t pci_read16(const struct pci_device *d, unsigned reg)
{
	return (uint16_t)(pci_read32(d, reg) >> (reg & 2) * 8);
}

uint8_t pci_read8(const struct pci_device *d, unsigned reg)
{
	return (uint8_t)(pci_read32(d, reg) >> (reg & 3) * 8);
}

void pci_write32(const struct pci_device *d, unsigned reg, uint32_t v)
{
	volatile uint32_t *p = ecam(d, reg);

	if (p) {
		*p = v;
	} else if (ports) {
		select(d, reg);
		outl(CONFIG_DATA, v);
	}
}

void pci_write16(const struct pci_device *d, unsigned reg, uint16_t v)
{
	volatile uint16_t *p = ecam(d, reg);

	if (p) {
		*p = v;
	} else if (ports) {
		select(d, reg);
		outw((uint16_t)(CONFIG_DATA + (reg & 2)), v);
	}
}

void pci_write8(const struct pci_device *d, unsigned reg, uint8_t v)
{
	volatile uint8_t *p = ecam(d, reg);

	if (p) {
		*p = v;
	} else if (ports) {
		select(d, reg);
		outb((uint16_t)(CONFIG_DATA + (reg & 3)), v);
	}
}

static void find_ecam(void)
{
	const struct acpi_header *mcfg = acpi_find("MCFG");
	const struct pci_device host = {.bus = 0};
	uint16_t vendor;

	for (size_t at = MCFG_ENTRIES; mcfg && at + MCFG_ENTRY <= mcfg->length; at += MCFG_ENTRY) {
		const uint8_t *e = (const uint8_t *)mcfg + at;
		uint16_t segment;

		memcpy(&segment, e + 8, sizeof segment);
		if (segment || e[10] > e[11])
			continue;
		memcpy(&ecam_base, e, sizeof ecam_base);
		ecam_first = e[10];
		ecam_last = e[11];
		break;
	}
	if (!mcfg && !ports) {
		ecam_base = MICROVM_ECAM;
		ecam_last = MICROVM_BUSES - 1;
	}
	if (!ecam_base)
		return;
	/* Switched off or not there, it reads as nothing. */
	vendor = pci_read16(&host, REG_VENDOR);
	if (ecam_first || vendor == VENDOR_NOBODY || !vendor)
		ecam_base = 0;
}

static void start(void)
{
	if (started)
		return;
	started = true;
	outl(CONFIG_ADDRESS, CONFIG_ENABLE);
	ports = inl(CONFIG_ADDRESS) == CONFIG_ENABLE;
	outl(CONFIG_ADDRESS, 0);
	find_ecam();
}

bool pci_has_ports(void)
{
	start();
	return ports;
}

void pci_ecam_range(uint64_t *first, uint64_t *end)
{
	*first = ecam_base + ecam_first * BUS_SIZE;
	*end = ecam_base ? ecam_base + (ecam_last + 1) * BUS_SIZE : *first;
}

static void scan_bus(uint8_t bus, uint64_t seen[BUSES / 64],
		     void (*found)(const struct pci_device *));

/* True if the function exists. */
static bool scan_function(struct pci_device *d, uint64_t seen[BUSES / 64],
			  void (*found)(const struct pci_device *))
{
	uint32_t id = pci_read32(d, REG_VENDOR);

	if ((uint16_t)id == UINT16_MAX || !id)
		return false;
	d->vendor = (uint16_t)id;
	d->device = (uint16_t)(id >> 16);
	d->header = pci_read8(d, REG_HEADER);
	found(&(struct pci_device){d->bus, d->slot, d->function, d->vendor, d->device,
				   d->header & (uint8_t)~HEADER_MULTI});
	if ((d->header & ~HEADER_MULTI) == HEADER_BRIDGE)
		scan_bus(pci_read8(d, BRIDGE_SECOND), seen, found);
	return true;
}

/* Each bus once, whatever the bridges say: their numbers need not make a tree. */
static void scan_bus(uint8_t bus, uint64_t seen[BUSES / 64],
		     void (*found)(const struct pci_device *))
{
	if (seen[bus / 64] >> bus % 64 & 1)
		return; /* also a bridge that nobody has numbered */
	seen[bus / 64] |= 1ull << bus % 64;
	for (uint8_t slot = 0; slot < 32; slot++) {
		struct pci_device d = {.bus = bus, .slot = slot};

		if (!scan_function(&d, seen, found) || !(d.header & HEADER_MULTI))
			continue;
		for (d.function = 1; d.function < 8; d.function++)
			scan_function(&d, seen, found);
	}
}

void pci_scan(void (*found)(const struct pci_device *d))
{
	uint64_t seen[BUSES / 64] = {0};

	start();
	if (ports || ecam_base)
		scan_bus(0, seen, found);
}

unsigned pci_capability(const struct pci_device *d, unsigned id, unsigned after)
{
	unsigned at, tries = 0;

	if (!(pci_read16(d, PCI_STATUS) & PCI_STATUS_CAPS))
		return 0;
	at = pci_read8(d, after ? after + 1 : PCI_CAPABILITIES) & 0xfcu;
	while (at >= 0x40 && tries++ < CAPABILITIES_MAX) {
		uint16_t head = pci_read16(d, at);

		if ((head & 0xff) == id)
			return at;
		at = head >> 8 & 0xfcu;
	}
	return 0;
}
