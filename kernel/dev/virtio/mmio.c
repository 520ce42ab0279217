/*
 * Virtio over memory-mapped registers (virtio 1.2, section 4.2): found where the command line says
 * (virtio_mmio.device=, as Firecracker and QEMU's microvm append it), else in the windows of QEMU's
 * microvm.
 */
#include <asm/errno.h>
#include <linux/virtio_mmio.h>
#include "cmdline.h"
#include "dev/acpi.h"
#include "dev/irq.h"
#include "dev/pci.h"
#include "dev/virtio/virtio.h"
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "mm/vmap.h"

#define MAGIC	    0x74726976u /* "virt" */
#define VENDOR_QEMU 0x554d4551u
#define WINDOW_MIN  0x200u /* registers and a page of nothing: what QEMU gives */

/* QEMU's microvm (its hw/i386/microvm.c): the windows, and the lines they use. */
#define MICROVM_BASE	0xfeb00000ull
#define MICROVM_STRIDE	0x200ull
#define MICROVM_WINDOWS 8u
/* With a second IOAPIC there are more, on its lines. */
#define MICROVM_WINDOWS_IOAPIC2 24u
#define MICROVM_GSI_IOAPIC2	24u
#define MICROVM_GSI_ACPI	16u
#define MICROVM_GSI_PLAIN	5u
/* Its IOAPICs have their input 0 on line 2, which is right for the first of them only. */
#define MICROVM_LINE_0 2u

struct mmio_device {
	struct virtio_device device; /* first */
	volatile char *registers;
	uint64_t phys;
	uint32_t size, gsi;
	bool level;
};

static struct mmio_device *mmio_of(struct virtio_device *d)
{
	return (struct mmio_device *)(void *)d;
}

static uint32_t reg_read(struct mmio_device *m, unsigned reg)
{
	return *(volatile uint32_t *)(m->registers + reg);
}

static void reg_write(struct mmio_device *m, unsigned reg, uint32_t v)
{
	*(volatile uint32_t *)(m->registers + reg) = v;
}

static uint64_t mmio_get_features(struct virtio_device *d)
{
	struct mmio_device *m = mmio_of(d);
	uint64_t features;

	reg_write(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)reg_read(m, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	reg_write(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | reg_read(m, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void mmio_set_features(struct virtio_device *d, uint64_t features)
{
	struct mmio_device *m = mmio_of(d);

	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(m, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
}

static uint8_t mmio_get_status(struct virtio_device *d)
{
	return (uint8_t)reg_read(mmio_of(d), VIRTIO_MMIO_STATUS);
}

static void mmio_set_status(struct virtio_device *d, uint8_t status)
{
	reg_write(mmio_of(d), VIRTIO_MMIO_STATUS, status);
}

static uint32_t mmio_generation(struct virtio_device *d)
{
	return reg_read(mmio_of(d), VIRTIO_MMIO_CONFIG_GENERATION);
}

static uint32_t mmio_config_read(struct virtio_device *d, unsigned offset, unsigned width)
{
	struct mmio_device *m = mmio_of(d);
	volatile char *p = m->registers + VIRTIO_MMIO_CONFIG + offset;

	if (offset + width > m->size - VIRTIO_MMIO_CONFIG)
		return 0;
	if (width == 1)
		return *(volatile uint8_t *)p;
	return width == 2 ? *(volatile uint16_t *)p : *(volatile uint32_t *)p;
}

static unsigned mmio_queue_max(struct virtio_device *d, unsigned index)
{
	struct mmio_device *m = mmio_of(d);

	reg_write(m, VIRTIO_MMIO_QUEUE_SEL, index);
	return reg_read(m, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static void mmio_notify(struct virtqueue *vq)
{
	*(volatile uint32_t *)vq->notify_arg = vq->index;
}

static void write_address(struct mmio_device *m, unsigned low, const volatile void *ring)
{
	uint64_t phys = virt_to_phys((const void *)(uintptr_t)ring);

	reg_write(m, low, (uint32_t)phys);
	reg_write(m, low + 4, (uint32_t)(phys >> 32));
}

static int mmio_queue_enable(struct virtio_device *d, struct virtqueue *vq)
{
	struct mmio_device *m = mmio_of(d);

	reg_write(m, VIRTIO_MMIO_QUEUE_SEL, vq->index);
	if (reg_read(m, VIRTIO_MMIO_QUEUE_READY))
		return -EIO; /* section 4.2.3.2: not in use before */
	reg_write(m, VIRTIO_MMIO_QUEUE_NUM, vq->size);
	write_address(m, VIRTIO_MMIO_QUEUE_DESC_LOW, vq->desc);
	write_address(m, VIRTIO_MMIO_QUEUE_AVAIL_LOW, vq->avail);
	write_address(m, VIRTIO_MMIO_QUEUE_USED_LOW, vq->used);
	vq->notify = mmio_notify;
	vq->notify_arg = (uintptr_t)(m->registers + VIRTIO_MMIO_QUEUE_NOTIFY);
	reg_write(m, VIRTIO_MMIO_QUEUE_READY, 1);
	return 0;
}

/* Edge: every cause must be acknowledged for the line to fall, and so be known. */
static void edge_interrupt(void *arg)
{
	struct mmio_device *m = arg;
	struct virtio_device *d = &m->device;
	uint32_t status = reg_read(m, VIRTIO_MMIO_INTERRUPT_STATUS);

	reg_write(m, VIRTIO_MMIO_INTERRUPT_ACK, status);
	if (status & VIRTIO_MMIO_INT_VRING && d->interrupt && !d->broken)
		d->interrupt(d);
	if (status & VIRTIO_MMIO_INT_CONFIG)
		virtio_config_interrupt(d);
}

/* Level: the line stays up until all is acknowledged, so the usual cause is acknowledged unseen; if
 * it was not that, the other one is asked for. Saves a slow access for every interrupt. */
static void level_interrupt(void *arg)
{
	struct mmio_device *m = arg;
	struct virtio_device *d = &m->device;
	uint32_t status;

	reg_write(m, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	if (d->interrupt && !d->broken && d->interrupt(d))
		return;
	status = reg_read(m, VIRTIO_MMIO_INTERRUPT_STATUS);
	if (status & VIRTIO_MMIO_INT_CONFIG) {
		reg_write(m, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
		virtio_config_interrupt(d);
	}
}

static int mmio_start_interrupts(struct virtio_device *d)
{
	struct mmio_device *m = mmio_of(d);

	if (m->level)
		return irq_request_gsi(m->gsi, IRQ_LEVEL, level_interrupt, m);
	return irq_request_gsi(m->gsi, 0, edge_interrupt, m);
}

static const struct virtio_transport mmio_transport = {
    .get_features = mmio_get_features,
    .set_features = mmio_set_features,
    .get_status = mmio_get_status,
    .set_status = mmio_set_status,
    .generation = mmio_generation,
    .config_read = mmio_config_read,
    .queue_max = mmio_queue_max,
    .queue_enable = mmio_queue_enable,
    .start_interrupts = mmio_start_interrupts,
};

/* Looks for a device in a window that is mapped at registers. */
static void mmio_window(volatile char *registers, uint64_t phys, uint32_t size, uint32_t gsi)
{
	struct mmio_device probe = {.registers = registers, .phys = phys, .size = size, .gsi = gsi};
	struct mmio_device *m;
	uint32_t version;

	if (reg_read(&probe, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
		return;
	probe.device.id = reg_read(&probe, VIRTIO_MMIO_DEVICE_ID);
	if (!probe.device.id)
		return; /* nothing plugged in */
	version = reg_read(&probe, VIRTIO_MMIO_VERSION);
	if (version != 2) {
		printk("unigornel: virtio device at %llx has the legacy interface (version %u), "
		       "which is not supported. QEMU: -global virtio-mmio.force-legacy=false\n",
		       (unsigned long long)phys, version);
		return;
	}
	/* Firecracker's pulses need an edge, QEMU's line is a level. */
	probe.level = reg_read(&probe, VIRTIO_MMIO_VENDOR_ID) == VENDOR_QEMU;
	m = kmalloc(sizeof *m);
	if (!m)
		return;
	*m = probe;
	m->device.transport = &mmio_transport;
	ksnprintf(m->device.name, sizeof m->device.name, "virtio@%llx", (unsigned long long)phys);
	if (!virtio_found(&m->device))
		kfree(m);
}

/* A number as C writes it, with an optional K, M or G; *text moves behind it. */
static bool take_number(const char **text, uint64_t *value)
{
	const char *p = *text;
	unsigned base = 10, digits = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	*value = 0;
	for (;; p++, digits++) {
		unsigned d = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
			     : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
			     : *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10)
						      : 16;

		if (d >= base)
			break;
		if (*value > (UINT64_MAX - d) / base)
			return false;
		*value = *value * base + d;
	}
	if (digits && (*p == 'K' || *p == 'k'))
		*value <<= 10, p++;
	else if (digits && *p == 'M')
		*value <<= 20, p++;
	*text = p;
	return digits != 0;
}

/* SIZE@BASE:IRQ[:ID] (Linux, Documentation/admin-guide/kernel-parameters.txt). */
static bool parse_window(const char *text, uint64_t *size, uint64_t *base, uint64_t *irq)
{
	uint64_t id;

	if (!take_number(&text, size) || *text++ != '@' || !take_number(&text, base) ||
	    *text++ != ':' || !take_number(&text, irq))
		return false;
	if (*text == ':' && (text++, !take_number(&text, &id)))
		return false;
	return !*text;
}

static void probe_word(const char *word)
{
	uint64_t size, base, irq;
	volatile void *registers;

	if (!parse_window(word, &size, &base, &irq) || size < WINDOW_MIN || size > 1u << 20 ||
	    irq > UINT32_MAX || base % 4) {
		printk("unigornel: virtio_mmio.device=%s: not SIZE@BASE:IRQ\n", word);
		return;
	}
	registers = vmap_device(base, size);
	if (registers)
		mmio_window(registers, base, (uint32_t)size, (uint32_t)irq);
}

/* A microvm has no PCI but by memory-mapped configuration space. */
static void probe_microvm(void)
{
	const struct interrupt_model *model = irq_model();
	bool second = model->nioapics > 1;
	unsigned windows = second ? MICROVM_WINDOWS_IOAPIC2 : MICROVM_WINDOWS;
	unsigned gsi = second		      ? MICROVM_GSI_IOAPIC2
		       : model->from_firmware ? MICROVM_GSI_ACPI
					      : MICROVM_GSI_PLAIN;
	volatile char *registers = vmap_device(MICROVM_BASE, windows * MICROVM_STRIDE);

	/* QEMU fills them from the last on: interfaces get the order of its options. */
	for (unsigned i = registers ? windows : 0; i-- > 0;)
		mmio_window(registers + i * MICROVM_STRIDE, MICROVM_BASE + i * MICROVM_STRIDE,
			    MICROVM_STRIDE, gsi + (second && !i ? MICROVM_LINE_0 : i));
}

void virtio_mmio_probe(void)
{
	for (unsigned i = 0; i < cmdline.virtio_mmio_count; i++)
		probe_word(cmdline.virtio_mmio[i]);
	if (!cmdline.virtio_mmio_count && !pci_has_ports())
		probe_microvm();
}
