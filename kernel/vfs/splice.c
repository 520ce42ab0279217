#include "vfs/splice.h"
#include <asm/errno.h>
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/uio.h"

#define MEM_DEVICE(n) (1u << 8 | (n)) /* st_rdev of /dev/null and its like */

bool spliceable(struct file *f, bool into)
{
	if (into ? !f->ops->write : !f->ops->read)
		return false;
	switch (f->inode->mode & S_IFMT) {
	case S_IFREG:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR: /* not into /dev/full, not out of /dev/null */
		return f->inode->rdev != MEM_DEVICE(into ? 7 : 3);
	default:
		return false;
	}
}

long splice_copy(void *ctx, struct uio *dst)
{
	struct uio *src = ctx;
	long done = 0;
	for (; dst->count && src->left; dst->vec++, dst->count--) {
		size_t n = dst->vec->len < src->left ? dst->vec->len : src->left;
		size_t got = uio_get(src, (void *)dst->vec->base, n);
		done += (long)got;
		if (got < n)
			return done ? done : -EFAULT;
	}
	return done;
}
