/*
 * The virtio block driver against a device that does what the input says: three bytes a step, an
 * action and its numbers. The device may write what it likes wherever it may write. Whatever it
 * does, every request ends exactly once.
 */
#include "driver.h"
#include "../unit/virtio_blk_device.h"
#include "engine.h"

const char fuzz_name[] = "virtio_blk";

void fuzz_setup(void)
{
}

static void submit_some(uint8_t a, uint8_t b)
{
	uint64_t most = registered->max_bytes / BLOCK_SECTOR;
	unsigned i = (unsigned)a % REQUESTS;
	enum block_op op = (enum block_op)(b % 5);

	if (most > sizeof memory / BLOCK_SECTOR)
		most = sizeof memory / BLOCK_SECTOR;
	if (!requests[i].pending)
		submit(i, op, a, op == BLOCK_FLUSH ? 0 : 1 + b % most);
}

/* The next request is done: its first bytes and its status are taken from the input. */
static size_t use_request(uint8_t len_high, uint8_t len_low, const uint8_t *data, size_t size)
{
	struct vring_desc s[64];
	uint16_t id;
	unsigned n = take(&id, s);

	/* A request that it said it had done already is not its own any more. */
	if (!n || !dev.queues[0].vq->slots[id].descriptors)
		return 0;
	if (size > 4)
		size = 4;
	for (unsigned i = 0; i < n; i++)
		if (s[i].flags & VRING_DESC_F_WRITE)
			memcpy((void *)(uintptr_t)s[i].addr, data,
			       s[i].len < size ? s[i].len : size);
	use(id, (uint32_t)len_high << 8 | len_low);
	return size;
}

static void step(struct virtio_blk *b, uint8_t action, uint8_t x, uint8_t y)
{
	switch (action % 7) {
	case 0:
		use(y, x);
		break;
	case 1:
		((uint8_t *)dev.queues[0].vq->used)[x % 64u] = y;
		break;
	case 2:
		submit_some(x, y);
		break;
	case 3:
		commit();
		break;
	case 4:
		run_timer(&b->broken);
		break;
	case 5:
		((uint8_t *)&config)[x % sizeof config] = y;
		if (x & 128)
			dev.status |= y;
		virtio_config_interrupt(&dev.d);
		break;
	default:
		interrupt();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_blk *b;

	if (size < 4)
		return 0;
	reset();
	dev.max[0] = 1u << data[0] % 8u;
	dev.features = RING | (ALL & ((unsigned)data[1] | (unsigned)data[2] << 8));
	if (data[0] & 128)
		dev.features &= ~VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	silent = data[0] & 64;
	lies = data[0] & 32;
	if (data[0] & 16)
		memset(&config, data[3], sizeof config);
	b = start();
	for (data += 4, size -= 4; b && size >= 3; data += 3, size -= 3) {
		if (data[0] < 128) {
			step(b, data[0], data[1], data[2]);
		} else if (!dev.d.broken) {
			size_t n = use_request(data[1], data[2], data + 3, size - 3);

			data += n;
			size -= n;
		}
	}
	if (!b)
		return 0;
	b->broken.armed = true;
	stop(b);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_false(requests[i].pending);
	return 0;
}
