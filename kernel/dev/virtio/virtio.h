/*
 * Virtio devices (virtio 1.2), whatever bus they are on: mmio.c and pci.c find them, virtio.c
 * brings them up and gives them to their drivers. Devices of before version 1.0 are refused.
 *
 * The device is not trusted. One that breaks the rules is marked broken: its queues stop, its
 * driver is told, the machine goes on.
 *
 * Locks: a device belongs to its driver, which brings the lock. Found once at boot, for ever.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include "dev/virtio/virtqueue.h"

struct virtio_device;

#define VIRTIO_BIT(n) (1ull << (n))

/* A bus. Sections 4.1 (PCI) and 4.2 (MMIO). */
struct virtio_transport {
	uint64_t (*get_features)(struct virtio_device *d);
	void (*set_features)(struct virtio_device *d, uint64_t features);
	uint8_t (*get_status)(struct virtio_device *d);
	void (*set_status)(struct virtio_device *d, uint8_t status);
	/* Changes whenever the device changes its configuration. */
	uint32_t (*generation)(struct virtio_device *d);
	/* Of the device's configuration; width 1, 2 or 4, offset a multiple of it. What lies beyond
	 * its end reads as zero. */
	uint32_t (*config_read)(struct virtio_device *d, unsigned offset, unsigned width);
	/* Entries that queue index can have; 0: there is no such queue. */
	unsigned (*queue_max)(struct virtio_device *d, unsigned index);
	/* Hands a queue (vq->index) to the device and sets vq->notify. 0, -EIO. */
	int (*queue_enable)(struct virtio_device *d, struct virtqueue *vq);
	/* Routes the device's interrupts. 0, -errno. */
	int (*start_interrupts)(struct virtio_device *d);
};

struct virtio_driver {
	uint32_t id; /* VIRTIO_ID_* */
	/* Takes the device: negotiates, sets up queues, calls virtio_ready. 0, or -errno: the
	 * device is reset then and left alone. */
	int (*probe)(struct virtio_device *d);
};

struct virtio_device {
	const struct virtio_transport *transport;
	uint32_t id;	   /* VIRTIO_ID_* */
	char name[24];	   /* where it is: for messages */
	uint64_t features; /* negotiated */
	const char *broken;

	/* The driver's, set in probe. In interrupt context: a queue may have finished buffers. True
	 * if one had. */
	bool (*interrupt)(struct virtio_device *d);
	void (*config_changed)(struct virtio_device *d); /* may be NULL */
	void (*on_broken)(struct virtio_device *d);	 /* may be NULL; called once */
	void *driver;
};

/* The buses: find devices and give them to virtio_found. */
void virtio_mmio_probe(void);
void virtio_pci_probe(void);
/* Is there a driver for devices with this id? */
bool virtio_has_driver(uint32_t id);
/* A bus has found d (transport, id, name are set; reset). True if a driver took it: then it stays.
 */
bool virtio_found(struct virtio_device *d);

/*
 * Negotiates (section 3.1.1): of wanted, what the device offers; VIRTIO_F_VERSION_1 is always
 * required and the ring features always taken. 0, -EINVAL when the device insists on something
 * else. adjust (may be NULL) may take away features that make no sense together.
 */
int virtio_negotiate(struct virtio_device *d, uint64_t wanted, uint64_t (*adjust)(uint64_t));
static inline bool virtio_has(const struct virtio_device *d, unsigned feature)
{
	return d->features & VIRTIO_BIT(feature);
}
/* Makes queue index with at most size entries. After negotiation. 0, -ENOENT, -ENOMEM, -EIO. */
int virtio_queue(struct virtio_device *d, struct virtqueue *vq, unsigned index, unsigned size);
/* Everything is set up: the device may work and interrupt from now on. 0, -errno. */
int virtio_ready(struct virtio_device *d);
/* Configuration fields. One access reads one field; 64 bits are read until they hold together
 * (section 2.5.1). */
static inline uint8_t virtio_config8(struct virtio_device *d, unsigned offset)
{
	return (uint8_t)d->transport->config_read(d, offset, 1);
}
static inline uint16_t virtio_config16(struct virtio_device *d, unsigned offset)
{
	return (uint16_t)d->transport->config_read(d, offset, 2);
}
static inline uint32_t virtio_config32(struct virtio_device *d, unsigned offset)
{
	return d->transport->config_read(d, offset, 4);
}
uint64_t virtio_config64(struct virtio_device *d, unsigned offset);
/* Marks the device broken, says so, and resets it. why is a constant. */
void virtio_break(struct virtio_device *d, const char *why);
/* For transports: the device says that its configuration or its state has changed. */
void virtio_config_interrupt(struct virtio_device *d);
/* Resets: the device forgets its queues (section 2.4). False if it does not. */
bool virtio_reset(struct virtio_device *d);
