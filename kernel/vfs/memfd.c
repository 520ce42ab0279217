#include "vfs/memfd.h"
#include <asm/errno.h>
#include <linux/memfd.h>
#include "mm/uaccess.h"
#include "vfs/fdtable.h"
#include "vfs/inode.h"
#include "vfs/regfile.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define MAX_NAME  (NAME_MAX - 6) /* "memfd:" goes before it */

static struct filedata *sealable(struct file *f)
{
	struct filedata *d = regular_data(f);
	return d && f->inode->super == &super_shm && !f->inode->nlink ? d : NULL;
}

long memfd_add_seals(struct file *f, unsigned seals)
{
	struct filedata *d = sealable(f);
	if (!f->can_write)
		return -EPERM;
	if (!d || (seals & ~(unsigned)ALL_SEALS))
		return -EINVAL;
	long err = 0;
	spin_lock(&d->write);
	if (d->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if ((seals & F_SEAL_WRITE) && !(d->seals & F_SEAL_WRITE) &&
		 atomic_load(&d->mapped_writable))
		err = -EBUSY;
	else
		d->seals |= seals;
	spin_unlock(&d->write);
	return err;
}

long memfd_get_seals(struct file *f)
{
	struct filedata *d = sealable(f);
	return d ? (long)d->seals : -EINVAL;
}

long sys_memfd_create(uintptr_t name, unsigned flags)
{
	if (flags & MFD_HUGETLB)
		return -ENODEV;
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	char text[NAME_MAX + 1] = "memfd:";
	long n = strncpy_from_user(text + 6, name, MAX_NAME + 1);
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	struct inode *i = inode_new(&super_shm, S_IFREG | 0777);
	if (!i)
		return -ENOMEM;
	if (!(flags & MFD_ALLOW_SEALING))
		i->data.seals = F_SEAL_SEAL;
	struct dentry *d = dentry_unlinked(i, text); /* seen as /memfd:NAME (deleted) */
	struct file *f = d ? file_new(&regular_ops, O_RDWR | O_LARGEFILE, i, d, NULL) : NULL;
	inode_put(i);
	dentry_put(d);
	return f ? fd_install_or_put(f, flags & MFD_CLOEXEC) : -ENOMEM;
}
