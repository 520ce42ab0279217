/* Virtio over PCI (virtio 1.2, section 4.1), the modern interface only. */
#include <asm/errno.h>
#include <linux/virtio_pci.h>
#include "dev/pci.h"
#include "dev/virtio/virtio.h"
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

#define VENDOR_VIRTIO	    0x1af4u
#define DEVICE_TRANSITIONAL 0x1000u /* to 0x103f: offer both interfaces, or only the old one */
#define DEVICE_MODERN	    0x1040u /* plus the id, to 0x107f */
#define DEVICE_END	    0x1080u
#define SUBSYSTEM_ID	    0x2eu
#define CONFIG_MAX	    4096u

/* Vectors: one for the configuration, one for all queues; a driver knows by a look at each queue
 * which has something. */
enum { VECTOR_CONFIG, VECTOR_QUEUES, VECTORS };

struct pci_virtio {
	struct virtio_device device; /* first */
	struct pci_device pci;
	volatile struct virtio_pci_common_cfg *common;
	volatile uint8_t *isr, *config;
	volatile char *notify;
	uint32_t config_length, notify_length, notify_multiplier;
	struct pci_msix msix;
	bool messages;
};

static struct pci_virtio *pci_of(struct virtio_device *d)
{
	return (struct pci_virtio *)(void *)d;
}

static uint64_t pci_get_features(struct virtio_device *d)
{
	volatile struct virtio_pci_common_cfg *c = pci_of(d)->common;
	uint64_t features;

	c->device_feature_select = 1;
	features = (uint64_t)c->device_feature << 32;
	c->device_feature_select = 0;
	return features | c->device_feature;
}

static void pci_set_features(struct virtio_device *d, uint64_t features)
{
	volatile struct virtio_pci_common_cfg *c = pci_of(d)->common;

	c->guest_feature_select = 1;
	c->guest_feature = (uint32_t)(features >> 32);
	c->guest_feature_select = 0;
	c->guest_feature = (uint32_t)features;
}

static uint8_t pci_get_status(struct virtio_device *d)
{
	return pci_of(d)->common->device_status;
}

static void pci_set_status(struct virtio_device *d, uint8_t status)
{
	pci_of(d)->common->device_status = status;
}

static uint32_t pci_generation(struct virtio_device *d)
{
	return pci_of(d)->common->config_generation;
}

static uint32_t pci_config_read(struct virtio_device *d, unsigned offset, unsigned width)
{
	struct pci_virtio *v = pci_of(d);
	volatile uint8_t *p = v->config + offset;

	if (offset + width > v->config_length)
		return 0;
	if (width == 1)
		return *p;
	return width == 2 ? *(volatile uint16_t *)p : *(volatile uint32_t *)p;
}

static unsigned pci_queue_max(struct virtio_device *d, unsigned index)
{
	volatile struct virtio_pci_common_cfg *c = pci_of(d)->common;

	if (index >= c->num_queues)
		return 0;
	c->queue_select = (uint16_t)index;
	return c->queue_size;
}

static void pci_notify(struct virtqueue *vq)
{
	*(volatile uint16_t *)vq->notify_arg = vq->index;
}

static int pci_queue_enable(struct virtio_device *d, struct virtqueue *vq)
{
	struct pci_virtio *v = pci_of(d);
	volatile struct virtio_pci_common_cfg *c = v->common;
	uint64_t desc = virt_to_phys(vq->desc), avail = virt_to_phys(vq->avail),
		 used = virt_to_phys(vq->used), offset;

	c->queue_select = vq->index;
	if (c->queue_enable)
		return -EIO;
	offset = (uint64_t)c->queue_notify_off * v->notify_multiplier;
	if (offset + 2 > v->notify_length)
		return -EIO;
	c->queue_size = vq->size;
	c->queue_desc_lo = (uint32_t)desc;
	c->queue_desc_hi = (uint32_t)(desc >> 32);
	c->queue_avail_lo = (uint32_t)avail;
	c->queue_avail_hi = (uint32_t)(avail >> 32);
	c->queue_used_lo = (uint32_t)used;
	c->queue_used_hi = (uint32_t)(used >> 32);
	if (v->messages) {
		c->queue_msix_vector = VECTOR_QUEUES;
		if (c->queue_msix_vector != VECTOR_QUEUES)
			return -EIO;
	}
	vq->notify = pci_notify;
	vq->notify_arg = (uintptr_t)(v->notify + offset);
	c->queue_enable = 1;
	return 0;
}

static void queues_message(void *arg)
{
	struct virtio_device *d = arg;

	if (d->interrupt && !d->broken)
		d->interrupt(d);
}

static void config_message(void *arg)
{
	virtio_config_interrupt(arg);
}

/* Reading the status register takes the causes and lets the line fall (section 4.1.4.5). */
static void pin_interrupt(void *arg)
{
	struct pci_virtio *v = arg;
	uint8_t status = *v->isr;

	if (status & 1)
		queues_message(&v->device);
	if (status & VIRTIO_PCI_ISR_CONFIG)
		config_message(&v->device);
}

/* Messages, if the device has vectors for them (section 4.1.5.1.2). */
static bool start_messages(struct pci_virtio *v)
{
	if (pci_msix_init(&v->pci, &v->msix) < VECTORS)
		return false;
	if (pci_msix_request(&v->msix, VECTOR_CONFIG, config_message, &v->device) ||
	    pci_msix_request(&v->msix, VECTOR_QUEUES, queues_message, &v->device))
		return false;
	pci_msix_enable(&v->pci);
	return true;
}

static int pci_start_interrupts(struct virtio_device *d)
{
	struct pci_virtio *v = pci_of(d);

	if (!v->messages)
		return pci_intx_request(&v->pci, pin_interrupt, v);
	v->common->msix_config = VECTOR_CONFIG;
	return v->common->msix_config == VECTOR_CONFIG ? 0 : -EIO;
}

static const struct virtio_transport pci_transport = {
    .get_features = pci_get_features,
    .set_features = pci_set_features,
    .get_status = pci_get_status,
    .set_status = pci_set_status,
    .generation = pci_generation,
    .config_read = pci_config_read,
    .queue_max = pci_queue_max,
    .queue_enable = pci_queue_enable,
    .start_interrupts = pci_start_interrupts,
};

/* Maps the structure that a capability describes (section 4.1.4), the first of its type. */
static volatile void *map_structure(const struct pci_device *p, unsigned cap, uint32_t least,
				    uint32_t most, uint32_t *length)
{
	uint32_t n = pci_read32(p, cap + VIRTIO_PCI_CAP_LENGTH);

	if (n < least)
		return NULL;
	*length = n < most ? n : most;
	return pci_map_bar(p, pci_read8(p, cap + VIRTIO_PCI_CAP_BAR),
			   pci_read32(p, cap + VIRTIO_PCI_CAP_OFFSET), *length);
}

static void map_structures(struct pci_virtio *v)
{
	const struct pci_device *p = &v->pci;
	uint32_t ignored;

	for (unsigned cap = 0; (cap = pci_capability(p, PCI_CAP_VENDOR, cap));) {
		switch (pci_read8(p, cap + VIRTIO_PCI_CAP_CFG_TYPE)) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			if (!v->common)
				v->common = map_structure(p, cap, sizeof *v->common,
							  sizeof *v->common, &ignored);
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			if (v->notify)
				break;
			v->notify = map_structure(p, cap, 2, 1u << 20, &v->notify_length);
			v->notify_multiplier = pci_read32(p, cap + VIRTIO_PCI_NOTIFY_CAP_MULT);
			break;
		case VIRTIO_PCI_CAP_ISR_CFG:
			if (!v->isr)
				v->isr = map_structure(p, cap, 1, 1, &ignored);
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			if (!v->config)
				v->config = map_structure(p, cap, 1, CONFIG_MAX, &v->config_length);
			break;
		}
	}
}

static void found(const struct pci_device *p)
{
	struct pci_virtio *v;
	uint32_t id;

	if (p->vendor != VENDOR_VIRTIO || p->device < DEVICE_TRANSITIONAL ||
	    p->device >= DEVICE_END)
		return;
	id = p->device >= DEVICE_MODERN ? p->device - DEVICE_MODERN : pci_read16(p, SUBSYSTEM_ID);
	if (!virtio_has_driver(id))
		return; /* nothing of it is touched */
	v = kzalloc(sizeof *v);
	if (!v)
		return;
	v->pci = *p;
	v->device.transport = &pci_transport;
	v->device.id = id;
	ksnprintf(v->device.name, sizeof v->device.name, "virtio at PCI %02x:%02x.%x", p->bus,
		  p->slot, p->function);
	map_structures(v);
	if (!v->common || !v->notify || !v->isr) {
		printk("unigornel: %s: not the modern interface of virtio 1.0 and later, which is "
		       "needed. QEMU: disable-legacy=on or disable-modern=off\n",
		       v->device.name);
		kfree(v);
		return;
	}
	pci_write16(p, PCI_COMMAND,
		    pci_read16(p, PCI_COMMAND) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	v->messages = start_messages(v);
	if (!virtio_found(&v->device)) {
		/* Its vectors may point at v: kept. */
		pci_write16(p, PCI_COMMAND,
			    pci_read16(p, PCI_COMMAND) & (uint16_t)~PCI_COMMAND_MASTER);
	}
}

void virtio_pci_probe(void)
{
	pci_scan(found);
}
