/* unit: kernel/hyper/xen/evtchn.c kernel/hyper/xen/event_fifo.c kernel/hyper/xen/event_2l.c kernel/hyper/xen/shared.c */
/*
 * Event channels of both ABIs, with Xen's side played here as event_channel.h describes it: setting
 * events pending, linking them into queues, masking, upcalls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "arch/x86_64/emulated.h"
#include "arch/x86_64/traps.h"
#include "hyper/xen/event_abi.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/shared.h"
#include "phys_fake.h"

#undef xen_hypercall
#define PORTS 4096u

static bool offer_fifo;
static struct evtchn_fifo_control_block *control;
static uint32_t *array[PORTS / 1024];
static unsigned narray, next_port = 3;
static uint32_t tail[16];
static bool open_port[PORTS], fell_back[PORTS];
static irq_handler_t upcall;
static void *upcall_arg;
static unsigned edges;
static void (*before_upcall)(void);

paddr_t page_alloc(unsigned order)
{
	assert_int_equal(order, 0);
	return (paddr_t)aligned_alloc(4096, 4096);
}

void page_free(paddr_t p, unsigned order)
{
	(void)order;
	free((void *)p);
}

int irq_alloc_vector(irq_handler_t handler, void *arg)
{
	upcall = handler;
	upcall_arg = arg;
	return 0xe0;
}

/* Where an upcall is taken as an exception. */
static bool emulated;
static unsigned absent_gate;

bool cpu_emulated(void)
{
	return emulated;
}

void trap_by_absent_gate(unsigned vector)
{
	absent_gate = vector;
}

/* ---- Xen ---- */

static void mark_upcall(void)
{
	if (!xen_vcpu_info.evtchn_upcall_pending) {
		xen_vcpu_info.evtchn_upcall_pending = 1;
		edges++;
	}
}

static void link_event(unsigned port, unsigned queue)
{
	uint32_t *w = &array[port / 1024][port % 1024];

	if (*w & 1u << EVTCHN_FIFO_MASKED || *w & 1u << EVTCHN_FIFO_LINKED)
		return;
	*w |= 1u << EVTCHN_FIFO_LINKED;
	/* Behind the tail, if that is in its queue still; else it is the first. */
	uint32_t *t = tail[queue] ? &array[tail[queue] / 1024][tail[queue] % 1024] : NULL;
	if (t && t != w && *t & 1u << EVTCHN_FIFO_LINKED)
		*t = (*t & ~(uint32_t)EVTCHN_FIFO_LINK_MASK) | port;
	else
		control->head[queue] = port;
	bool was_linked = t && t != w && *t & 1u << EVTCHN_FIFO_LINKED;
	tail[queue] = port;
	if (!was_linked && !(control->ready & 1u << queue)) {
		control->ready |= 1u << queue;
		mark_upcall();
	}
}

static void set_pending(unsigned port)
{
	assert_true(open_port[port]);
	if (control) {
		if (port / 1024 >= narray) {
			fell_back[port] = true;
			return;
		}
		array[port / 1024][port % 1024] |= 1u << EVTCHN_FIFO_PENDING;
		link_event(port, port % 2 ? 7 : 9);
		return;
	}
	uint64_t bit = 1ul << port % 64;
	if (xen_shared.info.evtchn_pending[port / 64] & bit)
		return;
	xen_shared.info.evtchn_pending[port / 64] |= bit;
	if (xen_shared.info.evtchn_mask[port / 64] & bit ||
	    xen_vcpu_info.evtchn_pending_sel & 1ul << port / 64)
		return;
	xen_vcpu_info.evtchn_pending_sel |= 1ul << port / 64;
	mark_upcall();
}

static long unmask(unsigned port)
{
	if (!open_port[port])
		return -EINVAL;
	if (control) {
		uint32_t *w = &array[port / 1024][port % 1024];

		assert_true(port / 1024 < narray);
		*w &= ~(1u << EVTCHN_FIFO_MASKED);
		if (*w & 1u << EVTCHN_FIFO_PENDING)
			link_event(port, port % 2 ? 7 : 9);
		return 0;
	}
	uint64_t bit = 1ul << port % 64;
	xen_shared.info.evtchn_mask[port / 64] &= ~bit;
	if (xen_shared.info.evtchn_pending[port / 64] & bit) {
		xen_shared.info.evtchn_pending[port / 64] &= ~bit;
		set_pending(port);
	}
	return 0;
}

long xen_hypercall(unsigned nr, unsigned long a1, unsigned long a2, unsigned long a3,
		   unsigned long a4)
{
	(void)a3;
	(void)a4;
	if (nr == __HYPERVISOR_hvm_op) {
		assert_int_equal(a1, HVMOP_set_evtchn_upcall_vector);
		return 0;
	}
	assert_int_equal(nr, __HYPERVISOR_event_channel_op);
	switch (a1) {
	case EVTCHNOP_init_control: {
		struct evtchn_init_control *c = (void *)a2;
		if (!offer_fifo)
			return -ENOSYS;
		control = (void *)(c->control_gfn << 12);
		narray = 0;
		memset(tail, 0, sizeof tail);
		return 0;
	}
	case EVTCHNOP_expand_array:
		if (narray == PORTS / 1024)
			return -ENOSPC;
		array[narray++] = (void *)(((struct evtchn_expand_array *)a2)->array_gfn << 12);
		return 0;
	case EVTCHNOP_alloc_unbound: {
		struct evtchn_alloc_unbound *a = (void *)a2;
		if (next_port >= PORTS)
			return -ENOSPC;
		open_port[next_port] = true;
		a->port = next_port++;
		return 0;
	}
	case EVTCHNOP_bind_virq:
		open_port[next_port] = true;
		((struct evtchn_bind_virq *)a2)->port = next_port++;
		return 0;
	case EVTCHNOP_close:
		if (((struct evtchn_close *)a2)->port >= PORTS ||
		    !open_port[((struct evtchn_close *)a2)->port])
			return -EINVAL;
		open_port[((struct evtchn_close *)a2)->port] = false;
		return 0;
	case EVTCHNOP_unmask:
		return unmask(((struct evtchn_unmask *)a2)->port);
	default:
		fail_msg("operation %lu", a1);
		return -ENOSYS;
	}
}

static void run_upcalls(void)
{
	while (edges) {
		edges--;
		if (before_upcall)
			before_upcall();
		upcall(upcall_arg);
	}
}

/* ---- what handlers saw ---- */

static unsigned count[PORTS], order[PORTS], norder, again;

static void handler(void *arg)
{
	unsigned port = (unsigned)(uintptr_t)arg;

	count[port]++;
	if (norder < PORTS)
		order[norder++] = port;
	if (again) { /* an event while the handler runs makes it run again */
		again--;
		set_pending(port);
	}
}

static unsigned open_channel(void)
{
	int port = evtchn_alloc(0);

	assert_true(port > 0);
	assert_int_equal(evtchn_attach((unsigned)port, handler, (void *)(uintptr_t)port), 0);
	return (unsigned)port;
}

static void start(bool fifo)
{
	offer_fifo = fifo;
	xen_vcpu_info.evtchn_upcall_pending = 1; /* as registering it leaves it */
	xen_vcpu_info.evtchn_pending_sel = ~0ul;
	emulated = fifo; /* either, once */
	absent_gate = 0;
	assert_int_equal(evtchn_init(), 0);
	assert_int_equal(absent_gate, emulated ? 0xe0 : 0);
	assert_string_equal(evtchn_abi(), fifo ? "FIFO" : "2-level");
	assert_int_equal(xen_vcpu_info.evtchn_upcall_pending, 0);
}

static void exercise(bool fifo)
{
	unsigned a, b, c;

	start(fifo);
	a = open_channel();
	b = open_channel();
	c = open_channel();
	set_pending(a);
	set_pending(a);
	set_pending(c);
	assert_int_equal(edges, 1);
	run_upcalls();
	assert_int_equal(count[a], 1);
	assert_int_equal(count[b], 0);
	assert_int_equal(count[c], 1);
	again = 3;
	set_pending(b);
	run_upcalls();
	assert_int_equal(count[b], 4);

	assert_int_equal(evtchn_attach(a, handler, NULL), -EBUSY);
	assert_int_equal(evtchn_attach(1u << 17, handler, NULL), -ENOSPC);
	assert_int_equal(evtchn_attach(2000, handler, NULL), -EINVAL); /* no channel */
	evtchn_detach(b);
	set_pending(b);
	run_upcalls();
	assert_int_equal(count[b], 4);
	/* What came while it was masked is not lost. */
	assert_int_equal(evtchn_attach(b, handler, (void *)(uintptr_t)b), 0);
	run_upcalls();
	assert_int_equal(count[b], 5);
	set_pending(b);
	evtchn_close(b); /* with an event on its way */
	run_upcalls();
	assert_int_equal(count[b], 5);
	evtchn_close(5000000);

	/* Thousands of channels; events at random, while handlers run too. */
	unsigned ports[3000], want[3000];
	for (unsigned i = 0; i < 3000; i++)
		ports[i] = open_channel();
	memset(count, 0, sizeof count);
	for (unsigned round = 0; round < 300; round++) {
		memset(want, 0, sizeof want);
		memset(count, 0, sizeof count);
		for (unsigned i = 0; i < 500; i++) {
			unsigned k = (unsigned)rand() % 3000;
			want[k] = 1;
			set_pending(ports[k]);
			if (rand() % 100 == 0)
				run_upcalls();
		}
		run_upcalls();
		for (unsigned k = 0; k < 3000; k++) {
			assert_true(count[ports[k]] >= want[k]);
			assert_true(want[k] || !count[ports[k]]);
		}
	}

	/* The new host knows nothing of all this. */
	memset(open_port, 0, sizeof open_port);
	memset(xen_shared.info.evtchn_pending, 0, sizeof xen_shared.info.evtchn_pending);
	control = NULL;
	next_port = 3;
	evtchn_resume();
	assert_string_equal(evtchn_abi(), fifo ? "FIFO" : "2-level");
	a = open_channel();
	count[a] = 0;
	set_pending(a);
	run_upcalls();
	assert_int_equal(count[a], 1);
	evtchn_stale(true);
	evtchn_close(a);
	evtchn_stale(false);
	set_pending(a);
	run_upcalls();
	assert_int_equal(count[a], 2);
}

static void two_level(void **state)
{
	(void)state;
	exercise(false);
}

static void fifo(void **state)
{
	(void)state;
	exercise(true);
}

/* In the order they came, the higher priority (the odd ports here) first. */
static void fifo_keeps_order(void **state)
{
	static const unsigned sent[] = {3, 4, 5, 7, 6, 11, 10, 8},
			      want[] = {3, 5, 7, 11, 4, 6, 10, 8};

	(void)state;
	start(true);
	for (unsigned i = 0; i < 10; i++)
		open_channel();
	for (unsigned i = 0; i < 8; i++)
		set_pending(sent[i]);
	norder = 0;
	run_upcalls();
	assert_int_equal(norder, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(order[i], want[i]);
}

/* Whatever is in the shared pages, we stay inside ours. */
static void nonsense(void **state)
{
	(void)state;
	start(true);
	for (unsigned i = 0; i < 10; i++)
		open_channel();
	for (unsigned round = 0; round < 20000; round++) {
		for (unsigned q = 0; q < 16; q++)
			control->head[q] = (uint32_t)rand() & (rand() % 2 ? 0x7ff : 0x1ffff);
		control->ready = (uint32_t)rand();
		for (unsigned i = 0; i < 4; i++)
			array[0][rand() % 1024] =
			    ((uint32_t)rand() << 16 | (uint32_t)rand()) & ~(uint32_t)0x1fc00;
		upcall(upcall_arg);
	}
}

static int run(const struct CMUnitTest *test)
{
	const struct CMUnitTest one[] = {*test};

	return cmocka_run_group_tests_name("event channels", one, NULL, NULL);
}

/* State is static: each test has a process of its own. */
int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_level),
	    cmocka_unit_test(fifo),
	    cmocka_unit_test(fifo_keeps_order),
	    cmocka_unit_test(nonsense),
	};
	char command[4200];
	int failed = 0;

	if (argc == 2)
		return run(&tests[atoi(argv[1])]);
	for (int i = 0; i < 4; i++) {
		snprintf(command, sizeof command, "timeout 60 %s %d", argv[0], i);
		failed |= system(command);
	}
	return failed != 0;
}
