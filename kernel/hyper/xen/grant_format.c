/* Entries of grant tables: the protocols are in grant_table.h, "Introducing a valid entry" and
 * "Invalidating". */
#include "hyper/xen/grant_table.h"

static struct grant_entry_v1 *entry_v1(grant_ref_t ref)
{
	unsigned n = PAGE_SIZE / sizeof(struct grant_entry_v1);

	return (struct grant_entry_v1 *)grant_frames[ref / n] + ref % n;
}

static union grant_entry_v2 *entry_v2(grant_ref_t ref)
{
	unsigned n = PAGE_SIZE / sizeof(union grant_entry_v2);

	return (union grant_entry_v2 *)grant_frames[ref / n] + ref % n;
}

static uint16_t access_flags(bool readonly)
{
	return readonly ? GTF_permit_access | GTF_readonly : GTF_permit_access;
}

static void set_v1(grant_ref_t ref, domid_t domain, uint64_t gfn, bool readonly)
{
	struct grant_entry_v1 *e = entry_v1(ref);

	e->domid = domain;
	e->frame = (uint32_t)gfn;
	__atomic_store_n(&e->flags, access_flags(readonly), __ATOMIC_SEQ_CST);
}

/* Xen sets its flags beside ours, with a compare-and-exchange of its own. */
static bool clear_v1(grant_ref_t ref)
{
	struct grant_entry_v1 *e = entry_v1(ref);
	uint16_t flags = __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE);

	do {
		if (flags & (GTF_reading | GTF_writing))
			return false;
	} while (!__atomic_compare_exchange_n(&e->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_ACQUIRE));
	return true;
}

static void set_v2(grant_ref_t ref, domid_t domain, uint64_t gfn, bool readonly)
{
	union grant_entry_v2 *e = entry_v2(ref);

	e->hdr.domid = domain;
	e->full_page.frame = gfn;
	__atomic_store_n(&e->hdr.flags, access_flags(readonly), __ATOMIC_SEQ_CST);
}

/* Xen's flags are in a table of their own: no new use begins once ours are clear, and a use that
 * began before is seen after a barrier. */
static bool clear_v2(grant_ref_t ref)
{
	union grant_entry_v2 *e = entry_v2(ref);
	uint16_t *state = grant_states[ref / GRANT_STATES_PER_PAGE] + ref % GRANT_STATES_PER_PAGE;
	uint16_t flags = __atomic_exchange_n(&e->hdr.flags, 0, __ATOMIC_SEQ_CST);

	if (!(__atomic_load_n(state, __ATOMIC_SEQ_CST) & (GTF_reading | GTF_writing)))
		return true;
	__atomic_store_n(&e->hdr.flags, flags, __ATOMIC_SEQ_CST);
	return false;
}

const struct grant_format grant_format_v1 = {
    .version = 1,
    .per_frame = PAGE_SIZE / sizeof(struct grant_entry_v1),
    .set = set_v1,
    .clear = clear_v1,
};

const struct grant_format grant_format_v2 = {
    .version = 2,
    .per_frame = PAGE_SIZE / sizeof(union grant_entry_v2),
    .set = set_v2,
    .clear = clear_v2,
};
