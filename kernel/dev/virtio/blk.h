/* What belongs to a virtio block device: blk.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_blk.h>
#include "dev/block.h"
#include "dev/virtio/virtio.h"
#include "sched/timer.h"

/* A request with what the device reads and writes beside its data. */
struct blk_slot {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	char id[VIRTIO_BLK_ID_BYTES];
	uint8_t status;
	struct block_request *request;
	struct blk_slot *next; /* free */
};

struct virtio_blk {
	struct virtio_device *device;
	struct block_device disk;
	spinlock_t lock;
	struct virtqueue queue;
	struct blk_slot *slots, *free_slots;
	struct list waiting; /* requests that found the ring full */
	uint32_t size_max;   /* bytes of one descriptor */
	bool may_unmap, registered;
	struct timer broken;
};
