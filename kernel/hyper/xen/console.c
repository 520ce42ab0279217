#include "hyper/xen/console.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/tty.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/ring.h"
#include "hyper/xen/shared.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/vmap.h"
#include "time/pvclock.h"

#define STALL_NS   5000000000ull
#define DEBUG_PORT 0xe9 /* goes to Xen's log, a line at a time */

static bool dom0;
static struct xencons_interface *ring; /* NULL: none, or not mapped in these page tables */
static uint64_t ring_page;	       /* its address in guest memory; 0: none */
static uint64_t early_cr3; /* ring is mapped by these page tables only; 0: by the final ones */
static evtchn_port_t port;
static bool stalled; /* the backend did not read for too long */

static char last; /* byte written */

static uint64_t now(void)
{
	return pvclock_read((const struct pvclock_time *)(void *)&xen_vcpu_info.time);
}

void xen_console_init(bool is_dom0)
{
	uint64_t pfn, channel;

	dom0 = is_dom0;
	if (dom0 || xen_hvm_param(HVM_PARAM_CONSOLE_PFN, &pfn) ||
	    xen_hvm_param(HVM_PARAM_CONSOLE_EVTCHN, &channel) || !pfn || pfn >= 1ull << 40)
		return;
	port = (evtchn_port_t)channel;
	ring_page = pfn * PAGE_SIZE;
	/* The early page tables map the first 4 GiB, where Xen's toolstack puts special pages. */
	if (ring_page < 1ull << 32) {
		ring = (struct xencons_interface *)ring_page;
		early_cr3 = read_cr3();
	}
}

void xen_console_map(void)
{
	early_cr3 = 0;
	ring = NULL;
	if (ring_page)
		ring = vmap_rw(ring_page, PAGE_SIZE);
}

static void write_hypervisor(const char *s, size_t n)
{
	char text[256]; /* mapped for certain, whatever s is */

	while (n) {
		size_t chunk = n < sizeof text ? n : sizeof text;

		memcpy(text, s, chunk);
		xen_console_io(CONSOLEIO_write, (unsigned)chunk, text);
		s += chunk;
		n -= chunk;
	}
}

/* False while mm_init is at work on the page tables: only a panic has something to say there. */
static bool ring_usable(void)
{
	return ring && (!early_cr3 || early_cr3 == read_cr3());
}

/* Gives the backend a chance to run. False once it has not read for STALL_NS since *since, which
 * starts anew whenever *unsent changes. */
static bool wait_for_backend(size_t *unsent, uint64_t *since)
{
	size_t left = ring_unsent(ring);

	if (left != *unsent || !*since) {
		*unsent = left;
		*since = now();
	} else if (now() - *since > STALL_NS) {
		return false;
	}
	xen_sched_op(SCHEDOP_yield, NULL);
	return true;
}

static void write_ring(const char *s, size_t n)
{
	size_t unsent = 0;
	uint64_t since = 0;

	while (n) {
		size_t done = ring_write(ring, s, n);

		s += done;
		n -= done;
		if (done) {
			evtchn_notify(port);
			stalled = false;
		} else if (stalled || !wait_for_backend(&unsent, &since)) {
			stalled = true;
			return;
		}
	}
}

bool xen_console_in_line(void)
{
	return last && last != '\n';
}

void xen_console_write(const char *s, size_t n)
{
	if (n)
		last = s[n - 1];
	if (dom0)
		write_hypervisor(s, n);
	else if (ring_usable())
		write_ring(s, n);
	else
		for (size_t i = 0; i < n; i++)
			outb(DEBUG_PORT, (uint8_t)s[i]);
}

void xen_console_drain(void)
{
	size_t unsent = 0;
	uint64_t since = 0;

	while (ring_usable() && !stalled && ring_unsent(ring))
		stalled = !wait_for_backend(&unsent, &since);
}

static void ring_input(void *arg);

/* The tty has room again. */
static void ring_resume(void)
{
	ring_input(NULL);
}

static void ring_input(void *arg)
{
	char buf[128];
	size_t n, room;

	(void)arg;
	/* As much as fits into the ring: what comes later is an event of its own. What the tty has
	 * no room for stays in the ring, and the sender waits. */
	for (size_t total = 0; total < sizeof ring->in; total += n) {
		room = tty_room();
		if (!room) {
			tty_when_room(ring_resume);
			break;
		}
		n = ring_read(ring, buf, room < sizeof buf ? room : sizeof buf);
		if (!n)
			break;
		evtchn_notify(port);
		tty_input(buf, n);
	}
}

static void hypervisor_input(void *arg);

static void hypervisor_resume(void)
{
	hypervisor_input(NULL);
}

static void hypervisor_input(void *arg)
{
	char buf[128];
	size_t room;
	long n = 1;

	(void)arg;
	while (n > 0) {
		room = tty_room();
		if (!room) {
			tty_when_room(hypervisor_resume);
			return;
		}
		if (room > sizeof buf)
			room = sizeof buf;
		n = xen_console_io(CONSOLEIO_read, (unsigned)room, buf);
		if (n > 0)
			tty_input(buf, (size_t)n < room ? (size_t)n : room);
	}
}

static bool input_started;

void xen_console_start_input(void)
{
	int err;

	input_started = true;
	if (dom0) {
		err = evtchn_bind_virq(VIRQ_CONSOLE, hypervisor_input, NULL);
		if (err >= 0)
			hypervisor_input(NULL);
	} else if (ring) {
		err = evtchn_attach(port, ring_input, NULL);
		if (!err)
			ring_input(NULL);
	} else {
		return;
	}
	if (err < 0)
		printk("unigornel: no console input: no event channel (%d)\n", err);
}

void xen_console_resume(void)
{
	uint64_t channel = 0;

	if (!ring)
		return;
	if (xen_hvm_param(HVM_PARAM_CONSOLE_EVTCHN, &channel))
		return;
	port = (evtchn_port_t)channel;
	stalled = false;
	if (input_started)
		xen_console_start_input();
	evtchn_notify(port);
}
