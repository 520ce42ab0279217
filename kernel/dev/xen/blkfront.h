/*
 * The block frontend (io/blkif.h): disks of Xen, /dev/xvda. blkfront.c follows the bus,
 * blkfront_queue.c has the requests, blkfront_ring.c the ring, blkfront_pool.c the pages that carry
 * data, blkfront_name.c the names.
 *
 * The backend is not trusted. It can write to the ring and to the pool's pages, which hold nothing
 * but data of this disk; of what it writes only the index of the last answer and the answers are
 * read, once, and checked against private memory. One that lies is cut off: its requests end with
 * -EIO, and so do new ones until it has gone through Closed and is back.
 *
 * A backend that goes away without lying (closed, migrated) costs nothing: what it has not answered
 * is issued again to the next one, in order, before anything else.
 *
 * Lock: blkfront.lock guards requests, ring and pool; nothing blocks under it, and no request is
 * finished (block_done) under it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dev/block.h"
#include "dev/xen/xenbus.h"
#include "lib/spinlock.h"
#include <xen/io/blkif.h>

#define BLKFRONT_NONE	    0xffffu /* no page, no slot */
#define BLKFRONT_RING_ORDER 2u	    /* at most 4 pages: 128 requests */
#define BLKFRONT_OLD_RINGS  4u
#define BLKFRONT_POOL_MAX   1024u /* pages; Linux's backend keeps 1056 mapped */

/*
 * Pages that the backend may read and write at any time. They are granted once, when it connects,
 * not for each request (feature-persistent: the backend then need not map them for each either,
 * which costs it more than the copy costs us; one without the feature maps and unmaps the same
 * grants). So nothing is ever revoked while the backend works, and no other memory of ours is
 * exposed: a request's data is copied to and from them.
 *
 * Free pages are a stack, so that few are used if few are needed.
 */
struct blkfront_page {
	paddr_t addr;
	grant_ref_t ref; /* 0: not granted */
	uint16_t next;	 /* free, or of the same request */
	bool kept;	 /* the last backend has it mapped still */
};

struct blkfront_pool {
	struct blkfront_page *pages;
	unsigned made, max, free;
	uint16_t first;
	bool connected; /* to domain */
	domid_t domain;
};

/* 0, -ENOMEM. max: pages. */
int blkfront_pool_init(struct blkfront_pool *p, unsigned max);
/* Grants all pages to a backend's domain. 0, -ENOMEM or -ENOSPC: not one could be. */
int blkfront_pool_connect(struct blkfront_pool *p, domid_t domain);
/* Ends all grants. Pages that the backend does not let go of are set aside: connect tries again. */
void blkfront_pool_disconnect(struct blkfront_pool *p);
/* Frees all pages but those that the backend does not let go of: they are lost. */
void blkfront_pool_free(struct blkfront_pool *p);
/* A granted page, or BLKFRONT_NONE. Makes a new one if none is free. */
uint16_t blkfront_pool_get(struct blkfront_pool *p);
/* Whether two pages or more are free or can be made. */
bool blkfront_pool_spare(struct blkfront_pool *p);
void blkfront_pool_put(struct blkfront_pool *p, uint16_t page);

/* A request in the ring. */
struct blkfront_slot {
	struct block_request *request; /* NULL: free */
	uint32_t offset, bytes;	       /* of the request's data */
	uint16_t pages;		       /* its data, one after the other */
	uint16_t table;		       /* its indirect page */
	uint16_t next;		       /* free */
	uint8_t op;
	bool indirect;
};

struct blkfront_ring {
	struct blkif_sring *shared; /* NULL: none */
	unsigned order, entries;
	grant_ref_t refs[1u << BLKFRONT_RING_ORDER];
	/* Our own; those in the ring are only ever written. */
	uint32_t prod, cons; /* requests put in, answers taken out */
	uint32_t announced;  /* prod when it was last looked whether to notify */
	evtchn_port_t port;
	uint16_t first_free;
	struct blkfront_slot *slots; /* one for each entry */
};

/* An empty ring of 2^order pages, granted. 0, -ENOMEM, -ENOSPC; blkfront_ring_end in any case. */
int blkfront_ring_init(struct blkfront_ring *r, unsigned order, domid_t domain);
/* What a ring leaves, as backends unmap it late. */
struct blkfront_ring_memory {
	paddr_t block; /* PADDR_NONE: none */
	unsigned order;
	grant_ref_t refs[1u << BLKFRONT_RING_ORDER];
};

/* Ends the ring; its memory is the caller's. */
void blkfront_ring_end(struct blkfront_ring *r, struct blkfront_ring_memory *m);
/* Frees it. False: the backend has it mapped still. */
bool blkfront_ring_free(struct blkfront_ring_memory *m);
/* A free slot, its index being the entry's id, or BLKFRONT_NONE: all are under way. */
uint16_t blkfront_ring_slot(struct blkfront_ring *r);
void blkfront_ring_free_slot(struct blkfront_ring *r, uint16_t slot);
/* Puts an entry into the ring (there is room for as many as there are slots). */
void blkfront_ring_put(struct blkfront_ring *r, const union blkif_sring_entry *e);
/* Shows the backend what was put. */
void blkfront_ring_publish(struct blkfront_ring *r);
/* Whether the backend wants to be told of what it was shown since the last time. */
bool blkfront_ring_want_notify(struct blkfront_ring *r);
/* The next answer: 1, 0 if there is none, -EPROTO for more than there can be. */
int blkfront_ring_get(struct blkfront_ring *r, struct blkif_response *answer);
/* Asks for an event at the next answer. True: it is there already. */
bool blkfront_ring_wait(struct blkfront_ring *r);

enum blkfront_state {
	BLKFRONT_AWAY, /* no backend: requests wait */
	BLKFRONT_RUNNING,
	BLKFRONT_BROKEN,  /* it lied, or we do not suit each other: -EIO until it comes anew */
	BLKFRONT_REMOVED, /* for ever */
};

struct blkfront {
	struct xenbus_device *bus; /* NULL once removed */
	struct block_device disk;
	uint32_t vdev;
	uint16_t handle;
	bool registered;
	/* Memory of former rings: backends let go of it only after disconnect. */
	struct blkfront_ring_memory old[BLKFRONT_OLD_RINGS];
	unsigned nold;

	spinlock_t lock;
	enum blkfront_state state;
	uint32_t max_segments; /* of an entry of the ring */
	uint8_t flush_op;      /* BLKIF_OP_*, 0: none */
	bool barrier;	       /* in case it is not FLUSH_DISKCACHE */
	struct list queue;     /* requests, the first perhaps in part in the ring */
	struct list issued;    /* those that are in the ring as a whole, in order */
	const char *lie;       /* what to fail the device with, once the lock is free */
	struct blkfront_ring ring;
	struct blkfront_pool pool;
};

/* ---- blkfront_queue.c ---- */
/* block_ops */
void blkfront_submit(struct block_device *d, struct block_request *r);
void blkfront_commit(struct block_device *d);
/* Starts on what has gathered. */
void blkfront_start(struct blkfront *b);
/* Takes all requests out of the ring, to be issued again, and waits for a backend; fails them in a
 * state that takes none. */
void blkfront_stop(struct blkfront *b, enum blkfront_state state);
/* The event channel's handler: takes answers. */
void blkfront_event(void *arg);
extern const struct block_ops blkfront_ops;

/*
 * The name and minor number (major: 202) that Linux gives to a virtual device number: 0 or -ENODEV.
 * The numbers: docs/misc/vbd-interface.txt of Xen. xvda is 202 << 8, xvda1 that and 1; disks beyond
 * the sixteenth have bit 28 set and 256 minors each; what is called hda or sda (numbered as Linux
 * numbers those) is xvda as well.
 */
#define BLKFRONT_MAJOR 202u
int blkfront_name(uint32_t vdev, char name[16], unsigned *minor);
