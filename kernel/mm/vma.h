/*
 * The region map: which addresses of the program are mapped, how, and to what. Knows nothing of
 * page tables or hardware.
 *
 * A treap ordered by address; each node also knows the extent of its subtree and the largest gap
 * inside it, so a free range is found in O(log n). Neighbours that are alike are one region.
 * Lock: none here; mm guards its map by the address-space lock.
 * Ownership: a region of a file holds one reference to the file.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

/* Rights: PROT_READ, PROT_WRITE, PROT_EXEC. Flags: */
#define VMA_SHARED	(1u << 0)
#define VMA_GROWSDOWN	(1u << 1)
#define VMA_LOCKED	(1u << 2)
#define VMA_HUGE	(1u << 3) /* MADV_HUGEPAGE */
#define VMA_NOHUGE	(1u << 4) /* MADV_NOHUGEPAGE */
#define VMA_IMAGE	(1u << 5) /* the image itself: cannot be changed */
#define VMA_HEAP	(1u << 6) /* brk */
#define VMA_NORESERVE	(1u << 7) /* MAP_NORESERVE */
#define VMA_MAYWRITE	(1u << 8) /* shared: the file is open for writing; else always */
#define VMA_STACK	(1u << 9) /* MAP_STACK, only shown */
#define VMA_LOCKONFAULT (1u << 10)

#define VMA_MAX 65530 /* regions; vm.max_map_count of Linux */

struct vma {
	uintptr_t start, end; /* page aligned, end exclusive */
	struct file *file;    /* NULL: anonymous */
	uint64_t pgoff;	      /* of start, in pages of the file; 0 for anonymous memory */
	uint32_t prot, flags;

	/* The tree's own. */
	uint32_t priority;
	struct vma *left, *right;
	uintptr_t low, high, gap; /* of the subtree: first start, last end, largest hole */
};

struct vma_map {
	struct vma *root;
	size_t count;
	size_t file_count; /* regions with a file */
	size_t bytes;	   /* mapped, the image included */
};

/* The first region that ends above addr: the one that holds addr, or the next. NULL: none. */
struct vma *vma_find(const struct vma_map *m, uintptr_t addr);
/* The last region that starts below addr. NULL: none. */
struct vma *vma_find_below(const struct vma_map *m, uintptr_t addr);
/* The region after v. */
struct vma *vma_next(const struct vma_map *m, const struct vma *v);

/*
 * Adds [start, end), which must be free, merging it with neighbours that are alike. The file's
 * reference is taken here where one is needed. 0 or -ENOMEM, nothing changed.
 */
int vma_add(struct vma_map *m, uintptr_t start, uintptr_t end, uint32_t prot, uint32_t flags,
	    struct file *file, uint64_t pgoff);
/* Makes addr a boundary: a region around it becomes two. 0 or -ENOMEM. */
int vma_split(struct vma_map *m, uintptr_t addr);
/* vma_split at both: 0 or -ENOMEM, nothing changed. */
int vma_cut(struct vma_map *m, uintptr_t start, uintptr_t end);
/* Removes [start, end) from the map, splitting what crosses its ends. 0 or -ENOMEM, nothing
 * changed. */
int vma_remove(struct vma_map *m, uintptr_t start, uintptr_t end);
/* Sets rights and flags of all regions in [start, end), whose ends must be boundaries; each gets
 * prot if set_prot, and (flags & ~clear) | set. Merges afterwards. Cannot fail. */
void vma_change(struct vma_map *m, uintptr_t start, uintptr_t end, bool set_prot, uint32_t prot,
		uint32_t set, uint32_t clear);
/* Moves the start of v (stack growth) or its end (brk) into free space. */
void vma_resize(struct vma_map *m, struct vma *v, uintptr_t start, uintptr_t end);

/* The highest address in [min, max) where len bytes are free, a multiple of align (a power of two).
 * 0: no room. */
uintptr_t vma_find_gap(const struct vma_map *m, size_t len, size_t align, uintptr_t min,
		       uintptr_t max);
/* True if no region touches [start, end). */
bool vma_range_free(const struct vma_map *m, uintptr_t start, uintptr_t end);
/* True if [start, end) is mapped without a hole. */
bool vma_range_mapped(const struct vma_map *m, uintptr_t start, uintptr_t end);
