/* Of evtchn.c: the two ways in which Xen tells which channels have events. */
#pragma once
#include "hyper/xen/hypercall.h"

struct event_abi {
	const char *name;
	unsigned nports;
	/* Starts with every channel masked and nothing pending, also after a resume. 0, -errno: Xen
	 * does not have it. */
	long (*start)(void);
	/* Makes sure that Xen can tell events of port. 0, -ENOMEM, -errno of Xen. */
	long (*cover)(evtchn_port_t port);
	void (*mask)(evtchn_port_t port);
	/* Calls deliver for each unmasked channel with an event, whose pending bit is cleared
	 * before. */
	void (*scan)(void (*deliver)(evtchn_port_t port));
};

extern const struct event_abi event_2l, event_fifo;
