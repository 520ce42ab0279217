/*
 * What xenbus uses of Xen, counted: it must be given back. Included once, after cmocka.h (or with
 * other definitions of its assertions).
 */
#pragma once
#include <stdlib.h>
#include "dev/xen/xenbus.h"
#include "page_fake.h"
#define FAKE_OWN_CHANNELS
#include "xenstore_fake.h"

static unsigned grants, channels;
static bool stale_now;
static domid_t last_domain; /* that a backend may be in */

int grant_access(domid_t domain, paddr_t phys, bool readonly)
{
	(void)phys;
	assert_false(readonly);
	assert_in_range(domain, 0, last_domain);
	return (int)++grants + 8;
}

void grant_end_or_leak(grant_ref_t ref, paddr_t block, unsigned order)
{
	(void)ref;
	grants--;
	page_free(block, order);
}

int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg)
{
	(void)arg;
	if (port == FAKE_PORT)
		fake.handler = handler;
	return 0;
}

int evtchn_alloc(domid_t remote)
{
	assert_in_range(remote, 0, last_domain);
	return (int)++channels + 10;
}

void evtchn_close(evtchn_port_t port)
{
	(void)port;
	if (!stale_now)
		channels--;
}

void evtchn_stale(bool yes)
{
	stale_now = yes;
	if (yes)
		channels = 0;
}
