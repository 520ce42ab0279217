/*
 * The balloon: the domain's memory follows memory/target in xenstore (xl mem-set), between nothing
 * worth mentioning and memory/static-max, what it could have at most (maxmem).
 *
 * Pages go back to Xen out of the allocator's free ones (page_take_out); none is taken from the
 * program, and a reserve is left. What cannot be given is tried again later, at growing intervals.
 * When memory is out, what Xen still lets us have comes back (page_refill).
 */
#pragma once

/*
 * A domain with maxmem above memory is told that it has maxmem, and is ended when it touches more
 * than memory (populate on demand). Returns to Xen what is not there, before anybody uses it. By
 * hypercalls alone; after mm_init.
 */
void balloon_boot(void);
/* Follows the target from here on. After xs_init; does not wait. */
void balloon_init(void);
