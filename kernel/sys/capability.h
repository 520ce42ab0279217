/*
 * Capabilities, capabilities(7), of the process: full as long as it is root, dropped for good by
 * capset(2) or by leaving user 0. (On Linux each thread has its own; libc and Go change all threads
 * alike, which comes out the same here.)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/capability.h>

/* Bit n: capability n. Words are read without a lock. */
struct capability_sets {
	uint64_t effective, permitted, inheritable, bounding;
};
extern struct capability_sets process_caps;

/* True if the process may use cap (CAP_SYS_ADMIN...). */
bool process_capable(int cap);

/* After a change of user ids: what setuid(2) and its kin do to the sets. had_root: one of the real,
 * effective and saved ids was 0 before; was_root: the effective one was. */
void capability_after_setuid(bool had_root, bool was_root);

/* prctl(2): PR_CAPBSET_READ and PR_CAPBSET_DROP, PR_SET_KEEPCAPS, PR_CAP_AMBIENT. */
long capability_bound(unsigned long cap, bool drop);
long capability_ambient(unsigned long op, unsigned long cap);
extern bool capability_keep;
extern bool capability_no_new; /* PR_SET_NO_NEW_PRIVS: kept, there is no execve to bind */
