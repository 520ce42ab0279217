#include "vfs/pipe.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "vfs/inode.h"

#define PIPE_ATOMIC  4096u /* PIPE_BUF: writes up to it are not torn */
#define PIPE_DEFAULT 65536u
#define PIPE_VECS    32		/* pages that are handed out at a time */
#define PIPE_LIMIT   (1u << 20) /* /proc/sys/fs/pipe-max-size */

/* A ring of bytes in pages that come when they are needed and go when the pipe runs empty. */
struct pipe {
	spinlock_t lock; /* guards all below but the queues */
	/* Who reads, who writes, and who does both or opens. */
	struct waitqueue readable, writable, any;
	uint8_t **pages; /* capacity / PAGE_SIZE of them, NULL where none is needed */
	unsigned capacity;
	unsigned start, length; /* the bytes in it */
	bool filling, draining; /* pipe_fill or pipe_drain is at work outside of the lock */
	unsigned readers, writers;
	unsigned reader_opens, writer_opens; /* ever: what opening a FIFO waits for */
};

struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof *p);
	if (!p)
		return NULL;
	p->capacity = PIPE_DEFAULT;
	p->pages = kzalloc(p->capacity / PAGE_SIZE * sizeof *p->pages);
	if (!p->pages) {
		kfree(p);
		return NULL;
	}
	waitqueue_init(&p->readable);
	waitqueue_init(&p->writable);
	waitqueue_init(&p->any);
	return p;
}

static void wake(struct pipe *p, uint32_t events)
{
	if (events & ~(uint32_t)(EPOLLOUT | EPOLLWRNORM))
		waitqueue_wake_all(&p->readable, events);
	if (events & ~(uint32_t)(EPOLLIN | EPOLLRDNORM))
		waitqueue_wake_all(&p->writable, events);
	waitqueue_wake_all(&p->any, events);
}

static void free_pages(struct pipe *p, unsigned from)
{
	for (unsigned i = from; i < p->capacity / PAGE_SIZE; i++) {
		if (p->pages[i])
			page_free(virt_to_phys(p->pages[i]), 0);
		p->pages[i] = NULL;
	}
}

void pipe_free(struct pipe *p)
{
	free_pages(p, 0);
	kfree(p->pages);
	kfree(p);
}

/* The memory of ring position pos, *n bytes of it (at most max); NULL and 0 when memory is out. */
static uint8_t *at(struct pipe *p, unsigned pos, unsigned max, unsigned *n)
{
	*n = 0;
	pos %= p->capacity;
	uint8_t **page = &p->pages[pos / PAGE_SIZE];
	if (!*page) {
		paddr_t mem = page_alloc(0);
		if (mem == PADDR_NONE)
			return NULL;
		*page = phys_to_virt(mem);
	}
	unsigned offset = pos % (unsigned)PAGE_SIZE;
	*n = (unsigned)PAGE_SIZE - offset < max ? (unsigned)PAGE_SIZE - offset : max;
	return *page + offset;
}

/* What an empty pipe need not keep. */
static void forget_empty(struct pipe *p)
{
	if (!p->length && !p->filling) {
		p->start = 0;
		free_pages(p, 1);
	}
}

static long take_bytes(struct pipe *p, struct uio *u)
{
	long done = 0;
	while (p->length && u->left) {
		unsigned n, max = u->left < p->length ? (unsigned)u->left : p->length;
		uint8_t *mem = at(p, p->start, max, &n);
		unsigned got = (unsigned)uio_put(u, mem, n);
		p->start = (p->start + got) % p->capacity;
		p->length -= got;
		done += got;
		if (got < n)
			return done ? done : -EFAULT;
	}
	forget_empty(p);
	return done;
}

static long add_bytes(struct pipe *p, struct uio *u)
{
	long done = 0;
	while (p->length < p->capacity && u->left) {
		unsigned n, space = p->capacity - p->length;
		unsigned max = u->left < space ? (unsigned)u->left : space;
		uint8_t *mem = at(p, p->start + p->length, max, &n);
		if (!mem)
			return done ? done : -ENOMEM;
		unsigned got = (unsigned)uio_get(u, mem, n);
		p->length += got;
		done += got;
		if (got < n)
			return done ? done : -EFAULT;
	}
	return done;
}

/* A reader has something to do. */
static bool readable_now(const struct pipe *p)
{
	return !p->draining && (p->length || !p->writers);
}

static bool writable_now(const struct pipe *p, unsigned need)
{
	return !p->readers || (!p->filling && p->capacity - p->length >= need);
}

static long pipe_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = f->inode->pipe;
	(void)pos;
	for (;;) {
		spin_lock(&p->lock);
		if (p->length && !p->draining) {
			bool was_full = p->capacity - p->length < PIPE_ATOMIC;
			long n = take_bytes(p, u);
			bool room = p->capacity - p->length >= PIPE_ATOMIC;
			spin_unlock(&p->lock);
			if (was_full && room)
				wake(p, EPOLLOUT | EPOLLWRNORM);
			return n;
		}
		bool eof = !p->writers && !p->length;
		spin_unlock(&p->lock);
		if (eof)
			return 0;
		if (file_nonblock(f))
			return -EAGAIN;
		int err = wait_event(&p->readable, readable_now(p), WAIT_FOREVER);
		if (err)
			return err;
	}
}

static long broken_pipe(void)
{
	siginfo_t info = {.si_signo = SIGPIPE, .si_code = SI_USER};
	signal_send_thread(current, SIGPIPE, &info);
	return -EPIPE;
}

static long pipe_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = f->inode->pipe;
	long done = 0;
	(void)pos;
	for (;;) {
		/* What fits in PIPE_BUF goes in whole. */
		unsigned need = !done && u->left <= PIPE_ATOMIC ? (unsigned)u->left : 1;
		long n = 0;
		spin_lock(&p->lock);
		if (!p->readers) {
			spin_unlock(&p->lock);
			return done ? done : broken_pipe();
		}
		if (writable_now(p, need))
			n = add_bytes(p, u);
		spin_unlock(&p->lock);
		if (n > 0) {
			done += n;
			wake(p, EPOLLIN | EPOLLRDNORM);
		}
		if (n < 0)
			return done ? done : n;
		if (!u->left)
			return done;
		if (file_nonblock(f))
			return done ? done : -EAGAIN;
		if (done)
			need = u->left < PIPE_ATOMIC ? (unsigned)u->left : PIPE_ATOMIC;
		int err = wait_event(&p->writable, writable_now(p, need), WAIT_FOREVER);
		if (err)
			return done ? done : err;
	}
}

static uint32_t pipe_poll(struct file *f, struct waitqueue **wq)
{
	struct pipe *p = f->inode->pipe;
	uint32_t events = 0;
	*wq = !f->can_write ? &p->readable : f->can_read ? &p->any : &p->writable;
	spin_lock(&p->lock);
	if (f->can_read) {
		if (p->length)
			events |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO that had no writer since this reader opened it is not hung up. */
		if (!p->writers && f->pos != p->writer_opens)
			events |= EPOLLHUP;
	}
	if (f->can_write) {
		if (p->capacity - p->length >= PIPE_ATOMIC)
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			events |= EPOLLERR;
	}
	spin_unlock(&p->lock);
	return events;
}

static long pipe_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	if (cmd != FIONREAD)
		return -ENOTTY;
	struct pipe *p = f->inode->pipe;
	spin_lock(&p->lock);
	uint32_t n = p->length;
	spin_unlock(&p->lock);
	return put_user_u32(arg, n);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->inode->pipe;
	spin_lock(&p->lock);
	if (f->can_read)
		p->readers--;
	if (f->can_write)
		p->writers--;
	bool unused = !p->readers && !p->writers;
	if (unused) { /* a FIFO forgets what nobody read */
		p->start = p->length = 0;
		free_pages(p, 0);
	}
	spin_unlock(&p->lock);
	wake(p, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR);
}

static const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

/* An open end. Counts it, so that releasing it is right. */
static struct file *open_end(struct inode *inode, struct dentry *dentry, unsigned flags)
{
	struct pipe *p = inode->pipe;
	struct file *f = file_new(&pipe_ops, flags, inode, dentry, NULL);
	if (!f)
		return NULL;
	spin_lock(&p->lock);
	if (f->can_read) {
		p->readers++;
		p->reader_opens++;
	}
	if (f->can_write) {
		p->writers++;
		p->writer_opens++;
	}
	f->pos = p->writers ? UINT64_MAX : p->writer_opens;
	spin_unlock(&p->lock);
	return f;
}

int pipe_create(unsigned flags, struct file **rd, struct file **wr)
{
	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (flags & O_DIRECT)
		return -EINVAL; /* packet mode: as a kernel without it */
	struct inode *i = inode_new(&super_pipefs, S_IFIFO | S_IRUSR | S_IWUSR);
	if (!i)
		return -ENOMEM;
	i->nlink = 1;
	i->pipe = pipe_new();
	*rd = *wr = NULL;
	if (i->pipe) {
		*wr = open_end(i, NULL, O_WRONLY | (flags & O_NONBLOCK));
		if (*wr)
			*rd = open_end(i, NULL, O_RDONLY | (flags & O_NONBLOCK));
	}
	inode_put(i);
	if (*rd)
		return 0;
	file_put(*wr);
	return -ENOMEM;
}

int pipe_open(struct inode *inode, struct dentry *dentry, unsigned flags, struct file **out)
{
	struct pipe *fresh = pipe_new();
	if (!fresh)
		return -ENOMEM;
	spin_lock(&inode->lock);
	if (!inode->pipe) {
		inode->pipe = fresh;
		fresh = NULL;
	}
	spin_unlock(&inode->lock);
	if (fresh)
		pipe_free(fresh);
	struct pipe *p = inode->pipe;
	unsigned mode = flags & O_ACCMODE;
	if (mode == O_WRONLY && (flags & O_NONBLOCK) && !p->readers)
		return -ENXIO;
	unsigned readers = p->reader_opens, writers = p->writer_opens;
	struct file *f = open_end(inode, dentry, flags);
	if (!f)
		return -ENOMEM;
	wake(p, EPOLLHUP);
	int err = 0;
	if (!(flags & O_NONBLOCK) && mode == O_RDONLY && !p->writers)
		err = wait_event(&p->any, p->writer_opens != writers, WAIT_FOREVER);
	if (!(flags & O_NONBLOCK) && mode == O_WRONLY && !p->readers)
		err = wait_event(&p->any, p->reader_opens != readers, WAIT_FOREVER);
	if (err) {
		file_put(f);
		return err;
	}
	if (p->writer_opens != writers)
		f->pos = UINT64_MAX;
	*out = f;
	return 0;
}

struct pipe *pipe_of(struct file *f)
{
	return f->ops == &pipe_ops ? f->inode->pipe : NULL;
}

long pipe_get_size(struct file *f)
{
	struct pipe *p = pipe_of(f);
	return p ? (long)p->capacity : -EBADF;
}

long pipe_set_size(struct file *f, unsigned long size)
{
	struct pipe *p = pipe_of(f);
	if (!p)
		return -EBADF;
	if (size > 1u << 31)
		return -EINVAL;
	if (size > PIPE_LIMIT)
		return -EPERM;
	unsigned capacity = (unsigned)PAGE_SIZE;
	while (capacity < size)
		capacity *= 2;
	uint8_t **pages = kzalloc(capacity / PAGE_SIZE * sizeof *pages);
	if (!pages)
		return -ENOMEM;
	/* The bytes move to the front of a new ring. */
	struct pipe next = {.pages = pages, .capacity = capacity};
	long err = 0;
	spin_lock(&p->lock);
	if (p->length > capacity || p->filling || p->draining)
		err = -EBUSY;
	while (!err && next.length < p->length) {
		unsigned n, m;
		uint8_t *src = at(p, p->start + next.length, p->length - next.length, &n);
		uint8_t *dst = at(&next, next.length, n, &m);
		if (!dst) {
			err = -ENOMEM;
			break;
		}
		memcpy(dst, src, m);
		next.length += m;
	}
	struct pipe old = {.pages = p->pages, .capacity = p->capacity};
	if (err) {
		old = next;
	} else {
		p->pages = next.pages;
		p->capacity = capacity;
		p->start = 0;
	}
	spin_unlock(&p->lock);
	free_pages(&old, 0);
	kfree(old.pages);
	if (!err)
		wake(p, EPOLLOUT | EPOLLWRNORM);
	return err ? err : (long)capacity;
}

/* Makes u the ring's memory from pos on, at most max bytes. */
static void window(struct pipe *p, struct uio *u, struct uio_vec *vec, unsigned pos, size_t max)
{
	uio_init_kernel(u, NULL, 0);
	u->vec = vec;
	u->count = 0;
	while (u->left < max && u->count < PIPE_VECS) {
		unsigned n;
		size_t want = max - u->left;
		uint8_t *mem = at(p, pos, want > p->capacity ? p->capacity : (unsigned)want, &n);
		if (!mem)
			break;
		vec[u->count++] = (struct uio_vec){(uintptr_t)mem, n};
		u->left += n;
		pos += n;
	}
}

long pipe_fill(struct file *f, size_t max, pipe_transfer fn, void *ctx)
{
	struct pipe *p = f->inode->pipe;
	struct uio_vec vec[PIPE_VECS];
	struct uio u;
	spin_lock(&p->lock);
	if (!p->readers) {
		spin_unlock(&p->lock);
		return broken_pipe();
	}
	unsigned space = p->filling ? 0 : p->capacity - p->length;
	window(p, &u, vec, p->start + p->length, max < space ? max : space);
	p->filling |= u.left > 0;
	spin_unlock(&p->lock);
	if (!u.left)
		return space ? -ENOMEM : -EAGAIN;
	long n = fn(ctx, &u);
	spin_lock(&p->lock);
	p->filling = false;
	if (n > 0)
		p->length += (unsigned)n;
	forget_empty(p);
	spin_unlock(&p->lock);
	/* Writers may have waited for their turn. */
	wake(p, (n > 0 ? EPOLLIN | EPOLLRDNORM : 0) | EPOLLOUT | EPOLLWRNORM);
	return n;
}

long pipe_drain(struct file *f, size_t max, bool consume, pipe_transfer fn, void *ctx)
{
	struct pipe *p = f->inode->pipe;
	struct uio_vec vec[PIPE_VECS];
	struct uio u;
	spin_lock(&p->lock);
	unsigned length = p->draining ? 0 : p->length;
	bool end = !p->writers && !p->length;
	window(p, &u, vec, p->start, max < length ? max : length);
	p->draining |= u.left > 0;
	spin_unlock(&p->lock);
	if (!u.left)
		return end ? 0 : -EAGAIN;
	long n = fn(ctx, &u);
	spin_lock(&p->lock);
	p->draining = false;
	if (n > 0 && consume) {
		p->start = (p->start + (unsigned)n) % p->capacity;
		p->length -= (unsigned)n;
		forget_empty(p);
	}
	spin_unlock(&p->lock);
	wake(p, EPOLLIN | EPOLLRDNORM | (n > 0 && consume ? EPOLLOUT | EPOLLWRNORM : 0));
	return n;
}

int pipe_wait_space(struct file *f, bool nonblock)
{
	struct pipe *p = f->inode->pipe;
	if (writable_now(p, 1))
		return 0;
	return nonblock ? -EAGAIN : wait_event(&p->writable, writable_now(p, 1), WAIT_FOREVER);
}

int pipe_wait_bytes(struct file *f, bool nonblock)
{
	struct pipe *p = f->inode->pipe;
	if (readable_now(p))
		return 0;
	return nonblock ? -EAGAIN : wait_event(&p->readable, readable_now(p), WAIT_FOREVER);
}
