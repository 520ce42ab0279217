#include "dev/xen/balloon.h"
#include "boot_info.h"
#include "dev/xen/xenstore.h"
#include "hyper/xen/hypercall.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "sched/timer.h"
#include "sched/worker.h"
#include "time/clock.h"

#define NSEC 1000000000ull

/* Pages that are left free, whatever the target: 4 MiB, on larger machines a sixteenth of them. */
#define RESERVE_MIN  1024u
#define RESERVE_PART 16u

/* The largest piece that Xen takes from a domain that has no devices of its own. */
#define MAX_ORDER HUGE_ORDER

/* More than the pages of a domain that are no part of its RAM, but count: console, store, ... */
#define SPECIAL_PAGES 64u

#define RETRY_FIRST (1 * NSEC)
#define RETRY_LAST  (32 * NSEC)

static size_t wanted; /* pages that are to be out */
static struct timer retry_timer;
static uint64_t retry_after = RETRY_FIRST;
static struct work adjust_work;

static long reservation(unsigned op, paddr_t block, unsigned order)
{
	xen_pfn_t gfn = block >> PAGE_SHIFT;
	struct xen_memory_reservation r = {
	    .nr_extents = 1, .extent_order = order, .domid = DOMID_SELF};

	set_xen_guest_handle(r.extent_start, &gfn);
	return xen_memory_op(op, &r);
}

/* Gives one block of at most max pages to Xen, leaving reserve pages free. The pages given; 0: none
 * is free, or Xen does not take it. */
static size_t give_block(size_t max, size_t reserve)
{
	for (int order = MAX_ORDER; order >= 0; order--) {
		size_t pages = 1ul << order;
		paddr_t p;

		if (pages > max || page_available() < reserve + pages)
			continue;
		p = page_take_out((unsigned)order);
		if (p == PADDR_NONE)
			continue;
		if (reservation(XENMEM_decrease_reservation, p, (unsigned)order) == 1)
			return pages;
		page_put_back(p, (unsigned)order);
	}
	return 0;
}

/* Has Xen give one block back, of at most max pages (0: any). The pages that came. */
static size_t take_block(size_t max)
{
	unsigned order;
	paddr_t p = page_find_out(&order);

	while (p != PADDR_NONE) {
		if ((!max || 1ul << order <= max) &&
		    reservation(XENMEM_populate_physmap, p, order) == 1) {
			page_put_back(p, order);
			return 1ul << order;
		}
		if (!order)
			break;
		page_split_out(p, order--);
	}
	return 0;
}

static size_t reserve(void)
{
	size_t part = page_total() / RESERVE_PART;

	return part > RESERVE_MIN ? part : RESERVE_MIN;
}

static void adjust(struct work *w)
{
	(void)w;
	while (page_out() < wanted && give_block(wanted - page_out(), reserve()))
		;
	while (page_out() > wanted && take_block(page_out() - wanted))
		;
	if (page_out() == wanted) {
		retry_after = RETRY_FIRST;
		return;
	}
	timer_arm(&retry_timer, clock_monotonic() + retry_after);
	if (retry_after < RETRY_LAST)
		retry_after *= 2;
}

static void retry(struct timer *t)
{
	(void)t;
	work_queue(&adjust_work);
}

/* Memory is out, in the middle of anything: as much as a page fault may want. Xen may have given it
 * to others. */
static bool refill(void)
{
	if (!page_out() || !take_block(0))
		return false;
	/* The target stands; it is tried again when there is room. */
	if (!timer_armed(&retry_timer))
		timer_arm(&retry_timer, clock_monotonic() + RETRY_LAST);
	return true;
}

static size_t boot_ram_pages(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < boot_info.nram; i++)
		n += (boot_info.ram[i].end - boot_info.ram[i].start) >> PAGE_SHIFT;
	return n;
}

void balloon_boot(void)
{
	domid_t self = DOMID_SELF;
	long have = xen_memory_op(XENMEM_current_reservation, &self);
	size_t ram = boot_ram_pages();

	page_refill = refill;
	work_setup(&adjust_work, adjust);
	timer_setup(&retry_timer, retry);
	if (have <= 0 || (size_t)have >= ram)
		return;
	wanted = ram - (size_t)have + SPECIAL_PAGES;
	while (page_out() < wanted && give_block(wanted - page_out(), 0))
		;
	if (page_out() < wanted)
		printk(
		    "unigornel: Xen gives this domain %zu KiB less than the memory map says, and "
		    "%zu KiB of that are in use\n",
		    wanted * (PAGE_SIZE / 1024), (wanted - page_out()) * (PAGE_SIZE / 1024));
}

static void target_changed(struct xs_watch *w, const char *changed)
{
	const uint64_t max = 1ull << 40; /* KiB */
	uint64_t target, most;

	(void)w;
	(void)changed;
	if (xs_read_number(XS_NONE, "memory", "target", max, &target))
		return; /* a domain that is not to follow any */
	/* What the memory map leaves out of static-max it leaves out of the target as well. */
	if (xs_read_number(XS_NONE, "memory", "static-max", max, &most))
		return;
	wanted = most > target ? (most - target) / (PAGE_SIZE / 1024) : 0;
	timer_cancel(&retry_timer);
	retry_after = RETRY_FIRST;
	work_queue(&adjust_work);
}

static void start(struct work *w)
{
	static struct xs_watch watch = {.path = "memory/target", .func = target_changed};
	int err = xs_watch_add(&watch);

	(void)w;
	if (err)
		printk("unigornel: xenstore: the memory target cannot be followed (%d)\n", err);
}

void balloon_init(void)
{
	static struct work start_work;

	work_setup(&start_work, start);
	work_queue(&start_work);
}
