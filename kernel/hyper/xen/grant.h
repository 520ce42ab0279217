/*
 * Grant tables (grant_table.h), version 1 or 2: pages of ours that another domain may map or copy.
 *
 * The table grows as needed up to Xen's limit. Entries are freed lazily: a grant that the other
 * side still has mapped cannot be ended, and its page must then never be used again
 * (grant_end_or_leak). Lock: one internal spin lock. Nothing blocks.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "hyper/xen/hypercall.h"
#include <xen/grant_table.h>
#include "mm/page.h"

/* Once, before the first grant. 0 or -errno (no grant tables: devices cannot be used). */
int grant_init(void);
/* Grants domain access to the page at phys. A reference (> 0), or -ENOSPC. */
int grant_access(domid_t domain, paddr_t phys, bool readonly);
/* Takes n references out of the pool at once, so that grant_use never fails. 0 or -ENOSPC with none
 * taken. They come back by grant_release. */
int grant_reserve(grant_ref_t *refs, unsigned n);
void grant_use(grant_ref_t ref, domid_t domain, paddr_t phys, bool readonly);
/* Ends a grant, keeping the reference reserved. False: the other side has it mapped still, or is
 * copying; then it stays as it is. */
bool grant_revoke(grant_ref_t ref);
/* Gives back a reference that grants nothing (revoked, or never used). */
void grant_release(grant_ref_t ref);
/* grant_revoke and grant_release. False: still mapped, nothing was done. */
bool grant_end(grant_ref_t ref);
/* Ends the grant and frees the block of pages; if the other side will not let go, keeps both for
 * ever and counts the loss (grant_leaked). Never waits. */
void grant_end_or_leak(grant_ref_t ref, paddr_t block, unsigned order);
extern unsigned grant_leaked;
/* References in use and in the table; for /proc/xen-like counters and tests. */
unsigned grant_used(void), grant_total(void);
/* After a resume: the table is mapped again; every grant is gone, reserved references stay. */
void grant_resume(void);
