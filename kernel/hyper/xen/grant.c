/*
 * The pool of grant references, and the pages of the table. A page of the table takes the place of
 * a page of ours (XENMEM_add_to_physmap gives that one back to Xen).
 *
 * The lock guards the pool and the table's growth. An entry in use belongs to who took it, so
 * grant_use and grant_revoke need no lock.
 */
#include "hyper/xen/grant.h"
#include <asm/errno.h>
#include "boot_info.h"
#include "hyper/xen/grant_table.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

#define IN_USE	 UINT32_MAX
#define POOL_END 0u /* entry 0 is the console's */

void **grant_frames;
uint16_t **grant_states;
unsigned grant_leaked;

static spinlock_t lock = SPINLOCK_INIT;
static const struct grant_format *format;
static unsigned max_frames, nframes, nstates;
static grant_ref_t **next; /* of each frame's entries: the pool, a list; or IN_USE */
static grant_ref_t pool = POOL_END;
static unsigned used;

static grant_ref_t *next_of(grant_ref_t ref)
{
	return &next[ref / format->per_frame][ref % format->per_frame];
}

/* Puts page i of the table (or of the states) in the place of the page at phys. */
static long map_page(unsigned i, unsigned flag, paddr_t phys)
{
	struct xen_add_to_physmap map = {
	    .domid = DOMID_SELF,
	    .space = XENMAPSPACE_grant_table,
	    .idx = i | flag,
	    .gpfn = phys >> PAGE_SHIFT,
	};

	return xen_memory_op(XENMEM_add_to_physmap, &map);
}

/* A page of ours that becomes page i. NULL: no memory, or Xen gives no more. */
static void *new_page(unsigned i, unsigned flag)
{
	paddr_t p = page_alloc_zero(0);

	if (p == PADDR_NONE)
		return NULL;
	if (map_page(i, flag, p)) {
		page_free(p, 0);
		return NULL;
	}
	return phys_to_virt(p);
}

static bool need_states(unsigned frames)
{
	return format == &grant_format_v2 &&
	       frames * format->per_frame > nstates * GRANT_STATES_PER_PAGE;
}

/* Adds a frame to the table and its entries to the pool. Lock held (or at the start). */
static bool grow(void)
{
	grant_ref_t first = nframes * format->per_frame;
	grant_ref_t *links;

	if (nframes == max_frames)
		return false;
	links = kmalloc(format->per_frame * sizeof *links);
	if (!links)
		return false;
	if (!grant_frames[nframes])
		grant_frames[nframes] = new_page(nframes, 0);
	if (grant_frames[nframes] && need_states(nframes + 1)) {
		grant_states[nstates] = new_page(nstates, XENMAPIDX_grant_table_status);
		if (grant_states[nstates])
			nstates++;
	}
	if (!grant_frames[nframes] || need_states(nframes + 1)) {
		kfree(links);
		return false;
	}
	next[nframes++] = links;
	for (unsigned i = format->per_frame; i-- > 0;) {
		if (first + i < GNTTAB_NR_RESERVED_ENTRIES) {
			links[i] = IN_USE;
			continue;
		}
		links[i] = pool;
		pool = first + i;
	}
	return true;
}

/* Lock held. POOL_END when there are none. */
static grant_ref_t take(void)
{
	grant_ref_t ref;

	if (pool == POOL_END && !grow())
		return POOL_END;
	ref = pool;
	pool = *next_of(ref);
	*next_of(ref) = IN_USE;
	used++;
	return ref;
}

/* Lock held. */
static void give(grant_ref_t ref)
{
	assert(ref >= GNTTAB_NR_RESERVED_ENTRIES && ref < nframes * format->per_frame);
	assert(*next_of(ref) == IN_USE);
	*next_of(ref) = pool;
	pool = ref;
	used--;
}

/* Version 1 has 32 bits for a page's number. As Linux, and as grant_table.h advises, we use version
 * 2 only where that is too little. */
static unsigned version_wanted(void)
{
	const struct boot_range *last;

	last = boot_info.nram ? &boot_info.ram[boot_info.nram - 1] : NULL;
	return last && (last->end - 1) >> PAGE_SHIFT > UINT32_MAX ? 2 : 1;
}

static long set_version(unsigned version)
{
	struct gnttab_set_version set = {.version = version};

	return xen_grant_table_op(GNTTABOP_set_version, &set, 1);
}

int grant_init(void)
{
	struct gnttab_query_size size = {.dom = DOMID_SELF};
	long err = xen_grant_table_op(GNTTABOP_query_size, &size, 1);

	if (err || size.status != GNTST_okay || !size.max_nr_frames)
		return err ? (int)err : -ENODEV;
	format = version_wanted() == 2 ? &grant_format_v2 : &grant_format_v1;
	err = set_version(format->version);
	if (err && format->version != 1)
		return (int)err;
	max_frames = size.max_nr_frames < GRANT_MAX_FRAMES ? size.max_nr_frames : GRANT_MAX_FRAMES;
	grant_frames = kzalloc(max_frames * sizeof *grant_frames);
	grant_states = kzalloc(max_frames * sizeof *grant_states);
	next = kzalloc(max_frames * sizeof *next);
	if (!grant_frames || !grant_states || !next)
		return -ENOMEM;
	return grow() ? 0 : -ENOMEM;
}

int grant_access(domid_t domain, paddr_t phys, bool readonly)
{
	grant_ref_t ref;

	if (grant_reserve(&ref, 1))
		return -ENOSPC;
	grant_use(ref, domain, phys, readonly);
	return (int)ref;
}

int grant_reserve(grant_ref_t *refs, unsigned n)
{
	unsigned got = 0;

	if (!format)
		return -ENOSPC;
	spin_lock(&lock);
	while (got < n && (refs[got] = take()) != POOL_END)
		got++;
	if (got < n)
		while (got)
			give(refs[--got]);
	spin_unlock(&lock);
	return got == n ? 0 : -ENOSPC;
}

void grant_use(grant_ref_t ref, domid_t domain, paddr_t phys, bool readonly)
{
	format->set(ref, domain, phys >> PAGE_SHIFT, readonly);
}

bool grant_revoke(grant_ref_t ref)
{
	return format->clear(ref);
}

void grant_release(grant_ref_t ref)
{
	spin_lock(&lock);
	give(ref);
	spin_unlock(&lock);
}

bool grant_end(grant_ref_t ref)
{
	if (!grant_revoke(ref))
		return false;
	grant_release(ref);
	return true;
}

void grant_end_or_leak(grant_ref_t ref, paddr_t block, unsigned order)
{
	if (grant_end(ref)) {
		page_free(block, order);
		return;
	}
	grant_leaked++;
	printk("unigornel: the backend keeps a page of ours (grant %u): it is lost\n", ref);
}

unsigned grant_used(void)
{
	return used;
}

unsigned grant_total(void)
{
	return format ? nframes * format->per_frame : 0;
}

void grant_resume(void)
{
	if (!format)
		return;
	if (set_version(format->version) && format->version != 1)
		panic("Xen has no grant tables of version 2 any more");
	for (unsigned i = 0; i < nframes; i++)
		if (map_page(i, 0, virt_to_phys(grant_frames[i])))
			panic("Xen gives page %u of the grant table back no more", i);
	for (unsigned i = 0; i < nstates; i++)
		if (map_page(i, XENMAPIDX_grant_table_status, virt_to_phys(grant_states[i])))
			panic("Xen gives page %u of the grants' states back no more", i);
}
