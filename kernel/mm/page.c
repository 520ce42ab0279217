/*
 * mm/page.h: a binary buddy allocator (Knuth, TAOCP 1, section 2.5).
 *
 * The state is one byte for each page of RAM, so that a machine of 8 MiB pays 2 KiB and one of 8
 * GiB pays 2 MiB; free blocks are chained through their own first bytes. A zone is one range of RAM
 * with its bytes; blocks never reach over its ends. page_lock guards everything here.
 *
 * RAM that was never allocated is not even chained: the first touch makes the host find memory for
 * it (2 MiB at a time), and a large machine would cost as much as if it were used.
 */
#include "mm/page.h"
#include "boot_info.h"
#include "lib/list.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "lib/string.h"

/* State of a page: the first page of a free or of an allocated block says so and has the order in
 * the low bits, and so does that of a block that is out; every other page, and what is reserved,
 * has 0. */
#define STATE_FREE  0x80u
#define STATE_ALLOC 0x40u
#define STATE_OUT   0x20u

/* What the early page tables map (arch/x86_64/boot.S). */
#define EARLY_LIMIT (1ul << 32)

struct zone {
	paddr_t start, end; /* page aligned */
	uint8_t *state;	    /* one for each page */
};

static spinlock_t page_lock = SPINLOCK_INIT;
static struct zone zones[BOOT_MAX_RANGES];
static unsigned nzones;
static struct list free_lists[PAGE_MAX_ORDER + 1];
static size_t free_blocks[PAGE_MAX_ORDER + 1];
static size_t total_pages, free_pages, out_pages;
/* RAM never touched: whole blocks of the largest order, and at the end perhaps a huge page. */
static struct boot_range fresh[BOOT_MAX_RANGES];
static unsigned nfresh;

static inline paddr_t block_size(unsigned order)
{
	return PAGE_SIZE << order;
}

static struct zone *zone_of(paddr_t p)
{
	for (unsigned i = 0; i < nzones; i++)
		if (p >= zones[i].start && p < zones[i].end)
			return &zones[i];
	return NULL;
}

static inline uint8_t *state_of(struct zone *z, paddr_t p)
{
	return &z->state[(p - z->start) >> PAGE_SHIFT];
}

/* page_lock is held for these three, or it is boot. */
static void block_insert(struct zone *z, paddr_t p, unsigned order)
{
	*state_of(z, p) = (uint8_t)(STATE_FREE | order);
	list_add_head(&free_lists[order], phys_to_virt(p));
	free_blocks[order]++;
}

static void block_remove(struct zone *z, paddr_t p, unsigned order)
{
	*state_of(z, p) = 0;
	list_remove(phys_to_virt(p));
	free_blocks[order]--;
}

static void block_free(struct zone *z, paddr_t p, unsigned order)
{
	free_pages += 1ul << order;
	for (; order < PAGE_MAX_ORDER; order++) {
		paddr_t buddy = p ^ block_size(order);

		if (buddy < z->start || buddy + block_size(order) > z->end ||
		    *state_of(z, buddy) != (STATE_FREE | order))
			break;
		block_remove(z, buddy, order);
		p &= ~block_size(order);
	}
	block_insert(z, p, order);
}

/* Adds what lies in zone z, in as large blocks as alignment allows. */
static void zone_add(struct zone *z, paddr_t start, paddr_t end)
{
	while (start < end) {
		unsigned order = PAGE_MAX_ORDER;

		while ((start & (block_size(order) - 1)) || start + block_size(order) > end)
			order--;
		assert(*state_of(z, start) == 0);
		block_free(z, start, order);
		total_pages += 1ul << order;
		start += block_size(order);
	}
}

/* As zone_add, at boot: what can stay untouched does. */
static void zone_add_fresh(struct zone *z, paddr_t start, paddr_t end)
{
	paddr_t block = block_size(PAGE_MAX_ORDER);
	paddr_t first = (start + block - 1) & ~(block - 1), last = end & ~(block - 1);

	if (first >= last || nfresh == BOOT_MAX_RANGES) {
		zone_add(z, start, end);
		return;
	}
	zone_add(z, start, first);
	zone_add(z, last, end);
	fresh[nfresh++] = (struct boot_range){first, last};
	total_pages += (last - first) >> PAGE_SHIFT;
	free_pages += (last - first) >> PAGE_SHIFT;
}

/* Moves one fresh block of at least an order to the free lists; its order, or -1 if there is none.
 * page_lock is held. */
static int take_fresh(unsigned order)
{
	for (struct boot_range *r = fresh; r < fresh + nfresh; r++) {
		unsigned o =
		    r->end - r->start >= block_size(PAGE_MAX_ORDER) ? PAGE_MAX_ORDER : HUGE_ORDER;

		if (r->start == r->end || o < order)
			continue;
		block_insert(zone_of(r->start), r->start, o);
		r->start += block_size(o);
		return (int)o;
	}
	return -1;
}

void page_add_range(paddr_t start, paddr_t end)
{
	start = page_align_up(start);
	end = page_align_down(end);
	spin_lock(&page_lock);
	for (unsigned i = 0; i < nzones; i++) {
		paddr_t s = start > zones[i].start ? start : zones[i].start;
		paddr_t e = end < zones[i].end ? end : zones[i].end;

		if (s < e)
			zone_add(&zones[i], s, e);
	}
	spin_unlock(&page_lock);
}

/* The reserved range that covers p or, failing that, the next above it; NULL if there is none. */
static const struct boot_range *next_reserved(paddr_t p)
{
	const struct boot_range *best = NULL;

	for (unsigned i = 0; i < boot_info.nreserved; i++) {
		const struct boot_range *r = &boot_info.reserved[i];

		if (r->start < r->end && page_align_up(r->end) > p &&
		    (!best || r->start < best->start))
			best = r;
	}
	return best;
}

/*
 * Finds the next piece of [*start, end) that is not reserved, returns false if none is left.
 * Reserved ranges may overlap each other.
 */
static bool next_gap(paddr_t *start, paddr_t *gap_end, paddr_t end)
{
	while (*start < end) {
		const struct boot_range *r = next_reserved(*start);

		if (!r || page_align_down(r->start) >= end) {
			*gap_end = end;
			return true;
		}
		if (page_align_down(r->start) > *start) {
			*gap_end = page_align_down(r->start);
			return true;
		}
		*start = page_align_up(r->end);
	}
	return false;
}

/* Space for the states of all zones: the lowest free piece that the early tables reach, which is
 * then skipped as if reserved. */
static struct boot_range state_space;

static uint8_t *place_states(size_t bytes)
{
	for (unsigned i = 0; i < nzones; i++) {
		paddr_t limit = zones[i].end < EARLY_LIMIT ? zones[i].end : EARLY_LIMIT, gap_end;

		/* The first MiB is left to those who need it (real mode code). */
		for (paddr_t p = zones[i].start; next_gap(&p, &gap_end, limit); p = gap_end) {
			if (p < 0x100000 || gap_end - p < bytes)
				continue;
			state_space = (struct boot_range){p, p + bytes};
			return memset(phys_to_virt(p), 0, bytes);
		}
	}
	panic("no room for the page allocator's %zu bytes", bytes);
}

/* Hands the free parts of [from, to) to the free lists. */
static void add_unreserved(paddr_t from, paddr_t to)
{
	for (unsigned i = 0; i < nzones; i++) {
		paddr_t p = zones[i].start > from ? zones[i].start : from;
		paddr_t end = zones[i].end < to ? zones[i].end : to, gap_end;

		for (; next_gap(&p, &gap_end, end); p = gap_end) {
			paddr_t hole = state_space.start, after = page_align_up(state_space.end);

			if (hole >= p && hole < gap_end) {
				zone_add_fresh(&zones[i], p, hole);
				zone_add_fresh(&zones[i], after, gap_end);
			} else {
				zone_add_fresh(&zones[i], p, gap_end);
			}
		}
	}
}

void page_init(void)
{
	size_t bytes = 0;
	uint8_t *states;

	for (unsigned i = 0; i <= PAGE_MAX_ORDER; i++)
		list_init(&free_lists[i]);
	for (unsigned i = 0; i < boot_info.nram; i++) {
		paddr_t start = page_align_up(boot_info.ram[i].start);
		paddr_t end = page_align_down(boot_info.ram[i].end);

		if (start == 0) /* page 0 is nobody's: an address of 0 means "none" to many */
			start = PAGE_SIZE;
		if (start >= end)
			continue;
		zones[nzones++] = (struct zone){start, end, NULL};
		bytes += (end - start) >> PAGE_SHIFT;
	}
	bytes = page_align_up(bytes);
	states = place_states(bytes);
	for (unsigned i = 0; i < nzones; i++) {
		zones[i].state = states;
		states += (zones[i].end - zones[i].start) >> PAGE_SHIFT;
	}
	add_unreserved(0, EARLY_LIMIT);
}

void page_init_high(void)
{
	add_unreserved(EARLY_LIMIT, UINT64_MAX & PAGE_MASK);
}

/* A block off the free lists, its state 0 and still counted as free; PADDR_NONE if there is none.
 * page_lock is held. */
static paddr_t take_block(unsigned order)
{
	unsigned o = order;
	struct zone *z;
	paddr_t p;

	while (o <= PAGE_MAX_ORDER && list_empty(&free_lists[o]))
		o++;
	if (o > PAGE_MAX_ORDER) {
		int found = take_fresh(order);

		if (found < 0)
			return PADDR_NONE;
		o = (unsigned)found;
	}
	p = virt_to_phys(free_lists[o].next);
	z = zone_of(p);
	block_remove(z, p, o);
	while (o > order) { /* give back the upper half, keep the lower */
		o--;
		block_insert(z, p + block_size(o), o);
	}
	return p;
}

bool (*page_refill)(void);

static paddr_t try_alloc(unsigned order)
{
	paddr_t p;

	spin_lock(&page_lock);
	p = take_block(order);
	if (p != PADDR_NONE) {
		*state_of(zone_of(p), p) = (uint8_t)(STATE_ALLOC | order);
		free_pages -= 1ul << order;
	}
	spin_unlock(&page_lock);
	return p;
}

paddr_t page_alloc(unsigned order)
{
	paddr_t p;

	assert(order <= PAGE_MAX_ORDER);
	p = try_alloc(order);
	/* For a large block there is a way without; see who asks for a huge page. */
	while (p == PADDR_NONE && page_refill && order < HUGE_ORDER && page_refill())
		p = try_alloc(order);
	return p;
}

/* Huge pages off the end of what was never touched. page_lock is held. */
static paddr_t take_fresh_out(void)
{
	for (unsigned i = nfresh; i-- > 0;) {
		if (fresh[i].start < fresh[i].end) {
			fresh[i].end -= block_size(HUGE_ORDER);
			return fresh[i].end;
		}
	}
	return PADDR_NONE;
}

paddr_t page_take_out(unsigned order)
{
	paddr_t p = PADDR_NONE;

	assert(order <= HUGE_ORDER);
	spin_lock(&page_lock);
	if (order == HUGE_ORDER)
		p = take_fresh_out();
	if (p == PADDR_NONE)
		p = take_block(order);
	if (p != PADDR_NONE) {
		*state_of(zone_of(p), p) = (uint8_t)(STATE_OUT | order);
		free_pages -= 1ul << order;
		total_pages -= 1ul << order;
		out_pages += 1ul << order;
	}
	spin_unlock(&page_lock);
	return p;
}

void page_put_back(paddr_t p, unsigned order)
{
	struct zone *z = zone_of(p);

	spin_lock(&page_lock);
	assert(z && *state_of(z, p) == (STATE_OUT | order));
	*state_of(z, p) = 0;
	total_pages += 1ul << order;
	out_pages -= 1ul << order;
	block_free(z, p, order);
	spin_unlock(&page_lock);
}

/* From where the last one was found: taking all back is one pass. */
paddr_t page_find_out(unsigned *order)
{
	static paddr_t from;
	paddr_t found = PADDR_NONE;

	spin_lock(&page_lock);
	for (unsigned round = 0; out_pages && round < 2 && found == PADDR_NONE; round++) {
		for (unsigned i = 0; i < nzones && found == PADDR_NONE; i++) {
			paddr_t p = from > zones[i].start ? from : zones[i].start;

			for (; p < zones[i].end && found == PADDR_NONE; p += PAGE_SIZE)
				if (*state_of(&zones[i], p) & STATE_OUT)
					found = p;
		}
		from = found == PADDR_NONE ? 0 : found;
	}
	if (found != PADDR_NONE)
		*order = *state_of(zone_of(found), found) & 0xfu;
	spin_unlock(&page_lock);
	return found;
}

void page_split_out(paddr_t p, unsigned order)
{
	struct zone *z = zone_of(p);

	spin_lock(&page_lock);
	assert(z && order && *state_of(z, p) == (STATE_OUT | order));
	order--;
	*state_of(z, p) = (uint8_t)(STATE_OUT | order);
	*state_of(z, p + block_size(order)) = (uint8_t)(STATE_OUT | order);
	spin_unlock(&page_lock);
}

size_t page_out(void)
{
	return out_pages;
}

paddr_t page_alloc_zero(unsigned order)
{
	paddr_t p = page_alloc(order);

	if (p != PADDR_NONE)
		zero_pages(phys_to_virt(p), block_size(order));
	return p;
}

void page_free(paddr_t p, unsigned order)
{
	struct zone *z = zone_of(p);

	assert(z && order <= PAGE_MAX_ORDER && (p & (block_size(order) - 1)) == 0);
	spin_lock(&page_lock);
	if (*state_of(z, p) != (STATE_ALLOC | order))
		panic("page_free: %#lx order %u is not an allocated block (state %#x)", p, order,
		      *state_of(z, p));
	*state_of(z, p) = 0;
	block_free(z, p, order);
	spin_unlock(&page_lock);
}

unsigned page_order(paddr_t p)
{
	struct zone *z = zone_of(p);
	unsigned state = z ? *state_of(z, p) : 0;

	assert(state & STATE_ALLOC);
	return state & 0xfu;
}

void page_split(paddr_t p, unsigned order)
{
	struct zone *z = zone_of(p);

	spin_lock(&page_lock);
	assert(z && *state_of(z, p) == (STATE_ALLOC | order));
	memset(state_of(z, p), STATE_ALLOC, 1ul << order);
	spin_unlock(&page_lock);
}

size_t page_total(void)
{
	return total_pages;
}

size_t page_available(void)
{
	return free_pages;
}

size_t page_free_blocks(unsigned order)
{
	size_t n = order <= PAGE_MAX_ORDER ? free_blocks[order] : 0;

	for (unsigned i = 0; i < nfresh; i++) {
		paddr_t size = fresh[i].end - fresh[i].start;

		if (order == PAGE_MAX_ORDER)
			n += size / block_size(order);
		else if (order == HUGE_ORDER) /* behind the last of those */
			n += size % block_size(PAGE_MAX_ORDER) / block_size(order);
	}
	return n;
}

void zero_pages(void *p, size_t n)
{
	uint64_t *w = p;

	for (uint64_t *end = w + n / 8; w < end; w += 8) {
		w[0] = 0;
		w[1] = 0;
		w[2] = 0;
		w[3] = 0;
		w[4] = 0;
		w[5] = 0;
		w[6] = 0;
		w[7] = 0;
	}
}
