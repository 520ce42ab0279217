/*
 * epoll(7).
 *
 * An item watches one file for one descriptor: a callback on the file's wait queue puts it on the
 * ready list; epoll_wait polls the files on that list and reports those that hold. An item holds no
 * reference: the last file_put takes it out (epoll_file_released).
 *
 * Locks, in this order:
 *   tree       (one for all instances) adding, changing and removing items; f->epoll_items
 *   ep->lock   items and harvest; held over file_poll and copies to the program
 *   [the file's own locks, its wait queue]
 *   ep->ready_lock  the ready list; taken in wake-ups, never held over calls out
 * Instances that watch each other form no cycle (ELOOP), so ep->lock nests from watcher to watched.
 */
#include "vfs/epoll.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "time/clock.h"
#include "time/deadline.h"
#include "vfs/fdtable.h"
#include "vfs/sys_files.h"

#define MAX_NESTS 4 /* instances within instances, as on Linux (EP_MAX_NESTS) */
#define PRIVATE	  (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK                                                                               \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
	spinlock_t lock;
	struct list items; /* item.link */
	spinlock_t ready_lock;
	struct list ready;	    /* item.ready_link */
	struct waitqueue wait;	    /* threads in epoll_wait */
	struct waitqueue poll_wait; /* who polls this instance */
	struct file *file;	    /* not a reference */
};

struct item {
	struct wait_entry entry;
	struct waitqueue *wq;
	struct epoll *ep;
	struct file *file;
	int fd;
	uint32_t events;
	uint64_t data;
	struct list link, file_link, ready_link;
	bool is_ready; /* on the ready list; under ready_lock */
};

static spinlock_t epoll_tree = SPINLOCK_INIT;

static void make_ready(struct item *it)
{
	struct epoll *ep = it->ep;
	spin_lock(&ep->ready_lock);
	if (!it->is_ready) {
		it->is_ready = true;
		list_add_tail(&ep->ready, &it->ready_link);
	}
	spin_unlock(&ep->ready_lock);
	waitqueue_wake(&ep->wait, 1, EPOLLIN);
	waitqueue_wake_all(&ep->poll_wait, EPOLLIN);
}

static bool on_wake(struct wait_entry *e, uint32_t events)
{
	struct item *it = container_of(e, struct item, entry);
	if (!(it->events & ~(uint32_t)PRIVATE))
		return false; /* a one-shot that has fired */
	if (events && !(events & it->events))
		return false;
	make_ready(it);
	return it->events & EPOLLEXCLUSIVE;
}

static uint32_t item_poll(struct item *it)
{
	struct waitqueue *wq;
	return file_poll(it->file, &wq) & it->events;
}

static void unready(struct item *it)
{
	struct epoll *ep = it->ep;
	spin_lock(&ep->ready_lock);
	if (it->is_ready)
		list_remove(&it->ready_link);
	it->is_ready = false;
	spin_unlock(&ep->ready_lock);
}

/* epoll_tree is held. */
static void remove_item(struct item *it)
{
	struct epoll *ep = it->ep;
	spin_lock(&ep->lock);
	waitqueue_remove(it->wq, &it->entry); /* no callback after this */
	unready(it);
	list_remove(&it->link);
	list_remove(&it->file_link);
	spin_unlock(&ep->lock);
	kfree(it);
}

void epoll_file_released(struct file *f)
{
	spin_lock(&epoll_tree);
	list_for_each_entry_safe (it, &f->epoll_items, struct item, file_link)
		remove_item(it);
	spin_unlock(&epoll_tree);
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	spin_lock(&epoll_tree);
	list_for_each_entry_safe (it, &ep->items, struct item, link)
		remove_item(it);
	spin_unlock(&epoll_tree);
	kfree(ep);
}

/* Takes the first ready item off the list. ep->lock is held. */
static struct item *pop_ready(struct epoll *ep)
{
	struct item *it = NULL;
	spin_lock(&ep->ready_lock);
	if (!list_empty(&ep->ready)) {
		it = list_entry(ep->ready.next, struct item, ready_link);
		list_remove(&it->ready_link);
		it->is_ready = false;
	}
	spin_unlock(&ep->ready_lock);
	return it;
}

static void push_ready(struct epoll *ep, struct item *it, bool front)
{
	spin_lock(&ep->ready_lock);
	if (!it->is_ready) {
		it->is_ready = true;
		if (front)
			list_add_head(&ep->ready, &it->ready_link);
		else
			list_add_tail(&ep->ready, &it->ready_link);
	}
	spin_unlock(&ep->ready_lock);
}

static uint32_t epoll_poll(struct file *f, struct waitqueue **wq)
{
	struct epoll *ep = f->private;
	uint32_t result = 0;
	*wq = &ep->poll_wait;
	spin_lock(&ep->lock);
	for (struct item *it; (it = pop_ready(ep)) != NULL;) {
		if (item_poll(it)) {
			push_ready(ep, it, true);
			result = EPOLLIN | EPOLLRDNORM;
			break;
		}
	}
	spin_unlock(&ep->lock);
	return result;
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll,
    .release = epoll_release,
};

/*
 * Reports up to max events to the program. Level-triggered items go back to the end of the list, so
 * all get their turn. The number of events, or -EFAULT.
 */
static long harvest(struct epoll *ep, uintptr_t events, int max)
{
	struct list again = LIST_INIT(again);
	long n = 0, err = 0;
	spin_lock(&ep->lock);
	while (n < max) {
		struct item *it = pop_ready(ep);
		if (!it)
			break;
		uint32_t bits = item_poll(it);
		if (!bits)
			continue;
		struct epoll_event ev = {.events = bits, .data = it->data};
		if (copy_to_user(events + (uintptr_t)n * sizeof ev, &ev, sizeof ev)) {
			push_ready(ep, it, true);
			err = -EFAULT;
			break;
		}
		n++;
		if (it->events & EPOLLONESHOT) {
			it->events &= PRIVATE;
		} else if (!(it->events & EPOLLET)) {
			spin_lock(&ep->ready_lock);
			if (it->is_ready)
				list_remove(&it->ready_link); /* woken meanwhile */
			it->is_ready = true;
			list_add_tail(&again, &it->ready_link);
			spin_unlock(&ep->ready_lock);
		}
	}
	spin_lock(&ep->ready_lock);
	list_for_each_entry_safe (it, &again, struct item, ready_link) {
		list_remove(&it->ready_link);
		list_add_tail(&ep->ready, &it->ready_link);
	}
	bool more = !list_empty(&ep->ready);
	spin_unlock(&ep->ready_lock);
	spin_unlock(&ep->lock);
	if (more)
		waitqueue_wake(&ep->wait, 1, EPOLLIN);
	return n ? n : err;
}

bool epoll_busy;
void (*epoll_back)(void);

static long wait_events(int epfd, uintptr_t events, int max, uint64_t deadline)
{
	if (epoll_busy && epoll_back)
		epoll_back();
	if (max <= 0 || (unsigned)max > 0x7fffffffu / sizeof(struct epoll_event))
		return -EINVAL;
	if (events >= USER_END || (uint64_t)max * sizeof(struct epoll_event) > USER_END - events)
		return -EFAULT;
	struct file *f = fd_get(epfd);
	if (!f)
		return -EBADF;
	long n = -EINVAL;
	if (f->ops == &epoll_ops) {
		struct epoll *ep = f->private;
		for (;;) {
			n = list_empty(&ep->ready) ? 0 : harvest(ep, events, max);
			if (n || !deadline)
				break;
			int err = wait_event(&ep->wait, !list_empty(&ep->ready), deadline);
			if (err == -ETIMEDOUT)
				deadline = 0; /* one last look */
			else if (err == -ERESTARTSYS) {
				n = -EINTR; /* never restarted: signal(7) */
				break;
			}
		}
	}
	epoll_busy = n > 1;
	file_put(f);
	return n;
}

static uint64_t deadline_ms(int timeout)
{
	if (timeout < 0)
		return WAIT_FOREVER;
	return timeout ? clock_monotonic() + (uint64_t)timeout * 1000000u : 0;
}

long sys_epoll_wait(int epfd, uintptr_t events, int max, int timeout)
{
	return wait_events(epfd, events, max, deadline_ms(timeout));
}

long sys_epoll_pwait(int epfd, uintptr_t events, int max, int timeout, uintptr_t mask, size_t size)
{
	long err = signal_mask_begin(mask, size);
	if (err)
		return err;
	return signal_mask_end(wait_events(epfd, events, max, deadline_ms(timeout)));
}

long sys_epoll_pwait2(int epfd, uintptr_t events, int max, uintptr_t timeout, uintptr_t mask,
		      size_t size)
{
	uint64_t deadline;
	long err = deadline_timespec(timeout, &deadline);
	if (!err)
		err = signal_mask_begin(mask, size);
	if (err)
		return err;
	return signal_mask_end(wait_events(epfd, events, max, deadline));
}

long sys_epoll_create1(int flags)
{
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	struct epoll *ep = kzalloc(sizeof *ep);
	if (!ep)
		return -ENOMEM;
	list_init(&ep->items);
	list_init(&ep->ready);
	waitqueue_init(&ep->wait);
	waitqueue_init(&ep->poll_wait);
	ep->file = file_new_anon(&epoll_ops, O_RDWR, "[eventpoll]", 0, ep);
	if (!ep->file) {
		kfree(ep);
		return -ENOMEM;
	}
	return fd_install_or_put(ep->file, flags & EPOLL_CLOEXEC);
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static struct item *find_item(struct epoll *ep, struct file *f, int fd)
{
	list_for_each_entry (it, &f->epoll_items, struct item, file_link)
		if (it->ep == ep && it->fd == fd)
			return it;
	return NULL;
}

/* True if target watches ep, directly or not, or the chain grows beyond MAX_NESTS. */
static bool makes_loop(struct file *target, struct epoll *ep, int depth)
{
	if (target->ops != &epoll_ops)
		return false;
	struct epoll *inner = target->private;
	if (inner == ep || depth > MAX_NESTS)
		return true;
	list_for_each_entry (it, &inner->items, struct item, link)
		if (makes_loop(it->file, ep, depth + 1))
			return true;
	return false;
}

/* How many instances watch ep above it. */
static int height(struct epoll *ep)
{
	int most = 0;
	list_for_each_entry (it, &ep->file->epoll_items, struct item, file_link) {
		int h = height(it->ep) + 1;
		if (h > most)
			most = h;
	}
	return most;
}

/* Lets the item report what holds already. */
static void start_item(struct item *it, uint32_t bits)
{
	if (bits & it->events)
		make_ready(it);
}

static long add_item(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
	if (find_item(ep, f, fd))
		return -EEXIST;
	if (f->ops == &epoll_ops && makes_loop(f, ep, height(ep)))
		return -ELOOP;
	struct item *it = kzalloc(sizeof *it);
	if (!it)
		return -ENOMEM;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data;
	it->entry.func = on_wake;
	list_init(&it->entry.link);
	list_init(&it->ready_link);
	spin_lock(&ep->lock);
	list_add_tail(&ep->items, &it->link);
	list_add_tail(&f->epoll_items, &it->file_link);
	file_poll(f, &it->wq);
	waitqueue_add(it->wq, &it->entry);
	uint32_t bits = file_poll(f, &it->wq); /* from here on changes wake */
	spin_unlock(&ep->lock);
	start_item(it, bits);
	return 0;
}

static long modify_item(struct epoll *ep, struct item *it, const struct epoll_event *ev)
{
	if (!it)
		return -ENOENT;
	if ((it->events | ev->events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	spin_lock(&ep->lock);
	it->events = ev->events | EPOLLERR | EPOLLHUP;
	it->data = ev->data;
	struct waitqueue *wq;
	uint32_t bits = file_poll(it->file, &wq);
	spin_unlock(&ep->lock);
	start_item(it, bits);
	return 0;
}

static long control(struct file *epf, int op, struct file *f, int fd, struct epoll_event *ev)
{
	if (!f->ops->poll)
		return -EPERM;
	if (epf == f || epf->ops != &epoll_ops)
		return -EINVAL;
	struct epoll *ep = epf->private;
	ev->events &= ~(uint32_t)EPOLLWAKEUP;
	if (op == EPOLL_CTL_ADD && (ev->events & EPOLLEXCLUSIVE) &&
	    (f->ops == &epoll_ops || (ev->events & ~(uint32_t)EXCLUSIVE_OK)))
		return -EINVAL;
	long err = -EINVAL;
	spin_lock(&epoll_tree);
	struct item *it = find_item(ep, f, fd);
	if (op == EPOLL_CTL_ADD) {
		err = add_item(ep, f, fd, ev);
	} else if (op == EPOLL_CTL_MOD) {
		err = modify_item(ep, it, ev);
	} else if (op == EPOLL_CTL_DEL) {
		err = it ? 0 : -ENOENT;
		if (it)
			remove_item(it);
	}
	spin_unlock(&epoll_tree);
	return err;
}

long sys_epoll_ctl(int epfd, int op, int fd, uintptr_t event)
{
	struct epoll_event ev = {.events = 0};
	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, event, sizeof ev))
		return -EFAULT;
	struct file *epf = fd_get(epfd), *f = fd_get(fd);
	long err = epf && f ? control(epf, op, f, fd, &ev) : -EBADF;
	if (f)
		file_put(f);
	if (epf)
		file_put(epf);
	return err;
}
