/*
 * The FIFO ABI (event_channel.h; "Event Channel FIFO" in Xen's design documents): a word for each
 * channel, and channels with events linked into sixteen queues by priority, through the words.
 * Finding the next event is one load, and each comes in its turn, whatever its number.
 *
 * Xen appends at the tail, which it alone knows; the control block has the head of a queue that was
 * empty and a bit that says so. Heads after the first come out of the words, and are ours.
 */
#include <asm/errno.h>
#include "hyper/xen/event_abi.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES      (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define PENDING	       (1u << EVTCHN_FIFO_PENDING)
#define MASKED	       (1u << EVTCHN_FIFO_MASKED)
#define LINKED	       (1u << EVTCHN_FIFO_LINKED)

static struct evtchn_fifo_control_block *control;
static event_word_t *pages[MAX_PAGES];
static unsigned npages;
static uint32_t heads[EVTCHN_FIFO_MAX_QUEUES]; /* 0: in the control block */

static event_word_t *word_of(evtchn_port_t port)
{
	return port / WORDS_PER_PAGE < npages ? &pages[port / WORDS_PER_PAGE][port % WORDS_PER_PAGE]
					      : NULL;
}

/* A page for Xen to share; memory stays for ever. */
static void *shared_page(void)
{
	paddr_t p = page_alloc(0);

	return p == PADDR_NONE ? NULL : phys_to_virt(p);
}

static long start(void)
{
	struct evtchn_init_control op = {.vcpu = 0};
	long err;

	if (!control)
		control = shared_page();
	if (!control)
		return -ENOMEM;
	memset(control, 0, PAGE_SIZE);
	memset(heads, 0, sizeof heads);
	npages = 0;
	op.control_gfn = virt_to_phys(control) >> PAGE_SHIFT;
	err = xen_event_channel_op(EVTCHNOP_init_control, &op);
	if (err) {
		page_free(virt_to_phys(control), 0);
		control = NULL;
	}
	return err;
}

static long cover(evtchn_port_t port)
{
	while (port / WORDS_PER_PAGE >= npages) {
		struct evtchn_expand_array op;
		long err;

		if (!pages[npages])
			pages[npages] = shared_page();
		if (!pages[npages])
			return -ENOMEM;
		for (unsigned i = 0; i < WORDS_PER_PAGE; i++)
			pages[npages][i] = MASKED;
		op.array_gfn = virt_to_phys(pages[npages]) >> PAGE_SHIFT;
		err = xen_event_channel_op(EVTCHNOP_expand_array, &op);
		if (err)
			return err;
		npages++;
	}
	return 0;
}

static void mask(evtchn_port_t port)
{
	event_word_t *w = word_of(port);

	if (w)
		__atomic_fetch_or(w, MASKED, __ATOMIC_SEQ_CST);
}

/* Takes the word off its queue; the next one's port, 0 if it was the last. Xen may at the same time
 * append behind it, or make it pending again. */
static uint32_t unlink(event_word_t *w)
{
	event_word_t old = __atomic_load_n(w, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(w, &old, old & ~(LINKED | EVTCHN_FIFO_LINK_MASK), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		;
	return old & EVTCHN_FIFO_LINK_MASK;
}

static void consume_one(unsigned queue, uint32_t *ready, void (*deliver)(evtchn_port_t port))
{
	uint32_t port = heads[queue];
	event_word_t *w, flags;

	if (!port)
		port = __atomic_load_n(&control->head[queue], __ATOMIC_ACQUIRE);
	w = port ? word_of(port) : NULL;
	if (!w) { /* Xen does not do that */
		heads[queue] = 0;
		*ready &= ~(1u << queue);
		return;
	}
	heads[queue] = unlink(w);
	if (!heads[queue])
		*ready &= ~(1u << queue);
	flags = __atomic_load_n(w, __ATOMIC_ACQUIRE);
	if (!(flags & PENDING) || flags & MASKED)
		return; /* unmasking finds it again */
	__atomic_fetch_and(w, ~PENDING, __ATOMIC_SEQ_CST);
	deliver(port);
}

/* The queues that have become ready; Xen's other bits mean nothing. */
static uint32_t take_ready(void)
{
	return __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST) &
	       ((1u << EVTCHN_FIFO_MAX_QUEUES) - 1);
}

static void scan(void (*deliver)(evtchn_port_t port))
{
	uint32_t ready = take_ready();

	while (ready) {
		consume_one((unsigned)__builtin_ctz(ready), &ready, deliver);
		ready |= take_ready();
	}
}

const struct event_abi event_fifo = {
    .name = "FIFO",
    .nports = EVTCHN_FIFO_NR_CHANNELS,
    .start = start,
    .cover = cover,
    .mask = mask,
    .scan = scan,
};
