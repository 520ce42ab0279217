/*
 * timerfd_create(2). The lock of each guards its settings; the timer's callback takes it. Those on
 * the wall clock are on a list, whose lock comes first, so that setting the clock finds them.
 */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/timer.h"
#include "time/clock.h"
#include "time/clock_set.h"
#include "vfs/fdtable.h"

struct timerfd {
	spinlock_t lock;
	struct waitqueue wait;
	struct timer timer;
	bool realtime;
	uint64_t next;	   /* monotonic ns of the next expiry; 0: disarmed */
	uint64_t interval; /* 0: once */
	uint64_t ticks;	   /* not yet read */
	/* Set for a time of day: next is that less offset. */
	bool wall;
	uint64_t offset;
	bool cancel_on_set, cancelled; /* TFD_TIMER_CANCEL_ON_SET; the clock was set since */
	struct list link;	       /* on wall_timers, if realtime */
};

/* A shorter period is counted, not followed: interrupts must leave the program some time. */
#define PERIOD_MIN 20000u

static spinlock_t wall_lock;
static struct list wall_timers = LIST_INIT(wall_timers);

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
		if (t->next - now < PERIOD_MIN) {
			n = PERIOD_MIN / t->interval;
			t->ticks += n;
			t->next += n * t->interval;
		}
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
		bool cancelled = t->cancelled;
		t->ticks = 0;
		t->cancelled = false;
		spin_unlock(&t->lock);
		if (cancelled)
			return -ECANCELED;
		if (ticks)
			return uio_put(u, &ticks, sizeof ticks) == sizeof ticks ? (long)sizeof ticks
										: -EFAULT;
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&t->wait, t->ticks || t->cancelled, WAIT_FOREVER);
		if (err)
			return err;
	}
}

static uint32_t timerfd_poll(struct file *f, struct waitqueue **wq)
{
	struct timerfd *t = f->private;
	*wq = &t->wait;
	return t->ticks || t->cancelled ? EPOLLIN : 0u;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;
	spin_lock(&wall_lock);
	list_remove(&t->link);
	spin_unlock(&wall_lock);
	timer_cancel(&t->timer);
	kfree(t);
}

void timerfds_clock_set(void)
{
	spin_lock(&wall_lock);
	list_for_each_entry (t, &wall_timers, struct timerfd, link) {
		uint64_t offset = clock_wall_offset();
		bool wake;
		spin_lock(&t->lock);
		if (t->wall && t->next) {
			int64_t next = (int64_t)(t->next + t->offset - offset);
			t->next = next > 0 ? (uint64_t)next : 1;
			timer_arm(&t->timer, t->next);
		}
		t->offset = offset;
		wake = t->cancelled = t->cancel_on_set;
		spin_unlock(&t->lock);
		if (wake)
			waitqueue_wake_all(&t->wait, EPOLLIN);
	}
	spin_unlock(&wall_lock);
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
	list_init(&t->link);
	timer_setup(&t->timer, expire);
	t->realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	struct file *f =
	    file_new_anon(&timerfd_ops, O_RDWR | ((unsigned)flags & O_NONBLOCK), "[timerfd]", 0, t);
	if (!f) {
		kfree(t);
		return -ENOMEM;
	}
	if (t->realtime) {
		spin_lock(&wall_lock);
		list_add_tail(&wall_timers, &t->link);
		spin_unlock(&wall_lock);
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
	uint64_t next = value, offset = clock_wall_offset();
	bool wall = t->realtime && flags & TFD_TIMER_ABSTIME;
	if (value && !(flags & TFD_TIMER_ABSTIME))
		next = clock_monotonic() + value;
	else if (value && wall)
		next = (int64_t)(value - offset) > 0 ? value - offset : 1;
	spin_lock(&t->lock);
	current_setting(t, &before);
	timer_cancel(&t->timer);
	t->next = next;
	t->interval = interval;
	t->ticks = 0;
	t->wall = wall;
	t->offset = offset;
	t->cancel_on_set = wall && flags & TFD_TIMER_CANCEL_ON_SET;
	t->cancelled = false;
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
