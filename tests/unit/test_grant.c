/* unit: kernel/hyper/xen/grant.c kernel/hyper/xen/grant_format.c */
/* Grant tables of both versions, with Xen's side played here: mapping, copying, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "boot_info.h"
#include "hyper/xen/grant.h"
#include "hyper/xen/grant_table.h"

#undef xen_hypercall
#define LIMIT	  5u
#define PAGES	  64u
#define RAM_START 0x100000ul

struct boot_info boot_info;
static char ram[PAGES][4096] __attribute__((aligned(4096)));
static bool page_used[PAGES];
static unsigned pages_freed;
/* Xen's: which page of ours is which of the table. */
static char *table[LIMIT], *states[LIMIT];
static unsigned version, limit, pages_left;

paddr_t page_alloc_zero(unsigned order)
{
	assert_int_equal(order, 0);
	if (!pages_left)
		return PADDR_NONE;
	pages_left--;
	for (unsigned i = 0; i < PAGES; i++)
		if (!page_used[i]) {
			page_used[i] = true;
			memset(ram[i], 0, 4096);
			return RAM_START + i * 4096;
		}
	return PADDR_NONE;
}

void page_free(paddr_t p, unsigned order)
{
	assert_int_equal(order, 0);
	pages_freed++;
	if (p >= RAM_START && p < RAM_START + sizeof ram)
		page_used[(p - RAM_START) / 4096] = false;
}

void *phys_to_virt(paddr_t p)
{
	return ram[(p - RAM_START) / 4096];
}

paddr_t virt_to_phys(const void *v)
{
	return RAM_START + (paddr_t)((const char *)v - ram[0]);
}

long xen_hypercall(unsigned nr, unsigned long a1, unsigned long a2, unsigned long a3,
		   unsigned long a4)
{
	(void)a3;
	(void)a4;
	if (nr == __HYPERVISOR_grant_table_op && a1 == GNTTABOP_query_size) {
		struct gnttab_query_size *q = (void *)a2;
		q->nr_frames = 1;
		q->max_nr_frames = limit;
		q->status = GNTST_okay;
		return 0;
	}
	if (nr == __HYPERVISOR_grant_table_op && a1 == GNTTABOP_set_version) {
		version = ((struct gnttab_set_version *)a2)->version;
		return 0;
	}
	if (nr == __HYPERVISOR_memory_op && a1 == XENMEM_add_to_physmap) {
		struct xen_add_to_physmap *m = (void *)a2;
		unsigned i = (unsigned)(m->idx & ~XENMAPIDX_grant_table_status);

		assert_int_equal(m->space, XENMAPSPACE_grant_table);
		if (i >= limit)
			return -EINVAL;
		*(m->idx & XENMAPIDX_grant_table_status ? &states[i] : &table[i]) =
		    phys_to_virt(m->gpfn << 12);
		memset(phys_to_virt(m->gpfn << 12), 0, 4096);
		return 0;
	}
	fail_msg("hypercall %u", nr);
	return -ENOSYS;
}

/* What another domain's use of ref finds: the frame, 0 if it is refused. */
static uint64_t lookup(grant_ref_t ref, bool *readonly)
{
	uint16_t flags;

	if (version == 1) {
		struct grant_entry_v1 *e = (struct grant_entry_v1 *)table[ref / 512] + ref % 512;
		flags = e->flags;
		*readonly = flags & GTF_readonly;
		return (flags & GTF_type_mask) == GTF_permit_access && e->domid == 3 ? e->frame : 0;
	}
	union grant_entry_v2 *e = (union grant_entry_v2 *)table[ref / 256] + ref % 256;
	flags = e->hdr.flags;
	*readonly = flags & GTF_readonly;
	return (flags & GTF_type_mask) == GTF_permit_access && e->hdr.domid == 3
		   ? e->full_page.frame
		   : 0;
}

static void set_in_use(grant_ref_t ref, uint16_t flags)
{
	if (version == 1) {
		struct grant_entry_v1 *e = (struct grant_entry_v1 *)table[ref / 512] + ref % 512;
		e->flags = (uint16_t)((e->flags & ~(GTF_reading | GTF_writing)) | flags);
	} else {
		((uint16_t *)states[ref / 2048])[ref % 2048] = flags;
	}
}

static void exercise(unsigned want_version, uint64_t frame)
{
	unsigned per_frame = want_version == 1 ? 512 : 256, total = LIMIT * per_frame;
	static grant_ref_t refs[LIMIT * 512];
	static bool seen[LIMIT * 512];
	grant_ref_t more[3];
	bool readonly;

	limit = LIMIT;
	pages_left = PAGES;
	assert_int_equal(grant_init(), 0);
	assert_int_equal(version, want_version);

	int r = grant_access(3, frame << 12, false);
	assert_true(r >= GNTTAB_NR_RESERVED_ENTRIES);
	grant_ref_t ref = (grant_ref_t)r;
	assert_true(lookup(ref, &readonly) == frame);
	assert_false(readonly);
	/* In use: it stays as it is. */
	set_in_use(ref, GTF_reading);
	assert_false(grant_end(ref));
	assert_true(lookup(ref, &readonly) == frame);
	set_in_use(ref, GTF_reading | GTF_writing);
	assert_false(grant_revoke(ref));
	set_in_use(ref, 0);
	assert_true(grant_revoke(ref));
	assert_true(lookup(ref, &readonly) == 0);
	grant_use(ref, 3, frame << 12, true);
	assert_true(lookup(ref, &readonly) == frame);
	assert_true(readonly);
	assert_true(grant_end(ref));
	assert_int_equal(grant_used(), 0);

	/* All there are, each once, none of the reserved. */
	unsigned n = total - GNTTAB_NR_RESERVED_ENTRIES;
	memset(seen, 0, sizeof seen);
	assert_int_equal(grant_reserve(refs, n), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_in_range(refs[i], GNTTAB_NR_RESERVED_ENTRIES, total - 1);
		assert_false(seen[refs[i]]);
		seen[refs[i]] = true;
		grant_use(refs[i], 3, (frame + i) << 12, false);
	}
	assert_int_equal(grant_total(), total);
	assert_int_equal(grant_used(), n);
	for (unsigned i = 0; i < n; i++)
		assert_true(lookup(refs[i], &readonly) == frame + i);
	assert_int_equal(grant_access(3, 4096, false), -ENOSPC);
	assert_true(grant_end(refs[--n]));
	assert_true(grant_end(refs[--n]));
	assert_int_equal(grant_reserve(more, 3), -ENOSPC); /* none taken */
	assert_int_equal(grant_reserve(more, 2), 0);
	grant_release(more[0]);
	grant_release(more[1]);

	/* A page that is not given back is lost, and so is its reference. */
	unsigned freed = pages_freed;
	set_in_use(refs[0], GTF_writing);
	grant_end_or_leak(refs[0], 0x9000, 0);
	assert_int_equal(pages_freed, freed);
	assert_int_equal(grant_leaked, 1);
	grant_end_or_leak(refs[1], 0xa000, 0);
	assert_int_equal(pages_freed, freed + 1);

	/* A new host: an empty table in the old places; what was reserved stays so. */
	unsigned used = grant_used();
	memset(table, 0, sizeof table);
	memset(states, 0, sizeof states);
	version = 0;
	grant_resume();
	assert_int_equal(version, want_version);
	assert_int_equal(grant_used(), used);
	assert_true(lookup(refs[2], &readonly) == 0);
	assert_true(grant_revoke(refs[2]));
	grant_use(refs[2], 3, frame << 12, false);
	assert_true(lookup(refs[2], &readonly) == frame);
}

/* The state is static: each version has a process of its own. */
static void version_1(void **state)
{
	(void)state;
	boot_info.nram = 1;
	boot_info.ram[0].end = 1ull << 44; /* the last page has the last number of 32 bits */
	exercise(1, 0xfffff000);
}

static void version_2(void **state)
{
	(void)state;
	boot_info.nram = 1;
	boot_info.ram[0].end = (1ull << 44) + 1;
	exercise(2, 0x123456789a);
}

static void no_memory(void **state)
{
	int r;

	(void)state;
	limit = LIMIT;
	pages_left = 1;
	boot_info.nram = 0;
	assert_int_equal(grant_init(), 0);
	for (unsigned i = GNTTAB_NR_RESERVED_ENTRIES; i < 512; i++)
		assert_true(grant_access(3, 4096, false) > 0);
	assert_int_equal(grant_access(3, 4096, false), -ENOSPC);
	pages_left = 1;
	r = grant_access(3, 4096, false);
	assert_in_range(r, 512, 1023);
}

static void none_at_all(void **state)
{
	grant_ref_t ref;

	(void)state;
	limit = 0;
	assert_int_equal(grant_init(), -ENODEV);
	assert_int_equal(grant_access(3, 4096, false), -ENOSPC);
	assert_int_equal(grant_reserve(&ref, 1), -ENOSPC);
	grant_resume();
}

static int run(const struct CMUnitTest *test)
{
	const struct CMUnitTest one[] = {*test};

	return cmocka_run_group_tests_name("grants", one, NULL, NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(none_at_all),
	    cmocka_unit_test(version_1),
	    cmocka_unit_test(version_2),
	    cmocka_unit_test(no_memory),
	};
	char command[4200];
	int failed = 0;

	if (argc == 2)
		return run(&tests[atoi(argv[1])]);
	for (int i = 0; i < 4; i++) {
		snprintf(command, sizeof command, "%s %d", argv[0], i);
		failed |= system(command);
	}
	return failed != 0;
}
