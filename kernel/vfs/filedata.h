/*
 * The bytes of a regular file, sparse: a radix tree of pages laid over an optional read-only
 * backing (file data that stays where the boot archive has it). A page in the tree wins over the
 * backing, the backing over the hole, which reads as zero.
 *
 * Locks: filedata.lock guards tree, backing and size; it is held for lookups and changes, never
 * over a copy to or from the program (page faults on mapped files take it, under the address-space
 * lock). filedata.io keeps pages in place while they are copied: reads and writes of any kind share
 * it, what removes pages takes it alone. Writers among themselves are ordered by filedata.write.
 * Order: write -> io -> (page fault) -> lock.
 * Failure: -ENOSPC when memory is short, -EFBIG past FILE_MAX_SIZE.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/spinlock.h"
#include "mm/page.h"
#include "vfs/pagetree.h"
#include "vfs/uio.h"

#define FILE_MAX_SIZE 0x7ffffffffffff000ull /* as tmpfs on x86-64, whole pages */

/* Memory that archives leave file data in. When the last file lets go, release is called. */
struct backing {
	_Atomic unsigned refs;
	void (*release)(struct backing *b);
};

struct filedata {
	spinlock_t lock;
	spinlock_t write;
	_Atomic int io; /* readers, or -1 for one that removes */
	struct pagetree pages;
	uint64_t size;
	const uint8_t *base; /* backing, base_len bytes from offset 0 */
	uint64_t base_len;
	struct backing *backing;      /* NULL: base is never freed (the image itself) */
	_Atomic bool mapped;	      /* was mapped once: removal must tell mm */
	_Atomic bool mapped_writable; /* shared, by a file that may write: no F_SEAL_WRITE */
	uint32_t seals;		      /* F_SEAL_*; memfd_create only */
};

void filedata_init(struct filedata *d);
/* Data in place; takes a reference to b. The file must be empty. */
void filedata_set_backing(struct filedata *d, const void *base, uint64_t len, struct backing *b);
/* Frees all. Nobody else may know the file any more. */
void filedata_free(struct filedata *d);

/* Bytes read at pos into u; 0 at the end; -EFAULT if nothing could be copied. */
long filedata_read(struct filedata *d, struct uio *u, uint64_t pos);
/* Bytes written at *pos (append: at the end, and *pos says where); a short count where memory or
 * the buffers end. The size grows. limit: no byte at or past it is written (RLIMIT_FSIZE; -EFBIG).
 */
long filedata_write(struct filedata *d, struct uio *u, uint64_t *pos, bool append, uint64_t limit);
/* Sets the size; what lies past it is gone, what is gained is a hole. */
int filedata_truncate(struct filedata *d, uint64_t size);
/* fallocate(2): makes pages exist; keep_size leaves the size. -ENOSPC leaves what was there. */
int filedata_allocate(struct filedata *d, uint64_t pos, uint64_t len, bool keep_size);
/* Makes the range read as zero, freeing whole pages. The size stays. */
int filedata_punch(struct filedata *d, uint64_t pos, uint64_t len);
/* FALLOC_FL_COLLAPSE_RANGE and INSERT_RANGE are not tmpfs's: -EOPNOTSUPP by the caller. */

/* SEEK_DATA, SEEK_HOLE: the offset, or -ENXIO. */
int64_t filedata_seek(struct filedata *d, uint64_t pos, bool hole);
/* For mm/filemap.h. -ERANGE past the end, -ENOMEM. */
int filedata_map_page(struct filedata *d, uint64_t pgoff, bool write, paddr_t *out);
uint64_t filedata_size(struct filedata *d);
/* Blocks of 512 bytes in use, for st_blocks. */
uint64_t filedata_blocks(struct filedata *d);
/* Gives data without copying: a pointer to bytes at pos within one page, *len of them (0 at the
 * end). Valid until filedata_unpin. */
const void *filedata_pin(struct filedata *d, uint64_t pos, size_t *len);
void filedata_unpin(struct filedata *d);
/*
 * Data that never changes: the bytes at pos that the backing holds and no page covers, *len of them
 * (at most max), contiguous. *b is their backing with a reference for the caller (backing_put; NULL
 * if it is never freed). NULL if there are none.
 */
const void *filedata_constant(struct filedata *d, uint64_t pos, size_t max, size_t *len,
			      struct backing **b);
void backing_put(struct backing *b); /* NULL is allowed */

/* Pages of all files together, and how many there may be (statfs, ENOSPC). */
uint64_t filedata_pages_used(void);
uint64_t filedata_pages_free(void);
