#include "vfs/fdtable.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sys/rlimit.h"
#include "vfs/locks.h"

/* Everything below is guarded by table_lock. */
static spinlock_t table_lock = SPINLOCK_INIT;
static struct file **files;
static uint64_t *cloexec; /* a bit for each descriptor */
static int capacity;	  /* multiple of 64 */
static int lowest_free;	  /* no descriptor below it is free */
static unsigned open_count;

static int grow(int fd)
{
	int want = capacity ? capacity : 256;
	while (want <= fd)
		want *= 2;
	struct file **f = kzalloc((size_t)want * sizeof *f);
	uint64_t *c = kzalloc((size_t)want / 8);
	if (!f || !c) {
		kfree(f);
		kfree(c);
		return -ENOMEM;
	}
	if (capacity) {
		memcpy(f, files, (size_t)capacity * sizeof *f);
		memcpy(c, cloexec, (size_t)capacity / 8);
	}
	kfree(files);
	kfree(cloexec);
	files = f;
	cloexec = c;
	capacity = want;
	return 0;
}

static void set_bit(int fd, bool on)
{
	uint64_t bit = 1ull << (fd % 64);
	if (on)
		cloexec[fd / 64] |= bit;
	else
		cloexec[fd / 64] &= ~bit;
}

static bool is_open(int fd)
{
	return fd >= 0 && fd < capacity && files[fd];
}

static int limit(void)
{
	uint64_t n = rlimit_get(RLIMIT_NOFILE);
	return n < FD_MAX ? (int)n : (int)FD_MAX;
}

struct file *fd_get_path(int fd)
{
	struct file *f = NULL;
	spin_lock(&table_lock);
	if (is_open(fd))
		f = file_get(files[fd]);
	spin_unlock(&table_lock);
	return f;
}

struct file *fd_get(int fd)
{
	struct file *f = fd_get_path(fd);
	if (f && (atomic_load_explicit(&f->flags, memory_order_relaxed) & O_PATH)) {
		file_put(f);
		return NULL;
	}
	return f;
}

static void put_in(int fd, struct file *f, bool close_on_exec)
{
	files[fd] = f;
	set_bit(fd, close_on_exec);
	open_count++;
}

int fd_install(struct file *f, int min, bool close_on_exec)
{
	if (min < 0 || min >= limit())
		return -EINVAL;
	spin_lock(&table_lock);
	int fd = min > lowest_free ? min : lowest_free;
	while (fd < capacity && files[fd])
		fd++;
	int err = 0;
	if (fd >= limit())
		err = -EMFILE;
	else if (fd >= capacity)
		err = grow(fd);
	if (!err) {
		put_in(fd, f, close_on_exec);
		if (min <= lowest_free)
			lowest_free = fd + 1;
	}
	spin_unlock(&table_lock);
	return err ? err : fd;
}

int fd_install_or_put(struct file *f, bool close_on_exec)
{
	int fd = fd_install(f, 0, close_on_exec);
	if (fd == -EINVAL)
		fd = -EMFILE; /* a limit of none at all */
	if (fd < 0)
		file_put(f);
	return fd;
}

/* The table's reference passes to the caller. */
static struct file *take_out(int fd)
{
	if (!is_open(fd))
		return NULL;
	struct file *f = files[fd];
	files[fd] = NULL;
	set_bit(fd, false);
	open_count--;
	if (fd < lowest_free)
		lowest_free = fd;
	return f;
}

int fd_replace(int fd, struct file *f, bool close_on_exec)
{
	if (fd < 0 || fd >= limit())
		return -EBADF;
	spin_lock(&table_lock);
	int err = fd >= capacity ? grow(fd) : 0;
	struct file *old = NULL;
	if (!err) {
		old = take_out(fd);
		put_in(fd, file_get(f), close_on_exec);
	}
	spin_unlock(&table_lock);
	if (old) {
		locks_descriptor_closed(old);
		file_put(old);
	}
	return err ? err : fd;
}

int fd_close(int fd)
{
	spin_lock(&table_lock);
	struct file *f = take_out(fd);
	spin_unlock(&table_lock);
	if (!f)
		return -EBADF;
	locks_descriptor_closed(f);
	file_put(f);
	return 0;
}

int fd_get_cloexec(int fd)
{
	spin_lock(&table_lock);
	int r = is_open(fd) ? (int)(cloexec[fd / 64] >> (fd % 64) & 1) : -EBADF;
	spin_unlock(&table_lock);
	return r;
}

int fd_set_cloexec(int fd, bool on)
{
	spin_lock(&table_lock);
	int r = is_open(fd) ? 0 : -EBADF;
	if (!r)
		set_bit(fd, on);
	spin_unlock(&table_lock);
	return r;
}

int fd_next(int from)
{
	int fd;
	spin_lock(&table_lock);
	for (fd = from; fd < capacity && !files[fd]; fd++)
		;
	if (fd >= capacity)
		fd = -1;
	spin_unlock(&table_lock);
	return fd;
}

unsigned fd_count(void)
{
	return open_count;
}

unsigned fd_table_size(void)
{
	return (unsigned)capacity;
}
