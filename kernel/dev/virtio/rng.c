/*
 * The virtio entropy device (virtio 1.2, section 5.4): what it gives is stirred into the random
 * number generator, at start and from time to time. Nobody waits for it.
 */
#include <asm/errno.h>
#include "dev/virtio/drivers.h"
#include "lib/list.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "sched/timer.h"
#include "time/clock.h"

#define BYTES	 64u
#define AGAIN_NS (600 * 1000000000ull)

struct virtio_rng {
	struct virtio_device *device;
	struct virtqueue queue;
	struct timer again;
	uint8_t bytes[BYTES];
};

static void ask(struct virtio_rng *r)
{
	const struct vq_segment s = {virt_to_phys(r->bytes), BYTES};

	if (!virtqueue_add(&r->queue, &s, 0, 1, r)) {
		virtqueue_enable_interrupts(&r->queue);
		virtqueue_kick(&r->queue);
	}
}

static void ask_again(struct timer *t)
{
	ask(container_of(t, struct virtio_rng, again));
}

static bool interrupt(struct virtio_device *d)
{
	struct virtio_rng *r = d->driver;
	uint32_t n;

	if (!virtqueue_get(&r->queue, &n))
		return false;
	if (n) {
		random_mix(r->bytes, n, "virtio-rng");
		memset(r->bytes, 0, BYTES);
	}
	timer_arm(&r->again, clock_monotonic() + AGAIN_NS);
	return true;
}

static int probe(struct virtio_device *d)
{
	struct virtio_rng *r = kzalloc(sizeof *r);
	int err;

	if (!r)
		return -ENOMEM;
	r->device = d;
	timer_setup(&r->again, ask_again);
	d->driver = r;
	d->interrupt = interrupt;
	err = virtio_negotiate(d, 0, NULL);
	if (!err)
		err = virtio_queue(d, &r->queue, 0, 2);
	if (!err)
		err = virtio_ready(d);
	if (err) {
		d->interrupt = NULL;
		virtio_reset(d);
		virtqueue_free(&r->queue);
		kfree(r);
		return err;
	}
	ask(r);
	return 0;
}

const struct virtio_driver virtio_rng_driver = {VIRTIO_ID_RNG, probe};
