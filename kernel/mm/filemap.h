/*
 * Between memory mappings (mm) and files (vfs).
 *
 * A mapping holds a reference to its struct file (vfs/file.h: file_get, file_put; putting the last
 * one is allowed under the address-space lock). mm asks for pages at fault time, under the
 * address-space lock, on an IST stack: vfs takes only spin locks that are never held while the
 * program's memory is touched. A page handed out stays valid until vfs calls
 * mm_unmap_file_range for it or the mapping drops its file reference; mm never frees it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mm/page.h"

struct file;

/*
 * May f be mapped so? Called by mmap(2) before anything changes. 0; 1: yes, and the mapping is
 * anonymous memory (/dev/zero); -EACCES (not open for reading; shared and writable but not open for
 * writing or sealed), -ENODEV (cannot be mapped), -EPERM.
 */
int file_map_check(struct file *f, int prot, int flags);
/* Identifies the data: the same for all open files of one inode. */
const void *file_map_key(struct file *f);
/*
 * The page of the file at pgoff (offset / PAGE_SIZE). write: it will be written through the mapping
 * (shared mappings; a private one asks for reading and copies). The page may be
 * mapped read-only with write false even where the file has no page of its own (holes: a shared
 * zero page, or a page made now); a later write fault asks again and may get another page.
 * 0, -ERANGE (the page lies past the end: SIGBUS), -ENOMEM.
 */
int file_map_page(struct file *f, uint64_t pgoff, bool write, paddr_t *out);
/* What to show in /proc/self/maps; NUL-terminated, cut to size. */
void file_map_name(struct file *f, char *buf, size_t size);
/* Device and inode number, for /proc/self/maps. */
void file_map_id(struct file *f, uint64_t *dev, uint64_t *ino);

/*
 * Implemented by mm: removes the translations of pages first..last (inclusive, in file pages) from
 * every mapping of the data that key identifies, copies that private mappings made past the end
 * included when even_cows. Takes the address-space lock. Afterwards vfs frees the pages.
 */
void mm_unmap_file_range(const void *key, uint64_t first, uint64_t last, bool even_cows);
