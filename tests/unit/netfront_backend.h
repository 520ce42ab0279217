/*
 * A network backend in memory, and what stands in for the kernel around its frontend: for
 * test_netfront.c and tests/fuzz/fuzz_netfront.c, which bring the assert_* of cmocka or their own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include "dev/xen/netfront.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "mm/page.h"
#include "net/net.h"
#include "vfs/uio.h"

/* ---- memory ---- */

#ifndef PAGES_MAX
#define PAGES_MAX 8192u
#endif
static void *all_pages[PAGES_MAX];
static unsigned live_pages, page_limit;
static size_t ram_pages;

void *phys_to_virt(paddr_t p)
{
	return (void *)(uintptr_t)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (uintptr_t)v;
}

/* The heap's large blocks lie on page boundaries. */
void *kmalloc(size_t size)
{
	return size < PAGE_SIZE ? malloc(size) : aligned_alloc(PAGE_SIZE, page_align_up(size));
}

static inline void *live_page(paddr_t p)
{
	for (unsigned i = 0; i < PAGES_MAX; i++)
		if (all_pages[i] && (uintptr_t)all_pages[i] == p)
			return all_pages[i];
	return NULL;
}

paddr_t page_alloc_zero(unsigned order)
{
	void *p;

	assert_int_equal(order, 0);
	if (live_pages >= page_limit)
		return PADDR_NONE;
	p = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(p, 0, PAGE_SIZE);
	for (unsigned i = 0; i < PAGES_MAX; i++)
		if (!all_pages[i]) {
			all_pages[i] = p;
			live_pages++;
			return (uintptr_t)p;
		}
	abort();
}

size_t page_total(void)
{
	return ram_pages;
}

/* ---- grants ---- */

#ifndef GRANTS_MAX
#define GRANTS_MAX 2048u
#endif
static struct {
	bool reserved, active, readonly;
	bool held; /* the backend has it mapped */
	paddr_t page;
} grants[GRANTS_MAX];
unsigned grant_leaked;

void page_free(paddr_t p, unsigned order)
{
	assert_int_equal(order, 0);
	for (unsigned i = 0; i < GRANTS_MAX; i++)
		assert_false(grants[i].active && grants[i].page == p);
	for (unsigned i = 0; i < PAGES_MAX; i++)
		if (all_pages[i] && (uintptr_t)all_pages[i] == p) {
			free(all_pages[i]);
			all_pages[i] = NULL;
			live_pages--;
			return;
		}
	assert_true(!"a page that is nobody's");
}

int grant_reserve(grant_ref_t *refs, unsigned n)
{
	unsigned got = 0;

	for (unsigned i = 8; i < GRANTS_MAX && got < n; i++)
		if (!grants[i].reserved) {
			grants[i].reserved = true;
			refs[got++] = i;
		}
	assert_int_equal(got, n);
	return 0;
}

void grant_use(grant_ref_t ref, domid_t domain, paddr_t phys, bool readonly)
{
	assert_int_equal(domain, 5);
	assert_in_range(ref, 8, GRANTS_MAX - 1);
	assert_true(grants[ref].reserved && !grants[ref].active);
	assert_int_equal(phys % PAGE_SIZE, 0);
	grants[ref].active = true;
	grants[ref].readonly = readonly;
	grants[ref].held = false;
	grants[ref].page = phys;
}

int grant_access(domid_t domain, paddr_t phys, bool readonly)
{
	grant_ref_t ref;

	grant_reserve(&ref, 1);
	grant_use(ref, domain, phys, readonly);
	return (int)ref;
}

bool grant_revoke(grant_ref_t ref)
{
	assert_in_range(ref, 8, GRANTS_MAX - 1);
	assert_true(grants[ref].active);
	if (grants[ref].held)
		return false;
	grants[ref].active = false;
	return true;
}

void grant_release(grant_ref_t ref)
{
	assert_in_range(ref, 8, GRANTS_MAX - 1);
	assert_true(grants[ref].reserved && !grants[ref].active);
	grants[ref].reserved = false;
}

bool grant_end(grant_ref_t ref)
{
	if (!grant_revoke(ref))
		return false;
	grant_release(ref);
	return true;
}

void grant_end_or_leak(grant_ref_t ref, paddr_t block, unsigned order)
{
	assert_int_equal(grants[ref].page, block);
	if (grant_end(ref))
		page_free(block, order);
	else
		grant_leaked++;
}

/* What the backend sees under a reference; NULL: nothing. */
static uint8_t *granted(grant_ref_t ref, bool write)
{
	if (ref >= GRANTS_MAX || !grants[ref].active || (write && grants[ref].readonly))
		return NULL;
	return (uint8_t *)(uintptr_t)grants[ref].page;
}

static unsigned grants_reserved(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < GRANTS_MAX; i++)
		n += grants[i].reserved;
	return n;
}

/* ---- store ---- */

#define NODES_MAX 64u
static struct {
	char path[128], value[64];
} nodes[NODES_MAX];
static unsigned nnodes;

static const char *node(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	for (unsigned i = 0; i < nnodes; i++)
		if (!strcmp(nodes[i].path, path))
			return nodes[i].value;
	return NULL;
}

static void set_node(const char *dir, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	for (unsigned i = 0; i < nnodes; i++)
		if (!strcmp(nodes[i].path, path)) {
			snprintf(nodes[i].value, sizeof nodes[i].value, "%s", value);
			return;
		}
	assert_in_range(nnodes, 0, NODES_MAX - 1);
	strcpy(nodes[nnodes].path, path);
	snprintf(nodes[nnodes++].value, sizeof nodes[0].value, "%s", value);
}

int xs_read(xs_transaction t, const char *dir, const char *name, char **value, size_t *len)
{
	const char *v = node(dir, name);

	(void)t, (void)len;
	if (!v)
		return -ENOENT;
	*value = strdup(v);
	return 0;
}

static unsigned entered;

int xs_write(xs_transaction t, const char *dir, const char *name, const char *value)
{
	(void)t;
	assert_int_equal(entered, 0); /* it waits */
	set_node(dir, name, value);
	return 0;
}

int xs_printf(xs_transaction t, const char *dir, const char *name, const char *format, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof value, format, ap);
	va_end(ap);
	return xs_write(t, dir, name, value);
}

uint64_t xs_read_default(const char *dir, const char *name, uint64_t max, uint64_t fallback)
{
	const char *v = node(dir, name);
	uint64_t n = v ? strtoull(v, NULL, 10) : fallback;

	assert_int_equal(entered, 0);
	return n > max ? fallback : n;
}

/* ---- channels and the bus ---- */

#define PORTS_MAX 16u
static struct {
	irq_handler_t handler;
	void *arg;
	unsigned notified;
} ports[PORTS_MAX];
static struct xenbus_device device;
static const char *failure;

int xenbus_channel(struct xenbus_device *d, irq_handler_t handler, void *arg)
{
	assert_ptr_equal(d, &device);
	for (int i = 1; i < (int)PORTS_MAX; i++)
		if (!ports[i].handler) {
			ports[i].handler = handler;
			ports[i].arg = arg;
			ports[i].notified = 0;
			return i;
		}
	abort();
}

void evtchn_close(evtchn_port_t port)
{
	assert_non_null(ports[port].handler);
	ports[port].handler = NULL;
}

void evtchn_notify(evtchn_port_t port)
{
	assert_non_null(ports[port].handler);
	ports[port].notified++;
}

void xenbus_fail(struct xenbus_device *d, const char *why)
{
	assert_ptr_equal(d, &device);
	if (!failure)
		failure = why;
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

/* ---- the stack ---- */

bool epoll_busy;
static bool want_flush;
static struct netif *interface;

void random_bytes(void *p, size_t n)
{
	memset(p, 0x41, n);
}

uint64_t net_now(void)
{
	return 0;
}

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

void netif_want_flush(struct netif *n)
{
	assert_ptr_equal(n, interface);
	assert_int_equal(entered, 1);
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

static void free_got(void)
{
	net_enter();
	while (ngot)
		packet_free(got[--ngot]);
	net_leave();
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

static void offer(const char *name, const char *value)
{
	set_node(BACKEND, name, value);
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

	memset(grants, 0, sizeof grants);
	memset(ports, 0, sizeof ports);
	memset(&device, 0, sizeof device);
	nnodes = 0;
	live_pages = 0;
	page_limit = PAGES_MAX;
	ram_pages = 65536;
	grant_leaked = 0;
	failure = NULL;
	epoll_busy = false;
	ngot = batches = 0;
	interface = NULL;
	queued_work = NULL;
	packet_stats = (struct packet_stats){.bytes_limit = 64u << 20};
	strcpy(device.dir, FRONTEND);
	strcpy(device.backend, BACKEND);
	device.backend_domain = 5;
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

static void event(unsigned port)
{
	if (ports[port].handler)
		ports[port].handler(ports[port].arg);
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
	for (unsigned i = 1; i < PORTS_MAX; i++)
		assert_null(ports[i].handler);
	assert_int_equal(entered, 0);
}
