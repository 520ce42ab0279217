/*
 * A virtio network device in memory, and what stands in for the kernel around its driver: for
 * test_virtio_net.c and tests/fuzz/fuzz_virtio.c, which bring the assert_* of cmocka or their own.
 */
#pragma once
#include <linux/virtio_net.h>
#include "dev/virtio/net.h"
#include "lib/random.h"
#include "netif_fake.h"
#include "virtio_device.h"

/* ---- what stands in for the kernel ---- */

const struct virtio_driver virtio_blk_driver = {VIRTIO_ID_BLOCK, NULL};

static size_t pages;

size_t page_total(void)
{
	return pages;
}

void random_mix(const void *p, size_t n, const char *source)
{
	(void)p, (void)n, (void)source;
}

uint64_t clock_monotonic(void)
{
	return 0;
}

/* ---- the device ---- */

static struct virtio_net_config config;

#define F(x) VIRTIO_BIT(VIRTIO_NET_F_##x)
#define ALL                                                                                        \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |                    \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | F(CSUM) | F(GUEST_CSUM) | F(GUEST_TSO4) |       \
	 F(GUEST_TSO6) | F(HOST_TSO4) | F(HOST_TSO6) | F(MRG_RXBUF) | F(STATUS) | F(MAC) |         \
	 F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_MAC_ADDR))

static struct virtio_net *start_with(uint64_t features, unsigned ring)
{
	config = (struct virtio_net_config){
	    .mac = {0x52, 0x54, 0, 0, 0, 1}, .status = VIRTIO_NET_S_LINK_UP, .mtu = 9000};
	device_reset(VIRTIO_ID_NET, features, &config, sizeof config);
	dev.max[0] = dev.max[1] = ring;
	dev.max[2] = 64;
	pages = 65536;
	netif_fake_reset();
	if (!virtio_found(&dev.d))
		return NULL;
	assert_non_null(interface);
	assert_int_equal(dev.status, 15);
	return interface->driver;
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
	device_use(&dev.queues[q], id, len);
}

/* Takes the next buffer of queue q; returns its segments and their number. */
static unsigned take(unsigned q, uint16_t *id, struct vring_desc s[64])
{
	return device_take(&dev.queues[q], id, s);
}
