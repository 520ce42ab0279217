/*
 * poll(2), ppoll(2), select(2), pselect6(2). Each file's wait queue gets an entry whose callback
 * marks the call as triggered and wakes it; then all files are looked at again. No lock of its own:
 * the entries belong to the calling thread.
 */
#include <asm/errno.h>
#include <asm/poll.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "sys/rlimit.h"
#include "time/clock.h"
#include "time/deadline.h"
#include "vfs/fdtable.h"

struct poller {
	struct waitqueue wait;
	_Atomic bool triggered;
};

struct watch {
	struct wait_entry entry;
	struct poller *poller;
	struct waitqueue *wq;
	struct file *file;
	uint32_t events; /* asked, with ERR and HUP */
	int fd;
};

static bool on_wake(struct wait_entry *e, uint32_t events)
{
	struct watch *w = container_of(e, struct watch, entry);
	if (events && !(events & w->events))
		return false;
	atomic_store(&w->poller->triggered, true);
	waitqueue_wake_all(&w->poller->wait, events);
	return true;
}

/* Looks the file up and says what holds; registers if it is to be waited for. */
static uint32_t start_watch(struct watch *w, struct poller *p, bool wait)
{
	struct waitqueue *wq;
	w->poller = p;
	w->file = fd_get(w->fd);
	if (!w->file)
		return POLLNVAL;
	uint32_t bits = file_poll(w->file, &wq) & w->events;
	if (bits || !wait || !wq)
		return bits;
	w->entry = (struct wait_entry){.func = on_wake};
	list_init(&w->entry.link);
	w->wq = wq;
	waitqueue_add(wq, &w->entry);
	return file_poll(w->file, &wq) & w->events;
}

static void end_watch(struct watch *w)
{
	if (w->wq)
		waitqueue_remove(w->wq, &w->entry);
	file_put(w->file);
}

/* Waits until one of the n watches holds. result[i] gets the bits. The number that hold, 0 at the
 * deadline (0: do not wait), -EINTR. */
static long watch_all(struct watch *w, uint32_t *result, size_t n, uint64_t deadline)
{
	struct poller p = {.triggered = false};
	long count = 0;
	int err = 0;
	waitqueue_init(&p.wait);
	for (size_t i = 0; i < n; i++) {
		result[i] = w[i].fd < 0 ? 0 : start_watch(&w[i], &p, deadline && !count);
		count += result[i] != 0;
	}
	while (!count && deadline && !err) {
		err = wait_event(&p.wait, atomic_load(&p.triggered), deadline);
		atomic_store(&p.triggered, false);
		for (size_t i = 0; i < n; i++) {
			struct waitqueue *wq;
			if (w[i].file)
				result[i] = file_poll(w[i].file, &wq) & w[i].events;
			count += result[i] != 0;
		}
	}
	for (size_t i = 0; i < n; i++)
		end_watch(&w[i]);
	if (!count && err == -ERESTARTSYS)
		return -EINTR;
	return count;
}

struct user_pollfd {
	int fd;
	int16_t events, revents;
};

static long poll(uintptr_t fds, unsigned n, uint64_t deadline)
{
	if (n > rlimit_get(RLIMIT_NOFILE))
		return -EINVAL;
	struct user_pollfd *u = kmalloc(n * sizeof *u + 1);
	struct watch *w = kzalloc(n * sizeof *w + 1);
	uint32_t *result = kzalloc(n * sizeof *result + 1);
	long r = u && w && result ? 0 : -ENOMEM;
	if (!r && n && copy_from_user(u, fds, n * sizeof *u))
		r = -EFAULT;
	for (unsigned i = 0; !r && i < n; i++) {
		w[i].fd = u[i].fd;
		w[i].events = (uint16_t)u[i].events | EPOLLERR | EPOLLHUP | POLLNVAL;
	}
	if (!r) {
		r = watch_all(w, result, n, deadline);
		for (unsigned i = 0; r >= 0 && i < n; i++) {
			int16_t bits = (int16_t)result[i];
			uintptr_t at = fds + i * sizeof *u + offsetof(struct user_pollfd, revents);
			if (copy_to_user(at, &bits, sizeof bits))
				r = -EFAULT;
		}
	}
	kfree(u);
	kfree(w);
	kfree(result);
	return r;
}

long sys_poll(uintptr_t fds, unsigned n, int timeout)
{
	uint64_t deadline = timeout < 0 ? WAIT_FOREVER
			    : timeout	? clock_monotonic() + (uint64_t)timeout * 1000000u
					: 0;
	return poll(fds, n, deadline);
}

/* The time left, as ppoll and pselect6 leave it in the program's timespec. */
static void put_time_left(uintptr_t timeout, uint64_t deadline, uint64_t unit)
{
	uint64_t now = clock_monotonic(), left = deadline > now ? deadline - now : 0;
	int64_t t[2] = {(int64_t)(left / 1000000000u), (int64_t)(left % 1000000000u / unit)};
	if (timeout && deadline != WAIT_FOREVER)
		(void)copy_to_user(timeout, t, sizeof t); /* Linux ignores a failure too */
}

long sys_ppoll(uintptr_t fds, unsigned n, uintptr_t timeout, uintptr_t mask, size_t size)
{
	uint64_t deadline;
	long r = deadline_timespec(timeout, &deadline);
	if (!r)
		r = signal_mask_begin(mask, size);
	if (r)
		return r;
	r = signal_mask_end(poll(fds, n, deadline));
	put_time_left(timeout, deadline, 1);
	return r;
}

/* select(2). The three sets are bit maps of n bits in whole 64-bit words. */

#define IN_BITS	 (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR)
#define OUT_BITS (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR)
#define EX_BITS	 EPOLLPRI

static const uint32_t set_bits[3] = {IN_BITS, OUT_BITS, EX_BITS};

static bool has(const uint64_t *set, unsigned fd)
{
	return set[fd / 64] >> (fd % 64) & 1;
}

/* Fills sets (3 maps of words) with what holds. */
static long select_sets(unsigned n, uint64_t *sets, size_t words, uint64_t deadline)
{
	size_t count = 0, k = 0;
	for (size_t i = 0; i < 3 * words; i++)
		for (uint64_t w = sets[i]; w; w &= w - 1)
			count++;
	struct watch *w = kzalloc(count * sizeof *w + 1);
	uint32_t *result = kzalloc(count * sizeof *result + 1);
	long r = w && result ? 0 : -ENOMEM;
	for (unsigned fd = 0; !r && fd < n; fd++) {
		uint32_t events = 0;
		for (int s = 0; s < 3; s++)
			if (has(sets + (size_t)s * words, fd))
				events |= set_bits[s];
		if (!events)
			continue;
		w[k].fd = (int)fd;
		w[k++].events = events | POLLNVAL;
	}
	if (!r)
		r = watch_all(w, result, k, deadline);
	for (size_t i = 0; r >= 0 && i < k; i++)
		if (result[i] & POLLNVAL)
			r = -EBADF;
	if (r >= 0) {
		r = 0;
		for (size_t i = 0; i < k; i++) {
			unsigned fd = (unsigned)w[i].fd;
			for (int s = 0; s < 3; s++) {
				uint64_t *set = sets + (size_t)s * words;
				if (!has(set, fd))
					continue;
				if (result[i] & set_bits[s])
					r++;
				else
					set[fd / 64] &= ~(1ull << (fd % 64));
			}
		}
	}
	kfree(w);
	kfree(result);
	return r;
}

static long select(int n, uintptr_t in, uintptr_t out, uintptr_t ex, uint64_t deadline)
{
	if (n < 0)
		return -EINVAL;
	if (n > (int)FD_MAX)
		n = (int)FD_MAX;
	/* Bits past the table are ignored, as by Linux; within a word all count. */
	if ((unsigned)n > fd_table_size())
		n = (int)fd_table_size();
	size_t words = ((size_t)n + 63) / 64;
	uint64_t *sets = kzalloc(3 * words * 8 + 1);
	if (!sets)
		return -ENOMEM;
	const uintptr_t user[3] = {in, out, ex};
	long r = 0;
	for (size_t s = 0; s < 3; s++) {
		if (user[s] && copy_from_user(sets + s * words, user[s], words * 8))
			r = -EFAULT;
		if (n % 64)
			sets[s * words + words - 1] &= (1ull << (n % 64)) - 1;
	}
	if (!r)
		r = select_sets((unsigned)n, sets, words, deadline);
	for (size_t s = 0; r >= 0 && s < 3; s++)
		if (user[s] && copy_to_user(user[s], sets + s * words, words * 8))
			r = -EFAULT;
	kfree(sets);
	return r;
}

long sys_select(int n, uintptr_t in, uintptr_t out, uintptr_t ex, uintptr_t timeout)
{
	uint64_t deadline = WAIT_FOREVER;
	int64_t t[2];
	if (timeout) {
		if (copy_from_user(t, timeout, sizeof t))
			return -EFAULT;
		if (t[0] < 0 || t[1] < 0)
			return -EINVAL;
		if (!t[0] && !t[1])
			deadline = 0;
		else if (t[0] < 9000000000 && t[1] < 9000000000)
			deadline = clock_monotonic() + (uint64_t)t[0] * 1000000000u +
				   (uint64_t)t[1] * 1000u;
	}
	long r = select(n, in, out, ex, deadline);
	put_time_left(timeout, deadline, 1000);
	return r;
}

long sys_pselect6(int n, uintptr_t in, uintptr_t out, uintptr_t ex, uintptr_t timeout,
		  uintptr_t mask_arg)
{
	struct {
		uintptr_t mask;
		size_t size;
	} arg = {0, 0};
	uint64_t deadline;
	long r = deadline_timespec(timeout, &deadline);
	if (!r && mask_arg && copy_from_user(&arg, mask_arg, sizeof arg))
		r = -EFAULT;
	if (!r)
		r = signal_mask_begin(arg.mask, arg.size);
	if (r)
		return r;
	r = signal_mask_end(select(n, in, out, ex, deadline));
	put_time_left(timeout, deadline, 1);
	return r;
}
