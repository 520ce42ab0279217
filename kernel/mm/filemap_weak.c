/* Until vfs brings the real ones. */
#include <asm/errno.h>
#include "mm/filemap.h"
#include "vfs/fdtable.h"

#define WEAK __attribute__((weak))

WEAK struct file *fd_get(int fd)
{
	(void)fd;
	return NULL;
}
WEAK void file_put(struct file *f)
{
	(void)f;
}
WEAK int file_map_check(struct file *f, int prot, int flags)
{
	(void)f, (void)prot, (void)flags;
	return -ENODEV;
}
WEAK const void *file_map_key(struct file *f)
{
	return f;
}
WEAK int file_map_page(struct file *f, uint64_t pgoff, bool write, paddr_t *out)
{
	(void)f, (void)pgoff, (void)write, (void)out;
	return -ERANGE;
}
WEAK void file_map_name(struct file *f, char *buf, size_t size)
{
	(void)f;
	if (size)
		*buf = '\0';
}
