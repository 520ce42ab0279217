/* dev/pci.h: base address registers (PCI 3.0, section 6.2.5.1). */
#include "boot_info.h"
#include "dev/pci.h"
#include "lib/printk.h"
#include "mm/vmap.h"

#define BAR_IO	      1u
#define BAR_TYPE      6u
#define BAR_64	      4u
#define BAR_MASK      (~(uint64_t)15)
#define BARS_DEVICE   6u
#define HEADER_DEVICE 0u

/*
 * Where BARs without an address get one: below the interrupt controllers and the firmware at the
 * end of the first 4 GiB, above RAM, and out of the way of what others use already. q35's and
 * microvm's host bridges pass all of it on.
 */
#define WINDOW_START 0xc0000000ull
#define WINDOW_END   0xfe000000ull
#define WINDOW_BAR   (256ull << 20) /* none larger */

static uint64_t window_next;

struct bar {
	uint64_t address, size; /* size 0: there is none */
	bool wide;		/* of 64 bits: takes two registers */
};

/* Reads a memory BAR. Its size is found by writing ones, with decoding off meanwhile. */
static struct bar read_bar(const struct pci_device *d, unsigned bar)
{
	unsigned reg = PCI_BAR0 + 4 * bar;
	uint32_t low = pci_read32(d, reg), high = 0;
	uint16_t command = pci_read16(d, PCI_COMMAND);
	uint64_t mask = UINT32_MAX;
	struct bar b = {0};

	if (low & BAR_IO)
		return b;
	b.wide = (low & BAR_TYPE) == BAR_64;
	if (b.wide && bar + 1 >= BARS_DEVICE)
		return (struct bar){0};
	pci_write16(d, PCI_COMMAND, command & (uint16_t) ~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO));
	pci_write32(d, reg, UINT32_MAX);
	mask = pci_read32(d, reg) | (uint64_t)UINT32_MAX << 32;
	pci_write32(d, reg, low);
	if (b.wide) {
		high = pci_read32(d, reg + 4);
		pci_write32(d, reg + 4, UINT32_MAX);
		mask = (uint32_t)mask | (uint64_t)pci_read32(d, reg + 4) << 32;
		pci_write32(d, reg + 4, high);
	}
	pci_write16(d, PCI_COMMAND, command);
	if (!((uint32_t)mask & ~15u) && !(b.wide && mask >> 32))
		return (struct bar){0};
	b.size = ~(mask & BAR_MASK) + 1;
	b.address = (low & ~15u) | (uint64_t)high << 32;
	return b;
}

static void skip(uint64_t start, uint64_t end)
{
	if (start < end && end > window_next && start < WINDOW_END)
		window_next = end;
}

/* Everything from the lowest address on that some function uses is taken to be in use. */
static void skip_bars(const struct pci_device *d)
{
	if (d->header != HEADER_DEVICE)
		return;
	for (unsigned i = 0; i < BARS_DEVICE; i++) {
		struct bar b = read_bar(d, i);

		if (b.address >= WINDOW_START)
			skip(b.address, b.address + b.size);
		i += b.wide;
	}
}

static void find_window(void)
{
	uint64_t start, end;

	window_next = WINDOW_START;
	for (unsigned i = 0; i < boot_info.nram; i++)
		skip(boot_info.ram[i].start, boot_info.ram[i].end);
	/* ECAM above the window's start ends it, unless nothing is left below. */
	pci_scan(skip_bars);
	pci_ecam_range(&start, &end);
	if (start <= window_next)
		skip(start, end);
}

/* An address for a BAR of size bytes; 0: none. */
static uint64_t allocate(uint64_t size)
{
	uint64_t at, start, end;

	if (!window_next)
		find_window();
	pci_ecam_range(&start, &end);
	at = (window_next + size - 1) & ~(size - 1);
	if (start < end && at < end && at + size > start)
		at = (end + size - 1) & ~(size - 1);
	if (at + size > WINDOW_END)
		return 0;
	window_next = at + size;
	return at;
}

volatile void *pci_map_bar(const struct pci_device *d, unsigned bar, uint64_t offset,
			   uint64_t length)
{
	uint16_t command = pci_read16(d, PCI_COMMAND);
	struct bar b;

	if (bar >= BARS_DEVICE || d->header != HEADER_DEVICE)
		return NULL;
	b = read_bar(d, bar);
	if (!b.size || (b.size & (b.size - 1)) || !length || length > b.size ||
	    offset > b.size - length)
		return NULL;
	if (!b.address) {
		b.address = b.size <= WINDOW_BAR ? allocate(b.size) : 0;
		if (!b.address) {
			printk("unigornel: PCI %02x:%02x.%x: no room for a BAR of %llu bytes\n",
			       d->bus, d->slot, d->function, (unsigned long long)b.size);
			return NULL;
		}
		pci_write32(d, PCI_BAR0 + 4 * bar, (uint32_t)b.address);
		if (b.wide)
			pci_write32(d, PCI_BAR0 + 4 * bar + 4, 0);
	}
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write16(d, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	return vmap_device(b.address + offset, length);
}
