/*
 * signalfd(2): the signals of a set, pending for the thread that reads or for the process, as
 * records. Files share one wait queue, signal_waiters, which every signal sent wakes. The set of a
 * file is one word, replaced whole.
 */
#include <asm/errno.h>
#include <linux/signalfd.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "signal/sys_signal.h"
#include "vfs/fdtable.h"

struct signalfd {
	_Atomic uint64_t set;
};

static struct signalfd_siginfo record_of(const siginfo_t *info)
{
	struct signalfd_siginfo r;

	memset(&r, 0, sizeof(r));
	r.ssi_signo = (uint32_t)info->si_signo;
	r.ssi_errno = info->si_errno;
	r.ssi_code = info->si_code;
	if (info->si_code == SI_TIMER) {
		r.ssi_tid = (uint32_t)info->si_tid;
		r.ssi_overrun = (uint32_t)info->si_overrun;
		r.ssi_ptr = (uintptr_t)info->si_value.sival_ptr;
		r.ssi_int = info->si_value.sival_int;
	} else if (info->si_code > 0 && sigbit(info->si_signo) & SIGNALS_SYNCHRONOUS) {
		r.ssi_addr = (uintptr_t)info->si_addr;
	} else if (info->si_code > 0 && info->si_signo == SIGIO) {
		r.ssi_band = (uint32_t)info->si_band;
		r.ssi_fd = info->si_fd;
	} else {
		r.ssi_pid = (uint32_t)info->si_pid;
		r.ssi_uid = info->si_uid;
		r.ssi_ptr = (uintptr_t)info->si_value.sival_ptr;
		r.ssi_int = info->si_value.sival_int;
	}
	return r;
}

/* As many records as are pending and fit; blocks only for the first. */
static long signalfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct signalfd *s = f->private;
	long done = 0;

	(void)pos;
	if (u->left < sizeof(struct signalfd_siginfo))
		return -EINVAL;
	while (u->left >= sizeof(struct signalfd_siginfo)) {
		siginfo_t info;
		if (signal_take(s->set, &info)) {
			struct signalfd_siginfo r = record_of(&info);
			if (uio_put(u, &r, sizeof(r)) != sizeof(r))
				return done ? done : -EFAULT;
			done += (long)sizeof(r);
			continue;
		}
		if (done)
			break;
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&signal_waiters, signal_pending_set() & s->set, WAIT_FOREVER);
		if (err)
			return err;
	}
	return done;
}

static uint32_t signalfd_poll(struct file *f, struct waitqueue **wq)
{
	struct signalfd *s = f->private;

	*wq = &signal_waiters;
	return signal_pending_set() & s->set ? EPOLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .release = signalfd_release,
};

static long new_signalfd(uint64_t set, int flags)
{
	struct signalfd *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->set = set;
	struct file *f = file_new_anon(&signalfd_ops, O_RDWR | ((unsigned)flags & O_NONBLOCK),
				       "[signalfd]", 0, s);
	if (!f) {
		kfree(s);
		return -ENOMEM;
	}
	return fd_install_or_put(f, flags & SFD_CLOEXEC);
}

/* signalfd(2). fd -1 makes a new file, else the set of that one is replaced. */
long sys_signalfd4(int fd, uintptr_t mask, size_t size, int flags)
{
	uint64_t set;

	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK) || size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof(set)))
		return -EFAULT;
	set &= ~SIGNALS_UNBLOCKABLE;
	if (fd == -1)
		return new_signalfd(set, flags);
	struct file *f = fd_get(fd);
	if (!f)
		return -EBADF;
	long r = fd;
	if (f->ops == &signalfd_ops) {
		((struct signalfd *)f->private)->set = set;
		waitqueue_wake_all(&signal_waiters, EPOLLIN); /* it may be readable now */
	} else {
		r = -EINVAL;
	}
	file_put(f);
	return r;
}

long sys_signalfd(int fd, uintptr_t mask, size_t size)
{
	return sys_signalfd4(fd, mask, size, 0);
}
