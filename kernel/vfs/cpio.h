/*
 * cpio archives in the "newc" format (cpio(5)), as tools and boot loaders make them: several may be
 * joined, with zero bytes between. Pure parsing of memory that nobody changes; no allocation.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct cpio {
	const uint8_t *start, *at, *end;
	const char *error; /* why cpio_next failed */
};

struct cpio_entry {
	const char *name; /* terminated, within the archive */
	const void *data; /* size bytes within the archive: content, or a link's target */
	uint32_t size;
	uint32_t ino, mode, uid, gid, nlink, mtime;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
};

void cpio_open(struct cpio *c, const void *archive, size_t n);
/* 1: *e is the next entry; 0: there is no more; -EINVAL: the archive is broken (c->error). The
 * entries "TRAILER!!!" are not reported. */
int cpio_next(struct cpio *c, struct cpio_entry *e);
/* The content of the file with exactly this name in the archive (the last one), NULL if none. */
const void *cpio_find(const void *archive, size_t n, const char *name, size_t *size);
