/*
 * A virtio device in memory, of any kind: its transport, its features, its queues. The headers of
 * the kinds bring the configuration space. Whoever includes one has the assert_* of cmocka, or
 * others of these names.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dev/virtio/drivers.h"
#include "page_fake.h"
#include "timer_fake.h"
#include "virtqueue_fake.h"

#define DEVICE_QUEUES 3

static struct {
	struct virtio_device d;
	uint64_t features;
	bool refuses; /* what the driver has taken of them */
	uint8_t status;
	void *config;
	size_t config_size;
	uint32_t generation;
	bool changing; /* the configuration, whenever it is read */
	unsigned max[DEVICE_QUEUES];
	struct device_queue queues[DEVICE_QUEUES];
	uint16_t kicks[DEVICE_QUEUES];
	void (*kicked)(void); /* may be NULL */
} dev;

static uint64_t get_features(struct virtio_device *d)
{
	(void)d;
	return dev.features;
}

static void set_features(struct virtio_device *d, uint64_t f)
{
	(void)d;
	assert_int_equal(f & ~dev.features, 0);
}

static uint8_t get_status(struct virtio_device *d)
{
	(void)d;
	return dev.status;
}

static void set_status(struct virtio_device *d, uint8_t s)
{
	(void)d;
	dev.status = s;
	if (dev.refuses)
		dev.status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
}

static uint32_t generation(struct virtio_device *d)
{
	(void)d;
	return dev.generation;
}

static uint32_t config_read(struct virtio_device *d, unsigned offset, unsigned width)
{
	uint32_t v = 0;

	(void)d;
	assert_int_equal(offset % width, 0);
	assert_true(offset + width <= dev.config_size);
	if (dev.changing)
		dev.generation++;
	memcpy(&v, (char *)dev.config + offset, width);
	return v;
}

static unsigned queue_max(struct virtio_device *d, unsigned index)
{
	(void)d;
	assert_in_range(index, 0, DEVICE_QUEUES - 1);
	return dev.max[index];
}

static void notify(struct virtqueue *vq)
{
	assert_ptr_equal(vq, dev.queues[vq->index].vq);
	assert_true(dev.status & VIRTIO_CONFIG_S_DRIVER_OK);
	dev.kicks[vq->index]++;
	if (dev.kicked)
		dev.kicked();
}

static int queue_enable(struct virtio_device *d, struct virtqueue *vq)
{
	(void)d;
	dev.queues[vq->index].vq = vq;
	vq->notify = notify;
	return 0;
}

static int start_interrupts(struct virtio_device *d)
{
	(void)d;
	return 0;
}

static const struct virtio_transport transport = {
    get_features, set_features, get_status,   set_status,	generation,
    config_read,  queue_max,	queue_enable, start_interrupts,
};

/* A new device of a kind, without queues. */
static void device_reset(unsigned id, uint64_t features, void *config, size_t config_size)
{
	memset(&dev, 0, sizeof dev);
	dev.d.transport = &transport;
	dev.d.id = id;
	dev.features = features;
	dev.config = config;
	dev.config_size = config_size;
}

static void interrupt(void)
{
	if (dev.d.interrupt && !dev.d.broken)
		dev.d.interrupt(&dev.d);
}
