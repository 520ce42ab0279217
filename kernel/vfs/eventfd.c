/* eventfd(2). The lock guards the count and is held over copies to and from the program. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "mm/kmalloc.h"
#include "vfs/fdtable.h"
#include "vfs/sys_files.h"

#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC   O_CLOEXEC
#define EFD_NONBLOCK  O_NONBLOCK

struct eventfd {
	spinlock_t lock;
	struct waitqueue wait;
	uint64_t count; /* at most UINT64_MAX - 1 */
	bool semaphore;
};

static long eventfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct eventfd *e = f->private;
	(void)pos;
	if (u->left < sizeof e->count)
		return -EINVAL;
	for (;;) {
		spin_lock(&e->lock);
		if (e->count) {
			uint64_t value = e->semaphore ? 1 : e->count;
			bool copied = uio_put(u, &value, sizeof value) == sizeof value;
			if (copied)
				e->count -= value;
			spin_unlock(&e->lock);
			if (!copied)
				return -EFAULT;
			waitqueue_wake_all(&e->wait, EPOLLOUT);
			return sizeof value;
		}
		spin_unlock(&e->lock);
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&e->wait, e->count, WAIT_FOREVER);
		if (err)
			return err;
	}
}

static long eventfd_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct eventfd *e = f->private;
	uint64_t value;
	(void)pos;
	if (u->left < sizeof value)
		return -EINVAL;
	if (uio_get(u, &value, sizeof value) != sizeof value)
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	for (;;) {
		spin_lock(&e->lock);
		if (value < UINT64_MAX - e->count) {
			e->count += value;
			spin_unlock(&e->lock);
			waitqueue_wake_all(&e->wait, EPOLLIN);
			return sizeof value;
		}
		spin_unlock(&e->lock);
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&e->wait, value < UINT64_MAX - e->count, WAIT_FOREVER);
		if (err)
			return err;
	}
}

static uint32_t eventfd_poll(struct file *f, struct waitqueue **wq)
{
	struct eventfd *e = f->private;
	*wq = &e->wait;
	spin_lock(&e->lock);
	uint64_t count = e->count;
	spin_unlock(&e->lock);
	return (count ? EPOLLIN : 0u) | (count < UINT64_MAX - 1 ? EPOLLOUT : 0u);
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
};

long sys_eventfd2(unsigned count, int flags)
{
	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	struct eventfd *e = kzalloc(sizeof *e);
	if (!e)
		return -ENOMEM;
	waitqueue_init(&e->wait);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	struct file *f =
	    file_new_anon(&eventfd_ops, O_RDWR | ((unsigned)flags & O_NONBLOCK), "[eventfd]", 0, e);
	if (!f) {
		kfree(e);
		return -ENOMEM;
	}
	return fd_install_or_put(f, flags & EFD_CLOEXEC);
}

long sys_eventfd(unsigned count)
{
	return sys_eventfd2(count, 0);
}
