/* timerfd_create(2). The lock guards the settings; the timer's callback takes it. */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/timer.h"
#include "time/clock.h"
#include "vfs/fdtable.h"

struct timerfd {
	spinlock_t lock;
	struct waitqueue wait;
	struct timer timer;
	bool realtime;
	uint64_t next;	   /* monotonic ns of the next expiry; 0: disarmed */
	uint64_t interval; /* 0: once */
	uint64_t ticks;	   /* not yet read */
};

static void expire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	uint64_t now = clock_monotonic();
	spin_lock(&t->lock);
	bool due = t->next && t->next <= now;
	if (due && t->interval) {
		uint64_t n = (now - t->next) / t->interval + 1;
		t->ticks += n;
		t->next += n * t->interval;
	} else if (due) {
		t->ticks++;
		t->next = 0;
	}
	if (t->next)
		timer_arm(&t->timer, t->next);
	spin_unlock(&t->lock);
	if (due)
		waitqueue_wake_all(&t->wait, EPOLLIN);
}

static long timerfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct timerfd *t = f->private;
	(void)pos;
	if (u->left < sizeof t->ticks)
		return -EINVAL;
	for (;;) {
		spin_lock(&t->lock);
		uint64_t ticks = t->ticks;
		t->ticks = 0;
		spin_unlock(&t->lock);
		if (ticks)
			return uio_put(u, &ticks, sizeof ticks) == sizeof ticks ? (long)sizeof ticks
										: -EFAULT;
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&t->wait, t->ticks, WAIT_FOREVER);
		if (err)
			return err;
	}
}

static uint32_t timerfd_poll(struct file *f, struct waitqueue **wq)
{
	struct timerfd *t = f->private;
	*wq = &t->wait;
	return t->ticks ? EPOLLIN : 0u;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;
	timer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .release = timerfd_release,
};

long sys_timerfd_create(int clock, int flags)
{
	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	struct timerfd *t = kzalloc(sizeof *t);
	if (!t)
		return -ENOMEM;
	waitqueue_init(&t->wait);
	timer_setup(&t->timer, expire);
	t->realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	struct file *f =
	    file_new_anon(&timerfd_ops, O_RDWR | ((unsigned)flags & O_NONBLOCK), "[timerfd]", 0, t);
	if (!f) {
		kfree(t);
		return -ENOMEM;
	}
	return fd_install_or_put(f, flags & TFD_CLOEXEC);
}

/* The program's struct itimerspec. */
struct setting {
	int64_t interval[2], value[2]; /* seconds, nanoseconds */
};

static bool to_ns(const int64_t t[2], uint64_t *ns)
{
	if (t[0] < 0 || t[1] < 0 || t[1] >= 1000000000)
		return false;
	*ns =
	    t[0] > 9000000000 ? (uint64_t)INT64_MAX : (uint64_t)t[0] * 1000000000u + (uint64_t)t[1];
	return true;
}

static void from_ns(uint64_t ns, int64_t t[2])
{
	t[0] = (int64_t)(ns / 1000000000u);
	t[1] = (int64_t)(ns % 1000000000u);
}

/* The lock is held. */
static void current_setting(struct timerfd *t, struct setting *s)
{
	uint64_t now = clock_monotonic();
	from_ns(t->interval, s->interval);
	from_ns(!t->next ? 0 : t->next > now ? t->next - now : 1, s->value);
}

static struct file *get(int fd, long *err)
{
	struct file *f = fd_get(fd);
	*err = f ? 0 : -EBADF;
	if (f && f->ops != &timerfd_ops) {
		*err = -EINVAL;
		file_put(f);
		f = NULL;
	}
	return f;
}

long sys_timerfd_settime(int fd, int flags, uintptr_t new, uintptr_t old)
{
	struct setting s, before;
	uint64_t value, interval;
	long err;
	if (copy_from_user(&s, new, sizeof s))
		return -EFAULT;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !to_ns(s.value, &value) ||
	    !to_ns(s.interval, &interval))
		return -EINVAL;
	struct file *f = get(fd, &err);
	if (!f)
		return err;
	struct timerfd *t = f->private;
	uint64_t now = clock_monotonic(), next = 0;
	if (value && !(flags & TFD_TIMER_ABSTIME)) {
		next = now + value;
	} else if (value && t->realtime) {
		uint64_t wall = clock_realtime();
		next = value > wall ? now + (value - wall) : now;
	} else if (value) {
		next = value;
	}
	spin_lock(&t->lock);
	current_setting(t, &before);
	timer_cancel(&t->timer);
	t->next = next;
	t->interval = interval;
	t->ticks = 0;
	if (next)
		timer_arm(&t->timer, next);
	spin_unlock(&t->lock);
	file_put(f);
	return old ? copy_to_user(old, &before, sizeof before) : 0;
}

long sys_timerfd_gettime(int fd, uintptr_t buf)
{
	struct setting s;
	long err;
	struct file *f = get(fd, &err);
	if (!f)
		return err;
	struct timerfd *t = f->private;
	spin_lock(&t->lock);
	current_setting(t, &s);
	spin_unlock(&t->lock);
	file_put(f);
	return copy_to_user(buf, &s, sizeof s);
}
