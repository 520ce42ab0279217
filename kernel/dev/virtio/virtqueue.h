/*
 * Split virtqueues (virtio 1.2, section 2.7) with indirect descriptors and event indices.
 *
 * The device is not trusted: whatever is needed later is kept in private memory, never read back
 * from the ring, and every index, id and length that the device writes is checked. A device that
 * lies breaks its queue: from then on nothing is added and nothing comes back.
 *
 * Ownership: a queue belongs to its driver, which also provides the lock. Nothing blocks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

#define VIRTQUEUE_MAX_SIZE 1024u
/* Descriptors of one indirect table. */
#define VIRTQUEUE_MAX_SEGMENTS 20u

/* A piece of physically contiguous memory. */
struct vq_segment {
	uint64_t addr; /* physical */
	uint32_t len;
};

/* What is known of a descriptor, and of the buffer if its chain begins there. */
struct vq_slot {
	void *token;		  /* of the buffer */
	struct vring_desc *table; /* allocated when the slot first needs one */
	uint32_t writable;	  /* bytes that the device may write */
	uint16_t descriptors;	  /* of the ring in this chain; 0: no buffer begins here */
	uint16_t next;		  /* in the chain, or in the free list */
};

struct virtqueue {
	/* The rings, shared with the device. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vq_slot *slots;
	uint16_t size; /* entries, a power of two */
	uint16_t free; /* descriptors */
	uint16_t first_free;
	uint16_t added;	   /* avail->idx: buffers ever added */
	uint16_t notified; /* added, when the device was last notified or did not want it */
	uint16_t taken;	   /* buffers ever taken back; used->idx is ahead of it or equal */
	bool event_idx, indirect;
	const char *broken; /* why; NULL: it works */
	uint16_t index;	    /* of the queue in its device */
	void (*notify)(struct virtqueue *vq);
	void (*on_broken)(struct virtqueue *vq); /* called once; may be NULL */
	void *owner;				 /* the device */
	uint64_t notify_arg;			 /* of the transport */
	uint64_t phys;				 /* of the rings' memory */
	unsigned order;				 /* its size in pages, as for page_alloc */
};

/* Set before the first queue is made if QEMU's emulator (TCG) runs us: fences then need more. */
extern bool virtqueue_emulated;

/* Makes a queue of size entries (a power of two up to VIRTQUEUE_MAX_SIZE). 0, -EINVAL, -ENOMEM. */
int virtqueue_init(struct virtqueue *vq, unsigned size, bool event_idx, bool indirect);
/* Frees the memory. The device must have been reset. Tokens still in the queue are the caller's to
 * know. */
void virtqueue_free(struct virtqueue *vq);

/*
 * Adds a buffer: out segments that the device reads, then in segments that it writes. token (not
 * NULL) comes back from virtqueue_get. 0, -ENOSPC (full), -EIO (broken). The device may see it at
 * once, but is told only by virtqueue_kick.
 */
int virtqueue_add(struct virtqueue *vq, const struct vq_segment *s, unsigned out, unsigned in,
		  void *token);
/* The same for one segment, faster. */
int virtqueue_add_one(struct virtqueue *vq, uint64_t addr, uint32_t len, bool writable,
		      void *token);
/* Notifies the device of what was added, if it wants to know (section 2.7.10). */
void virtqueue_kick(struct virtqueue *vq);

/* True if virtqueue_get would return something. */
static inline bool virtqueue_more(const struct virtqueue *vq)
{
	return __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) != vq->taken && !vq->broken;
}
/* Buffers added and not taken back. */
static inline unsigned virtqueue_pending(const struct virtqueue *vq)
{
	return (uint16_t)(vq->added - vq->taken);
}
/* The token of the next buffer that the device has finished; *len (may be NULL): bytes it wrote, at
 * most what it was given to write. NULL: none. */
void *virtqueue_get(struct virtqueue *vq, uint32_t *len);
/* The token of some buffer that the device still has, which is forgotten; NULL when there is none
 * left. For a device that was reset or is broken. */
void *virtqueue_detach(struct virtqueue *vq);

/* Asks for no interrupts (some may come nevertheless). */
void virtqueue_disable_interrupts(struct virtqueue *vq);
/* Asks for an interrupt at the next finished buffer. True if there are some already: no interrupt
 * may come for those. */
bool virtqueue_enable_interrupts(struct virtqueue *vq);
/* The same, but once three quarters of the buffers now in the queue are finished. */
bool virtqueue_enable_interrupts_late(struct virtqueue *vq);
/* Ends the use of the queue; why is a constant. */
void virtqueue_break(struct virtqueue *vq, const char *why);
