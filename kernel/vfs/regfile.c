#include "vfs/regfile.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fs.h>
#include "lib/string.h"
#include "mm/filemap.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "vfs/fdtable.h"
#include "vfs/inode.h"
#include "vfs/textbuf.h"
#include "sys/rlimit.h"
#include <linux/resource.h>

struct filedata *regular_data(struct file *f)
{
	return inode_is(f->inode, S_IFREG) && !f->inode->is_text ? &f->inode->data : NULL;
}

static long regular_read(struct file *f, struct uio *u, uint64_t *pos)
{
	long n = filedata_read(&f->inode->data, u, *pos);
	if (n > 0)
		*pos += (uint64_t)n;
	if (!(atomic_load(&f->flags) & O_NOATIME))
		inode_touch_atime(f->inode);
	return n;
}

static long write_data(struct file *f, struct uio *u, uint64_t *pos, bool append)
{
	long n = filedata_write(&f->inode->data, u, pos, append, rlimit_get(RLIMIT_FSIZE));
	if (n > 0) {
		*pos += (uint64_t)n;
		inode_touch_mtime(f->inode);
	}
	if (n == -EFBIG && *pos >= rlimit_get(RLIMIT_FSIZE)) {
		siginfo_t info = {.si_signo = SIGXFSZ, .si_code = SI_USER};
		signal_send_thread(current, SIGXFSZ, &info);
	}
	return n;
}

static long regular_write(struct file *f, struct uio *u, uint64_t *pos)
{
	return write_data(f, u, pos, atomic_load(&f->flags) & O_APPEND);
}

long regular_append(struct file *f, struct uio *u, uint64_t *pos)
{
	return write_data(f, u, pos, true);
}

long seek_within(struct file *f, int64_t offset, int whence, uint64_t size)
{
	int64_t base = whence == SEEK_END ? (int64_t)size : 0;
	spin_lock(&f->lock);
	if (whence == SEEK_CUR)
		base = (int64_t)f->pos;
	long result = -EINVAL;
	int64_t to;
	if (whence >= SEEK_SET && whence <= SEEK_END &&
	    !__builtin_add_overflow(base, offset, &to) && to >= 0) {
		f->pos = (uint64_t)to;
		result = to;
	}
	spin_unlock(&f->lock);
	return result;
}

static long regular_lseek(struct file *f, int64_t offset, int whence)
{
	struct filedata *d = &f->inode->data;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return seek_within(f, offset, whence, filedata_size(d));
	if (offset < 0)
		return -ENXIO;
	int64_t to = filedata_seek(d, (uint64_t)offset, whence == SEEK_HOLE);
	return to < 0 ? to : seek_within(f, to, SEEK_SET, 0);
}

static long regular_fsync(struct file *f)
{
	(void)f; /* memory is as far as it goes, as on tmpfs */
	return 0;
}

static int regular_map_page(struct file *f, uint64_t pgoff, bool write, uint64_t *paddr)
{
	return filedata_map_page(&f->inode->data, pgoff, write, paddr);
}

const struct file_ops regular_ops = {
    .read = regular_read,
    .write = regular_write,
    .lseek = regular_lseek,
    .fsync = regular_fsync,
    .map_page = regular_map_page,
};

/* O_PATH: only a place. */
const struct file_ops path_ops = {.fsync = NULL};

/* Texts. */

static long text_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct textbuf *t = f->private;
	if (*pos >= t->length)
		return 0;
	size_t n = t->length - *pos;
	if (n > u->left)
		n = u->left;
	size_t got = uio_put(u, t->text + *pos, n);
	*pos += got;
	return got ? (long)got : -EFAULT;
}

static long text_write(struct file *f, struct uio *u, uint64_t *pos)
{
	char buf[256];
	const struct textfile *text = f->inode->text;
	if (u->left > sizeof buf)
		return -EINVAL;
	size_t n = u->left;
	if (uio_get(u, buf, n) != n)
		return -EFAULT;
	int err = text->store(buf, n, f->inode->arg);
	if (err)
		return err;
	*pos += n;
	return (long)n;
}

static long text_lseek(struct file *f, int64_t offset, int whence)
{
	return whence == SEEK_END ? -EINVAL : seek_within(f, offset, whence, 0);
}

static void text_release(struct file *f)
{
	textbuf_free(f->private);
	kfree(f->private);
}

static const struct file_ops text_ops = {
    .read = text_read,
    .write = text_write,
    .lseek = text_lseek,
    .release = text_release,
};

int text_open(struct inode *i, struct dentry *d, unsigned flags, struct file **out)
{
	if ((flags & O_ACCMODE) != O_RDONLY && !i->text->store)
		return -EACCES;
	struct textbuf *t = kzalloc(sizeof *t);
	if (!t)
		return -ENOMEM;
	int err = i->text->show(t, i->arg);
	if (!err && t->failed)
		err = -ENOMEM;
	if (!err) {
		*out = file_new(&text_ops, flags, i, d, t);
		if (!*out)
			err = -ENOMEM;
	}
	if (err) {
		textbuf_free(t);
		kfree(t);
	}
	return err;
}
