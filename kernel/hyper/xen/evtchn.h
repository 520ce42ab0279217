/*
 * Event channels (event_channel.h): Xen's interrupts. With the FIFO ABI where Xen offers it
 * (event_fifo.c), else with the 2-level one (event_2l.c); evtchn.c is what both share.
 *
 * A handler runs as any interrupt handler does (dev/irq.h), with its channel's pending bit cleared
 * before: an event that arrives meanwhile makes it run again. Under EVTCHN lock, which no handler
 * runs under.
 */
#pragma once
#include <stdbool.h>
#include "dev/irq.h"
#include "hyper/xen/hypercall.h"

/* Masks all channels and has upcalls delivered to this CPU. -errno if Xen has no such thing. */
long evtchn_init(void);
/* Runs handler on events of a channel that exists, and unmasks it. 0, -ENOSPC (port beyond the
 * table), -EBUSY. */
int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg);
/* Masks the channel; its handler does not run any more. */
void evtchn_detach(evtchn_port_t port);
/* A new channel that domain remote may bind to (EVTCHNOP_alloc_unbound). The port, -errno. */
int evtchn_alloc(domid_t remote);
/* Detaches and closes a channel of evtchn_alloc or evtchn_bind_virq. */
void evtchn_close(evtchn_port_t port);
/* Binds a virtual interrupt (xen.h, VIRQ_*) of this CPU. The port, or -errno. */
int evtchn_bind_virq(unsigned virq, irq_handler_t handler, void *arg);
/* Tells the other end. May be called from anywhere, also before evtchn_init. */
void evtchn_notify(evtchn_port_t port);
/* After a resume from suspend all channels are gone, with their handlers; the ABI is set up anew.
 */
void evtchn_resume(void);
/* While true evtchn_close does nothing: after a resume the ports that drivers still know belong to
 * others (xenbus_resume). */
void evtchn_stale(bool yes);
/* "FIFO" or "2-level". */
const char *evtchn_abi(void);
