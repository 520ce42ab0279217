#include "hyper/xen/evtchn.h"
#include <asm/errno.h>
#include "hyper/xen/shared.h"
#include "lib/printk.h"
#include "lib/string.h"

#define MAX_PORTS     256u /* of 4096; a domain of ours has a dozen */
#define BITS_PER_WORD 64u

static struct {
	irq_handler_t handler;
	void *arg;
} ports[MAX_PORTS];
static int vector; /* of the upcall */
static bool stale;

/* The upcall: two levels of bits say which channels are pending. Xen sets, we clear (xen.h, "struct
 * vcpu_info": the flag first, then look). */
static void upcall(void *arg)
{
	struct shared_info *shared = &xen_shared.info;
	unsigned long words;

	(void)arg;
	__atomic_store_n(&xen_vcpu_info.evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	words = __atomic_exchange_n(&xen_vcpu_info.evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	for (; words; words &= words - 1) {
		unsigned w = (unsigned)__builtin_ctzl(words);
		unsigned long bits = __atomic_load_n(&shared->evtchn_pending[w], __ATOMIC_ACQUIRE) &
				     ~__atomic_load_n(&shared->evtchn_mask[w], __ATOMIC_RELAXED);

		for (; bits; bits &= bits - 1) {
			unsigned bit = (unsigned)__builtin_ctzl(bits);
			unsigned port = w * BITS_PER_WORD + bit;

			__atomic_fetch_and(&shared->evtchn_pending[w], ~(1ul << bit),
					   __ATOMIC_SEQ_CST);
			if (port < MAX_PORTS && ports[port].handler)
				ports[port].handler(ports[port].arg);
		}
	}
}

int evtchn_attach(evtchn_port_t port, irq_handler_t handler, void *arg)
{
	struct evtchn_unmask unmask = {.port = port};

	if (port >= MAX_PORTS)
		return -ENOSPC;
	if (ports[port].handler)
		return -EBUSY;
	ports[port].arg = arg;
	__atomic_store_n(&ports[port].handler, handler, __ATOMIC_RELEASE);
	return (int)xen_event_channel_op(EVTCHNOP_unmask, &unmask);
}

void evtchn_detach(evtchn_port_t port)
{
	if (port >= MAX_PORTS)
		return;
	__atomic_fetch_or(&xen_shared.info.evtchn_mask[port / BITS_PER_WORD],
			  1ul << port % BITS_PER_WORD, __ATOMIC_SEQ_CST);
	ports[port].handler = NULL;
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

	if (!err)
		err = evtchn_attach(bind.port, handler, arg);
	return err ? err : (int)bind.port;
}

void evtchn_notify(evtchn_port_t port)
{
	struct evtchn_send send = {.port = port};

	xen_event_channel_op(EVTCHNOP_send, &send);
}

static long start_upcalls(void)
{
	struct xen_hvm_evtchn_upcall_vector set = {.vcpu = 0, .vector = (uint8_t)vector};
	long err;

	memset(xen_shared.info.evtchn_mask, 0xff, sizeof xen_shared.info.evtchn_mask);
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
	return vector < 0 ? vector : start_upcalls();
}

void evtchn_stale(bool yes)
{
	stale = yes;
}

void evtchn_resume(void)
{
	long err;

	for (unsigned i = 0; i < MAX_PORTS; i++)
		ports[i].handler = NULL;
	err = start_upcalls();
	if (err)
		panic("Xen delivers no events after the resume (%ld)", err);
}
