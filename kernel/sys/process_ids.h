/*
 * Who the program is to itself: process 1 and the leader of its group and session, as the first
 * process of a container is; at first the root user. Plain words, read without a lock.
 */
#pragma once
#include <stdbool.h>

#define PROCESS_ID 1

/* User and group ids, credentials(7). Changed by setuid(2) and its kin only. */
struct process_ids {
	unsigned uid, euid, suid, fsuid;
	unsigned gid, egid, sgid, fsgid;
};

extern struct process_ids process_ids;

/* True while the effective user is root; sys/capability.h is finer. */
bool process_privileged(void);

/* The supplementary group at index i; false past the last. */
bool process_group_at(unsigned i, unsigned *group);
