/* mm/filemap.h: what mmap(2) needs of files. */
#include "mm/filemap.h"
#include <asm/errno.h>
#include <linux/mman.h>
#include "lib/string.h"
#include "vfs/devfs.h"
#include "vfs/inode.h"
#include "vfs/regfile.h"

int file_map_check(struct file *f, int prot, int flags)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	struct filedata *d = regular_data(f);
	if (!f->can_read)
		return atomic_load(&f->flags) & O_PATH ? -EBADF : -EACCES;
	if (shared && (prot & PROT_WRITE) && !f->can_write)
		return -EACCES;
	if (f->ops->map_page == device_map_zero)
		return 1;
	if (!f->ops->map_page || !d)
		return -ENODEV;
	if (shared && (prot & PROT_WRITE) && (d->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (shared && f->can_write)
		atomic_store(&d->mapped_writable, true);
	return 0;
}

const void *file_map_key(struct file *f)
{
	struct filedata *d = regular_data(f);
	return d ? (const void *)d : f->inode;
}

int file_map_page(struct file *f, uint64_t pgoff, bool write, paddr_t *out)
{
	return f->ops->map_page ? f->ops->map_page(f, pgoff, write, out) : -ERANGE;
}

void file_map_name(struct file *f, char *buf, size_t size)
{
	if (!size)
		return;
	buf[0] = '\0';
	if (!f->dentry) {
		strlcpy(buf, f->inode->name ? f->inode->name : "", size);
		return;
	}
	spin_lock(&tree_lock);
	if (dentry_path(f->dentry, buf, size) < 0)
		buf[0] = '\0';
	spin_unlock(&tree_lock);
}

void file_map_id(struct file *f, uint64_t *dev, uint64_t *ino)
{
	*dev = f->inode->super->dev;
	*ino = f->inode->ino;
}
