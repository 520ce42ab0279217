/*
 * A network backend in memory, and what stands in for the kernel around its frontend: for
 * test_netfront.c and tests/fuzz/fuzz_netfront.c, which bring the assert_* of cmocka or their own.
 */
#pragma once
#include "dev/xen/netfront.h"
#include "lib/random.h"
#include "netif_fake.h"
#include "xen_backend.h"

/* ---- what stands in for the kernel ---- */

static size_t ram_pages;

/* The heap's large blocks lie on page boundaries. */
void *kmalloc(size_t size)
{
	return size < PAGE_SIZE ? malloc(size) : aligned_alloc(PAGE_SIZE, page_align_up(size));
}

size_t page_total(void)
{
	return ram_pages;
}

static void assert_may_wait(void)
{
	assert_int_equal(entered, 0);
}

int xenbus_ring_alloc(struct xenbus_device *d, struct xenbus_ring *r)
{
	paddr_t page = page_alloc_zero(0);

	if (page == PADDR_NONE)
		return -ENOMEM;
	r->page = phys_to_virt(page);
	r->ref = (grant_ref_t)grant_access(d->backend_domain, page, false);
	return 0;
}

void xenbus_ring_free(struct xenbus_ring *r)
{
	if (r->page)
		grant_end_or_leak(r->ref, virt_to_phys(r->page), 0);
	r->page = NULL;
}

static struct work *queued_work;

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
	w->queued = false;
}

void work_queue(struct work *w)
{
	queued_work = w;
}

static void run_work(void)
{
	struct work *w = queued_work;

	queued_work = NULL;
	if (w)
		w->func(w);
}

int netif_set_mtu(struct netif *n, uint32_t mtu)
{
	n->mtu = mtu;
	return 0;
}

int netif_set_mac(struct netif *n, const uint8_t mac[ETH_ALEN])
{
	memcpy(n->mac, mac, ETH_ALEN);
	return 0;
}

/* ---- the backend ---- */

#define BACKEND	 "/local/domain/5/backend/vif/1/0"
#define FRONTEND "device/vif/0"

static struct {
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	uint32_t tx_cons, rx_cons; /* of requests */
	unsigned rx_port, tx_port;
} backend;

static struct netfront *front(void)
{
	return device.driver;
}

static void offer_all(void)
{
	static const char *const names[] = {
	    "feature-rx-copy",		 "feature-sg",
	    "feature-gso-tcpv4",	 "feature-gso-tcpv6",
	    "feature-ipv6-csum-offload", "feature-split-event-channels",
	};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		offer(names[i], "1");
}

/* A machine without devices. */
static void clean(void)
{
	static unsigned machines; /* none is to know the interfaces of those before */
	char mac[32];

	backend_reset(FRONTEND, BACKEND, 5);
	netif_fake_reset();
	ram_pages = 65536;
	queued_work = NULL;
	device.id = 100 * ++machines;
	snprintf(mac, sizeof mac, "00:16:3e:%02x:%02x:01", machines / 256, machines % 256);
	set_node(FRONTEND, "mac", mac);
}

static unsigned number(const char *name)
{
	const char *v = node(FRONTEND, name);

	assert_non_null(v);
	return (unsigned)atoi(v);
}

/* Both ends become Connected. */
static inline int plug(void)
{
	int err = xen_netfront.connect(&device);

	if (err)
		return err;
	failure = NULL;
	backend.tx = (void *)granted(number("tx-ring-ref"), true);
	backend.rx = (void *)granted(number("rx-ring-ref"), true);
	backend.rx_port = number(front()->features.split ? "event-channel-rx" : "event-channel");
	backend.tx_port = number(front()->features.split ? "event-channel-tx" : "event-channel");
	backend.tx_cons = backend.rx_cons = 0;
	assert_non_null(backend.tx);
	assert_non_null(backend.rx);
	return xen_netfront.ready(&device);
}

static union netif_rx_sring_entry *rx_slot(uint32_t i)
{
	union netif_rx_sring_entry *e = backend.rx->ring;

	return &e[i % NETFRONT_ENTRIES];
}

static union netif_tx_sring_entry *tx_slot(uint32_t i)
{
	union netif_tx_sring_entry *e = backend.tx->ring;

	return &e[i % NETFRONT_ENTRIES];
}

/* The device is gone: nothing of the connection may be left but what the backend holds. */
static void unplug(unsigned leaked)
{
	free_got();
	xen_netfront.disconnect(&device);
	assert_false(interface->flags & IFF_RUNNING);
	assert_int_equal(grant_leaked, leaked);
	assert_int_equal(grants_reserved(), leaked);
	assert_int_equal(packet_stats.packets, 0);
	assert_int_equal(ports_open(), 0);
	assert_int_equal(entered, 0);
}
