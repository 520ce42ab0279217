#include "hyper/xen/evtchn.h"
#include <asm/errno.h>
#include "arch/x86_64/emulated.h"
#include "arch/x86_64/traps.h"
#include "hyper/xen/event_abi.h"
#include "hyper/xen/shared.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

/* Handlers, in pieces that are made when a port in them is attached. */
struct slot {
	irq_handler_t handler;
	void *arg;
};
#define PIECE_PORTS 256u
#define MAX_PORTS   EVTCHN_FIFO_NR_CHANNELS

static struct slot first_piece[PIECE_PORTS];
static struct slot *pieces[MAX_PORTS / PIECE_PORTS] = {first_piece};
static const struct event_abi *abi;
static int vector; /* of the upcall */
static bool stale;

static struct slot *slot_of(evtchn_port_t port)
{
	struct slot *piece = port < MAX_PORTS ? pieces[port / PIECE_PORTS] : NULL;

	return piece ? &piece[port % PIECE_PORTS] : NULL;
}

static void deliver(evtchn_port_t port)
{
	struct slot *s = slot_of(port);

	if (s && s->handler)
		s->handler(s->arg);
}

/* The flag first, then look: Xen sends an edge only when it sets the flag. */
static void upcall(void *arg)
{
	(void)arg;
	__atomic_store_n(&xen_vcpu_info.evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	abi->scan(deliver);
}

int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg)
{
	struct evtchn_unmask unmask = {.port = port};
	struct slot *s;
	long err;

	if (port >= abi->nports)
		return -ENOSPC;
	if (!pieces[port / PIECE_PORTS])
		pieces[port / PIECE_PORTS] = kzalloc(sizeof first_piece);
	s = slot_of(port);
	if (!s)
		return -ENOSPC;
	if (s->handler)
		return -EBUSY;
	err = abi->cover(port);
	if (err)
		return (int)err;
	s->arg = arg;
	__atomic_store_n(&s->handler, handler, __ATOMIC_RELEASE);
	err = xen_event_channel_op(EVTCHNOP_unmask, &unmask);
	if (err)
		s->handler = NULL;
	return (int)err;
}

void evtchn_detach(evtchn_port_t port)
{
	struct slot *s = slot_of(port);

	if (port < abi->nports)
		abi->mask(port);
	if (s)
		s->handler = NULL;
}

int evtchn_alloc(domid_t remote)
{
	struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = remote};
	int err = (int)xen_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

	return err ? err : (int)alloc.port;
}

void evtchn_close(evtchn_port_t port)
{
	struct evtchn_close op = {.port = port};

	if (stale)
		return;
	evtchn_detach(port);
	xen_event_channel_op(EVTCHNOP_close, &op);
}

int evtchn_bind_virq(unsigned virq, irq_handler_t handler, void *arg)
{
	struct evtchn_bind_virq bind = {.virq = virq, .vcpu = 0};
	int err = (int)xen_event_channel_op(EVTCHNOP_bind_virq, &bind);

	if (err)
		return err;
	err = evtchn_attach(bind.port, handler, arg);
	if (err)
		evtchn_close(bind.port);
	return err ? err : (int)bind.port;
}

void evtchn_notify(evtchn_port_t port)
{
	struct evtchn_send send = {.port = port};

	xen_event_channel_op(EVTCHNOP_send, &send);
}

void evtchn_stale(bool yes)
{
	stale = yes;
}

/* Xen has the FIFO ABI from 4.4 on, unless the toolstack forbids it. */
static long start(void)
{
	struct xen_hvm_evtchn_upcall_vector set = {.vcpu = 0, .vector = (uint8_t)vector};
	long err;

	abi = &event_fifo;
	if (abi->start()) {
		abi = &event_2l;
		abi->start();
	}
	err = xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &set);
	/* Registering vcpu_info marked it as pending; Xen sends no edge while it is. */
	if (!err)
		upcall(NULL);
	return err;
}

long evtchn_init(void)
{
	/*
	 * Through the local APIC: the upcall is then an edge that waits to be acknowledged, as
	 * deferred interrupts need it. (HVM_PARAM_CALLBACK_IRQ's vector comes again and again until
	 * evtchn_upcall_pending is cleared, and would not let kernel code proceed.)
	 */
	vector = irq_alloc_vector(upcall, NULL);
	if (vector < 0)
		return vector;
	if (cpu_emulated())
		trap_by_absent_gate((unsigned)vector);
	return start();
}

void evtchn_resume(void)
{
	long err;

	for (unsigned i = 0; i < MAX_PORTS / PIECE_PORTS; i++)
		if (pieces[i])
			memset(pieces[i], 0, sizeof first_piece);
	err = start();
	if (err)
		panic("Xen delivers no events after the resume (%ld)", err);
}

const char *evtchn_abi(void)
{
	return abi->name;
}
