/* The disks of a machine: raw images and block devices of the host. */
#pragma once
#include "util.h"

#define MAX_DISKS 16

struct disk {
	char *path; /* absolute */
	bool readonly;
	bool device;	/* a block device of the host */
	uint64_t bytes; /* a multiple of 512 */
	uint64_t dev, ino;
};

struct disks {
	struct disk disk[MAX_DISKS];
	size_t n;
};

/* Adds what --disk says, FILE[:ro]. Exits if it cannot be a disk: missing, unreadable, not
 * writable, empty, no whole sectors, another format. */
void disk_add(struct disks *d, const char *spec);
/* QEMU's arguments for all of them. */
void disk_arguments(const struct disks *d, bool microvm, struct strv *argv);
/* What to say to the user instead of QEMU's complaint; allocated; NULL: it is not about disks. */
char *disk_complaint(const struct disks *d, const char *said);
