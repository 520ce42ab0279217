/* dev/virtio/virtio.h: what does not depend on the bus. */
#include "dev/virtio/virtio.h"
#include <asm/errno.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/emulated.h"
#include "dev/virtio/drivers.h"
#include "lib/printk.h"

static const struct virtio_driver *const drivers[] = {&virtio_net_driver, &virtio_blk_driver,
						      &virtio_rng_driver};

/* Features of the rings and the platform that we always take: physical addresses are what devices
 * get, and x86 orders memory as devices see it. */
#define RING_FEATURES                                                                              \
	(VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |           \
	 VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_ACCESS_PLATFORM) |                   \
	 VIRTIO_BIT(VIRTIO_F_ORDER_PLATFORM))

#define RESET_TRIES 100000u

static void add_status(struct virtio_device *d, uint8_t bit)
{
	d->transport->set_status(d, (uint8_t)(d->transport->get_status(d) | bit));
}

bool virtio_reset(struct virtio_device *d)
{
	d->transport->set_status(d, 0);
	for (unsigned i = 0; i < RESET_TRIES; i++) {
		if (d->transport->get_status(d) == 0)
			return true;
		cpu_relax();
	}
	return false;
}

static const struct virtio_driver *driver_for(uint32_t id)
{
	for (unsigned i = 0; i < sizeof drivers / sizeof *drivers; i++)
		if (drivers[i] && drivers[i]->id == id)
			return drivers[i];
	return NULL;
}

bool virtio_has_driver(uint32_t id)
{
	return driver_for(id) != NULL;
}

bool virtio_found(struct virtio_device *d)
{
	const struct virtio_driver *driver = driver_for(d->id);
	int err;

	if (!driver)
		return false; /* somebody else's: left in the state of reset */
	virtqueue_emulated = cpu_emulated();
	if (!virtio_reset(d)) {
		printk("unigornel: %s: the device does not answer a reset\n", d->name);
		return false;
	}
	add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(d, VIRTIO_CONFIG_S_DRIVER);
	err = driver->probe(d);
	if (!err)
		return true;
	printk("unigornel: %s: the device cannot be used (error %d)\n", d->name, -err);
	virtio_reset(d);
	add_status(d, VIRTIO_CONFIG_S_FAILED);
	return false;
}

int virtio_negotiate(struct virtio_device *d, uint64_t wanted, uint64_t (*adjust)(uint64_t))
{
	uint64_t offered = d->transport->get_features(d), features;

	if (!(offered & VIRTIO_BIT(VIRTIO_F_VERSION_1))) {
		printk("unigornel: %s: a legacy virtio device (before version 1.0): not supported. "
		       "QEMU: -global virtio-mmio.force-legacy=false, or disable-legacy=on\n",
		       d->name);
		return -EINVAL;
	}
	features = offered & (wanted | RING_FEATURES);
	if (adjust)
		features = adjust(features);
	d->transport->set_features(d, features);
	d->features = features;
	add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(d->transport->get_status(d) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		printk("unigornel: %s: the device refuses features %llx of %llx\n", d->name,
		       (unsigned long long)features, (unsigned long long)offered);
		return -EINVAL;
	}
	return 0;
}

static void queue_broken(struct virtqueue *vq)
{
	virtio_break(vq->owner, vq->broken);
}

int virtio_queue(struct virtio_device *d, struct virtqueue *vq, unsigned index, unsigned size)
{
	unsigned max = d->transport->queue_max(d, index), entries = 1;
	int err;

	if (!max)
		return -ENOENT;
	if (size > VIRTQUEUE_MAX_SIZE)
		size = VIRTQUEUE_MAX_SIZE;
	if (size > max)
		size = max;
	while (entries * 2 <= size)
		entries *= 2;
	err = virtqueue_init(vq, entries, virtio_has(d, VIRTIO_RING_F_EVENT_IDX),
			     virtio_has(d, VIRTIO_RING_F_INDIRECT_DESC));
	if (err)
		return err;
	vq->index = (uint16_t)index;
	vq->owner = d;
	vq->on_broken = queue_broken;
	err = d->transport->queue_enable(d, vq);
	if (err)
		virtqueue_free(vq);
	return err;
}

int virtio_ready(struct virtio_device *d)
{
	int err = d->transport->start_interrupts(d);

	if (!err)
		add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
	return err;
}

uint64_t virtio_config64(struct virtio_device *d, unsigned offset)
{
	uint32_t low, high, generation, tries = 0;

	do {
		generation = d->transport->generation(d);
		low = virtio_config32(d, offset);
		high = virtio_config32(d, offset + 4);
	} while (generation != d->transport->generation(d) && tries++ < 1000);
	return low | (uint64_t)high << 32;
}

void virtio_break(struct virtio_device *d, const char *why)
{
	if (d->broken)
		return;
	d->broken = why;
	printk("unigornel: %s: the device is broken: %s\n", d->name, why);
	virtio_reset(d);
	if (d->on_broken)
		d->on_broken(d);
}

void virtio_config_interrupt(struct virtio_device *d)
{
	if (d->broken)
		return;
	if (d->transport->get_status(d) & VIRTIO_CONFIG_S_NEEDS_RESET)
		virtio_break(d, "it asks for a reset"); /* section 2.1.2 */
	else if (d->config_changed)
		d->config_changed(d);
}
