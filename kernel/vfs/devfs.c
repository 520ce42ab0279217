#include "vfs/devfs.h"
#include <asm/errno.h>
#include <linux/major.h>
#include "cmdline.h"
#include "dev/tty.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "vfs/regfile.h"
#include "vfs/tree.h"
#include <asm/ioctls.h>
#include <linux/random.h>

#define MKDEV(major, minor) ((uint64_t)(major) << 8 | (minor)) /* small numbers only */

static long null_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return 0;
}

static long null_write(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)pos;
	size_t n = u->left;
	uio_skip(u, n);
	return (long)n;
}

static long zero_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)pos;
	size_t n = uio_put_zero(u, u->left);
	return n ? (long)n : -EFAULT;
}

static long full_write(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return -ENOSPC;
}

/* As Linux: any seek succeeds and leads to 0. */
static long null_lseek(struct file *f, int64_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return 0;
}

/* One read gives no more, so that it ends in a fraction of a second (as Linux before 5.18). */
#define RANDOM_MAX_READ (32 << 20)

static long random_read(struct file *f, struct uio *u, uint64_t *pos)
{
	uint8_t buf[256];
	long done = 0;
	(void)f, (void)pos;
	while (u->left && done < RANDOM_MAX_READ) {
		size_t n = u->left < sizeof buf ? u->left : sizeof buf;
		random_bytes(buf, n);
		size_t got = uio_put(u, buf, n);
		done += (long)got;
		if (got < n)
			break;
	}
	memset(buf, 0, sizeof buf);
	return done ? done : -EFAULT;
}

/* The generator is seeded from the hardware; what the program adds is not needed, and a write
 * promises no more than that it is taken in (random(4)). */
static long random_write(struct file *f, struct uio *u, uint64_t *pos)
{
	return null_write(f, u, pos);
}

static long random_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	(void)f;
	return cmd == RNDGETENTCNT ? put_user_u32(arg, 256) : cmd == FIONREAD ? -ENOTTY : -EINVAL;
}

static uint32_t random_poll(struct file *f, struct waitqueue **wq)
{
	static struct waitqueue never = WAITQUEUE_INIT(never);
	(void)f;
	*wq = &never;
	return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
}

int device_map_zero(struct file *f, uint64_t pgoff, bool write, uint64_t *paddr)
{
	(void)f, (void)pgoff, (void)write, (void)paddr;
	return -ERANGE; /* never asked: file_map_check has said that it is anonymous memory */
}

static const struct file_ops null_ops = {
    .read = null_read, .write = null_write, .lseek = null_lseek};
static const struct file_ops zero_ops = {
    .read = zero_read, .write = null_write, .lseek = null_lseek, .map_page = device_map_zero};
static const struct file_ops full_ops = {
    .read = zero_read, .write = full_write, .lseek = null_lseek};
static const struct file_ops random_ops = {.read = random_read,
					   .write = random_write,
					   .poll = random_poll,
					   .ioctl = random_ioctl,
					   .lseek = null_lseek};

static const struct device {
	const char *path;
	unsigned major, minor;
	uint32_t mode;
	const struct file_ops *ops;
} devices[] = {
    {"/dev/null", MEM_MAJOR, 3, 0666, &null_ops},
    {"/dev/zero", MEM_MAJOR, 5, 0666, &zero_ops},
    {"/dev/full", MEM_MAJOR, 7, 0666, &full_ops},
    {"/dev/random", MEM_MAJOR, 8, 0666, &random_ops},
    {"/dev/urandom", MEM_MAJOR, 9, 0666, &random_ops},
    {"/dev/tty", TTYAUX_MAJOR, 0, 0666, &tty_ops},
    {"/dev/console", TTYAUX_MAJOR, 1, 0600, &tty_ops},
};

const struct file_ops *device_ops(uint64_t rdev)
{
	/* Byte streams are no controlling terminal: ENXIO. */
	if (rdev == MKDEV(TTYAUX_MAJOR, 0) && cmdline.console_pipe)
		return NULL;
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
		if (rdev == MKDEV(devices[i].major, devices[i].minor))
			return devices[i].ops;
	return NULL;
}

void devfs_init(void)
{
	dentry_put(tree_mkdir(&super_devtmpfs, "/dev", 0755));
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
		const struct device *d = &devices[i];
		tree_add(&super_devtmpfs, d->path, S_IFCHR | d->mode)->rdev =
		    MKDEV(d->major, d->minor);
	}
	tree_symlink(&super_devtmpfs, "/dev/fd", "/proc/self/fd");
	tree_symlink(&super_devtmpfs, "/dev/stdin", "/proc/self/fd/0");
	tree_symlink(&super_devtmpfs, "/dev/stdout", "/proc/self/fd/1");
	tree_symlink(&super_devtmpfs, "/dev/stderr", "/proc/self/fd/2");
	dentry_put(tree_mkdir(&super_shm, "/dev/shm", 01777));
}
