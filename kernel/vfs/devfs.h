/* /dev: nodes and what they do. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct file_ops;

/* Makes the nodes. Ends the machine when memory is out. */
void devfs_init(void);
/* What mknod(2)'s and /dev's character devices do; NULL: -ENXIO. */
const struct file_ops *device_ops(uint64_t rdev);

struct file;
/* map_page of /dev/zero; mm/filemap.h treats it as anonymous memory. */
int device_map_zero(struct file *f, uint64_t pgoff, bool write, uint64_t *paddr);
