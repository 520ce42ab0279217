/*
 * Event channels, the 2-level ABI (event_channel.h, xen.h "struct shared_info"): Xen's interrupts.
 *
 * A handler runs as any interrupt handler does (dev/irq.h), with its channel's pending bit cleared
 * before: an event that arrives meanwhile makes it run again. Handlers are bound at boot and by
 * drivers while they set up a device, one at a time; they stay.
 */
#pragma once
#include "dev/irq.h"
#include "hyper/xen/hypercall.h"

/* Masks all channels and has upcalls delivered to this CPU. -errno if Xen has no such thing. */
long evtchn_init(void);
/* Runs handler on events of a channel that exists, and unmasks it. 0, -ENOSPC (port beyond the
 * table), -EBUSY. */
int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg);
/* Binds a virtual interrupt (xen.h, VIRQ_*) of this CPU. 0 or -errno. */
int evtchn_bind_virq(unsigned virq, irq_handler_t handler, void *arg);
/* Tells the other end. May be called from anywhere, also before evtchn_init. */
void evtchn_notify(evtchn_port_t port);
