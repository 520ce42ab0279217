/*
 * A virtio network device in memory, and what stands in for the kernel around its driver: for
 * test_virtio_net.c and tests/fuzz/fuzz_virtio.c, which bring the assert_* of cmocka or their own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_net.h>
#include "dev/virtio/drivers.h"
#include "dev/virtio/net.h"
#include "lib/random.h"
#include "mm/page.h"
#include "net/net.h"
#include "vfs/uio.h"

/* ---- what stands in for the kernel ---- */

const struct virtio_driver virtio_blk_driver = {VIRTIO_ID_BLOCK, NULL};

void *phys_to_virt(paddr_t p)
{
	return (void *)(uintptr_t)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (uintptr_t)v;
}

paddr_t page_alloc_zero(unsigned order)
{
	void *p = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	memset(p, 0, PAGE_SIZE << order);
	return (uintptr_t)p;
}

void page_free(paddr_t p, unsigned order)
{
	(void)order;
	free((void *)(uintptr_t)p);
}

static size_t pages;

size_t page_total(void)
{
	return pages;
}

void random_bytes(void *p, size_t n)
{
	memset(p, 0x41, n);
}

void random_mix(const void *p, size_t n, const char *source)
{
	(void)p, (void)n, (void)source;
}

uint64_t clock_monotonic(void)
{
	return 0;
}

uint64_t net_now(void)
{
	return 0;
}

bool epoll_busy;

static unsigned entered;
static bool want_flush;
static struct netif *interface;

void net_enter(void)
{
	assert_int_equal(entered++, 0);
}

void net_leave(void)
{
	if (want_flush)
		interface->ops->flush(interface);
	want_flush = false;
	assert_int_equal(--entered, 0);
}

void timer_arm(struct timer *t, uint64_t expires)
{
	t->expires = expires;
	t->armed = true;
}

bool timer_cancel(struct timer *t)
{
	bool was = t->armed;

	t->armed = false;
	return was;
}

static void run_timer(struct timer *t)
{
	if (t->armed) {
		t->armed = false;
		t->func(t);
	}
}

void netif_register(struct netif *n, const char *pattern)
{
	assert_string_equal(pattern, "eth%d");
	list_init(&n->link_mcast);
	strcpy(n->name, "eth0");
	interface = n;
}

void netif_set_link(struct netif *n, bool running)
{
	assert_int_equal(entered, 1);
	n->flags = running ? n->flags | IFF_RUNNING : n->flags & ~(unsigned)IFF_RUNNING;
}

void netif_want_flush(struct netif *n)
{
	assert_ptr_equal(n, interface);
	want_flush = true;
}

#define GOT_MAX 512
static struct packet *got[GOT_MAX];
static unsigned ngot, batches;

void netif_input(struct netif *n, struct packet *p)
{
	assert_int_equal(entered, 1);
	assert_ptr_equal(n, interface);
	assert_in_range(ngot, 0, GOT_MAX - 1);
	got[ngot++] = p;
}

void netif_input_end(void)
{
	batches++;
}

size_t uio_put(struct uio *u, const void *p, size_t n)
{
	(void)u, (void)p;
	return n;
}

/* ---- the device ---- */

static struct {
	struct virtio_device d;
	uint64_t features;
	uint8_t status;
	struct virtio_net_config config;
	unsigned max[3];
	struct virtqueue *vq[3];
	uint16_t seen[3], kicks[3];
	bool refuses;
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
	return 0;
}

static uint32_t config_read(struct virtio_device *d, unsigned offset, unsigned width)
{
	uint32_t v = 0;

	(void)d;
	assert_int_equal(offset % width, 0);
	memcpy(&v, (char *)&dev.config + offset, width);
	return v;
}

static unsigned queue_max(struct virtio_device *d, unsigned index)
{
	(void)d;
	return dev.max[index];
}

static void notify(struct virtqueue *vq)
{
	assert_true(dev.status & VIRTIO_CONFIG_S_DRIVER_OK);
	dev.kicks[vq->index]++;
}

static int queue_enable(struct virtio_device *d, struct virtqueue *vq)
{
	(void)d;
	dev.vq[vq->index] = vq;
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

#define F(x) VIRTIO_BIT(VIRTIO_NET_F_##x)
#define ALL                                                                                        \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |                    \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | F(CSUM) | F(GUEST_CSUM) | F(GUEST_TSO4) |       \
	 F(GUEST_TSO6) | F(HOST_TSO4) | F(HOST_TSO6) | F(MRG_RXBUF) | F(STATUS) | F(MAC) |         \
	 F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_MAC_ADDR))

static struct virtio_net *start_with(uint64_t features, unsigned ring)
{
	memset(&dev, 0, sizeof dev);
	dev.d.transport = &transport;
	dev.d.id = VIRTIO_ID_NET;
	dev.features = features;
	dev.max[0] = dev.max[1] = ring;
	dev.max[2] = 64;
	dev.config = (struct virtio_net_config){
	    .mac = {0x52, 0x54, 0, 0, 0, 1}, .status = VIRTIO_NET_S_LINK_UP, .mtu = 9000};
	pages = 65536;
	epoll_busy = false;
	ngot = batches = 0;
	interface = NULL;
	packet_stats = (struct packet_stats){.bytes_limit = 64u << 20};
	if (!virtio_found(&dev.d))
		return NULL;
	assert_non_null(interface);
	assert_int_equal(dev.status, 15);
	return interface->driver;
}

static void free_got(void)
{
	while (ngot)
		packet_free(got[--ngot]);
}

/* The device goes away; whatever was allocated must be free then. */
static void stop(struct virtio_net *v)
{
	free_got();
	virtio_break(&dev.d, "the test is over");
	run_timer(&v->broken);
	assert_false(v->netif.flags & IFF_RUNNING);
	assert_int_equal(packet_stats.packets, 0);
	assert_int_equal(packet_stats.netbufs, 0);
	assert_int_equal(packet_stats.bytes, 0);
	virtqueue_free(&v->rx);
	virtqueue_free(&v->tx);
	virtqueue_free(&v->control);
	free(v);
}

static void use(unsigned q, uint32_t id, uint32_t len)
{
	struct virtqueue *vq = dev.vq[q];

	vq->used->ring[vq->used->idx % vq->size].id = id;
	vq->used->ring[vq->used->idx % vq->size].len = len;
	vq->used->idx++;
}

/* Takes the next buffer of queue q; returns its segments and their number. */
static unsigned take(unsigned q, uint16_t *id, struct vring_desc s[64])
{
	struct virtqueue *vq = dev.vq[q];
	struct vring_desc *table = vq->desc;
	unsigned at, n = 0;

	if (dev.seen[q] == vq->avail->idx)
		return 0;
	*id = vq->avail->ring[dev.seen[q]++ % vq->size];
	at = *id;
	if (table[at].flags & VRING_DESC_F_INDIRECT) {
		table = (void *)(uintptr_t)table[at].addr;
		at = 0;
	}
	for (;; at = table[at].next) {
		s[n++] = table[at];
		if (!(table[at].flags & VRING_DESC_F_NEXT))
			return n;
	}
}

static void interrupt(void)
{
	if (dev.d.interrupt && !dev.d.broken)
		dev.d.interrupt(&dev.d);
}
