/*
 * The other half of a Xen device, of any kind: what a backend sees of a frontend's memory through
 * grants, the store's nodes, the event channels. It holds the frontend to the rules: pages are
 * granted without secrets, not freed while they are granted, and everything is given back once. The
 * headers of the kinds bring the rings. Whoever includes one has the assert_* of cmocka, or others
 * of these names.
 */
#pragma once
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dev/xen/xenbus.h"
#include "phys_fake.h"

static struct xenbus_device device;

/* ---- grants ---- */

#define GRANTS_FIRST 8u /* those before are Xen's */
#define GRANTS_MAX   4096u
static struct {
	bool reserved, active, readonly;
	bool held; /* the backend has it mapped */
	uint8_t *page;
} grants[GRANTS_MAX];
static unsigned grants_end = GRANTS_FIRST; /* none was ever used from here on */
unsigned grant_leaked;

int grant_reserve(grant_ref_t *refs, unsigned n)
{
	unsigned taken = 0;

	for (unsigned i = GRANTS_FIRST; i < GRANTS_MAX && taken < n; i++)
		if (!grants[i].reserved) {
			grants[i].reserved = true;
			refs[taken++] = i;
			if (grants_end <= i)
				grants_end = i + 1;
		}
	assert_int_equal(taken, n);
	return 0;
}

/* What memory holds, over and over, until somebody writes to it. */
static const char secret[16] __attribute__((nonstring)) = "not for backends";

static void assert_no_secrets(const char *page)
{
	const char *end = page + PAGE_SIZE - sizeof secret + 1;

	for (; (page = memchr(page, secret[0], (size_t)(end - page))) != NULL; page++)
		assert_true(memcmp(page, secret, sizeof secret) != 0);
}

void grant_use(grant_ref_t ref, domid_t domain, paddr_t phys, bool readonly)
{
	assert_int_equal(domain, device.backend_domain);
	assert_in_range(ref, GRANTS_FIRST, GRANTS_MAX - 1);
	assert_true(grants[ref].reserved && !grants[ref].active);
	assert_int_equal(phys % PAGE_SIZE, 0);
	assert_no_secrets(phys_to_virt(phys));
	grants[ref].active = true;
	grants[ref].readonly = readonly;
	grants[ref].held = false;
	grants[ref].page = phys_to_virt(phys);
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
	assert_in_range(ref, GRANTS_FIRST, GRANTS_MAX - 1);
	assert_true(grants[ref].active);
	if (grants[ref].held)
		return false;
	grants[ref].active = false;
	return true;
}

void grant_release(grant_ref_t ref)
{
	assert_in_range(ref, GRANTS_FIRST, GRANTS_MAX - 1);
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
	assert_ptr_equal(grants[ref].page, phys_to_virt(block));
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
	return grants[ref].page;
}

static inline unsigned grants_reserved(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < grants_end; i++)
		n += grants[i].reserved;
	return n;
}

/* ---- memory ---- */

#define BLOCKS_MAX 8192u
static struct {
	void *start; /* NULL: none */
	unsigned order;
} blocks[BLOCKS_MAX];
static unsigned blocks_end; /* there are none from here on */
static unsigned live_pages, page_limit;

/* NULL: there are no pages left. */
static void *block_new(unsigned order)
{
	unsigned i = 0;

	if (live_pages + (1u << order) > page_limit)
		return NULL;
	while (i < blocks_end && blocks[i].start)
		i++;
	assert_in_range(i, 0, BLOCKS_MAX - 1);
	if (i == blocks_end)
		blocks_end++;
	blocks[i].start = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
	blocks[i].order = order;
	live_pages += 1u << order;
	return blocks[i].start;
}

paddr_t page_alloc(unsigned order)
{
	char *p = block_new(order);

	if (!p)
		return PADDR_NONE;
	for (size_t at = 0; at < PAGE_SIZE << order; at += sizeof secret)
		memcpy(p + at, secret, sizeof secret);
	return virt_to_phys(p);
}

paddr_t page_alloc_zero(unsigned order)
{
	void *p = block_new(order);

	if (!p)
		return PADDR_NONE;
	memset(p, 0, PAGE_SIZE << order);
	return virt_to_phys(p);
}

/* The block that begins at p; BLOCKS_MAX: none does. */
static unsigned block_at(paddr_t p)
{
	for (unsigned i = 0; i < blocks_end; i++)
		if (blocks[i].start && virt_to_phys(blocks[i].start) == p)
			return i;
	return BLOCKS_MAX;
}

void page_free(paddr_t p, unsigned order)
{
	unsigned i = block_at(p);

	assert_in_range(i, 0, BLOCKS_MAX - 1);
	assert_int_equal(blocks[i].order, order);
	for (unsigned k = 0; k < grants_end; k++)
		assert_false(grants[k].active && virt_to_phys(grants[k].page) >= p &&
			     virt_to_phys(grants[k].page) < p + (PAGE_SIZE << order));
	free(blocks[i].start);
	blocks[i].start = NULL;
	live_pages -= 1u << order;
}

/* Frees what the frontend has left to the backend. */
static void free_left(void)
{
	for (unsigned i = 0; i < blocks_end; i++)
		free(blocks[i].start);
	blocks_end = live_pages = 0;
}

/* ---- the store ---- */

#define NODES_MAX 64u
static struct {
	char path[128], value[64];
} nodes[NODES_MAX];
static unsigned nnodes;

/* The kind's: may the frontend wait for the store's answer where it is now? */
static void assert_may_wait(void);

/* The place of a node, or nnodes. */
static unsigned node_at(const char *dir, const char *name)
{
	char path[sizeof nodes[0].path];
	unsigned i = 0;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	while (i < nnodes && strcmp(nodes[i].path, path))
		i++;
	return i;
}

/* Its value; NULL: there is none. */
static const char *node(const char *dir, const char *name)
{
	unsigned i = node_at(dir, name);

	return i < nnodes ? nodes[i].value : NULL;
}

/* NULL: there is to be none. */
static void set_node(const char *dir, const char *name, const char *value)
{
	unsigned i = node_at(dir, name);

	if (!value) {
		if (i < nnodes)
			nodes[i] = nodes[--nnodes];
		return;
	}
	assert_in_range(i, 0, NODES_MAX - 1);
	if (i == nnodes)
		snprintf(nodes[nnodes++].path, sizeof nodes[0].path, "%s/%s", dir, name);
	snprintf(nodes[i].value, sizeof nodes[0].value, "%s", value);
}

/* A node of the backend's. */
static void offer(const char *name, const char *value)
{
	set_node(device.backend, name, value);
}

int xs_read(xs_transaction t, const char *dir, const char *name, char **value, size_t *len)
{
	const char *v = node(dir, name);

	(void)t;
	assert_may_wait();
	if (!v)
		return -ENOENT;
	*value = strdup(v);
	if (len)
		*len = strlen(v);
	return 0;
}

int xs_rm(xs_transaction t, const char *dir, const char *name)
{
	(void)t;
	assert_may_wait();
	if (!node(dir, name))
		return -ENOENT;
	set_node(dir, name, NULL);
	return 0;
}

int xs_write(xs_transaction t, const char *dir, const char *name, const char *value)
{
	(void)t;
	assert_may_wait();
	set_node(dir, name, value);
	return 0;
}

int xs_printf(xs_transaction t, const char *dir, const char *name, const char *format, ...)
{
	char value[sizeof nodes[0].value];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof value, format, ap);
	va_end(ap);
	return xs_write(t, dir, name, value);
}

int xs_read_number(xs_transaction t, const char *dir, const char *name, uint64_t max,
		   uint64_t *value)
{
	const char *v = node(dir, name);
	char *end;

	(void)t;
	assert_may_wait();
	if (!v)
		return -ENOENT;
	errno = 0;
	*value = strtoull(v, &end, 10);
	return errno || *end || !*v || *v == '-' || *value > max ? -ERANGE : 0;
}

uint64_t xs_read_default(const char *dir, const char *name, uint64_t max, uint64_t fallback)
{
	uint64_t value;

	return xs_read_number(0, dir, name, max, &value) ? fallback : value;
}

/* ---- channels and the bus ---- */

#define PORTS_FIRST 7
#define PORTS_MAX   16
static struct {
	irq_handler_t handler; /* NULL: closed */
	void *arg;
	unsigned notified;
} ports[PORTS_MAX];
static const char *failure; /* the first, of how many */
static unsigned failures;

int xenbus_channel(struct xenbus_device *d, irq_handler_t handler, void *arg)
{
	int i = PORTS_FIRST;

	assert_ptr_equal(d, &device);
	while (i < PORTS_MAX && ports[i].handler)
		i++;
	assert_in_range(i, PORTS_FIRST, PORTS_MAX - 1);
	ports[i].handler = handler;
	ports[i].arg = arg;
	ports[i].notified = 0;
	return i;
}

void evtchn_close(evtchn_port_t port)
{
	assert_in_range(port, PORTS_FIRST, PORTS_MAX - 1);
	assert_non_null(ports[port].handler);
	ports[port].handler = NULL;
}

void evtchn_notify(evtchn_port_t port)
{
	assert_in_range(port, PORTS_FIRST, PORTS_MAX - 1);
	assert_non_null(ports[port].handler);
	ports[port].notified++;
}

static unsigned ports_open(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PORTS_MAX; i++)
		n += ports[i].handler != NULL;
	return n;
}

static void event(unsigned port)
{
	if (ports[port].handler)
		ports[port].handler(ports[port].arg);
}

void xenbus_fail(struct xenbus_device *d, const char *why)
{
	assert_ptr_equal(d, &device);
	if (!failure)
		failure = why;
	failures++;
}

/* A machine with one device, of which nothing is known yet. */
static void backend_reset(const char *dir, const char *backend_dir, domid_t domain)
{
	free_left();
	memset(grants, 0, grants_end * sizeof *grants);
	grants_end = GRANTS_FIRST;
	grant_leaked = 0;
	page_limit = BLOCKS_MAX;
	memset(ports, 0, sizeof ports);
	nnodes = 0;
	failure = NULL;
	failures = 0;
	memset(&device, 0, sizeof device);
	strcpy(device.dir, dir);
	strcpy(device.backend, backend_dir);
	device.backend_domain = domain;
}
