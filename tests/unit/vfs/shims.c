#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include "boot_info.h"
#include "cmdline.h"
#include "dev/block_file.h"
#include "lib/printk.h"
#include "mm/filemap.h"
#include "mm/kmalloc.h"
#include "mm/oom.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "net/socket.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "signal/signal.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "sys/rlimit.h"
#include "time/clock.h"
#include "shims.h"
#include "vfs/etcfiles.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"
#include "vfs/procfs.h"
#include "vfs/splice.h"
#include "vfs/tree.h"
#include "vfs/vfs.h"

/* The packet tests have timers and a memory of their own. */
#define WEAK __attribute__((weak))

int (*vfs_test_sleep)(uint64_t deadline);
uint64_t vfs_test_monotonic, vfs_test_realtime, vfs_test_pages_left, vfs_test_pages_in_use;
long vfs_test_allocations_left = -1;
int vfs_test_signal;
uintptr_t vfs_test_bad_start, vfs_test_bad_end;
char vfs_test_console[65536];
unsigned vfs_test_console_length;
uint64_t vfs_test_unmapped_first, vfs_test_unmapped_last;

static struct thread the_thread;
struct thread *current_thread = &the_thread;
struct boot_info boot_info;
struct process_ids process_ids;
struct cmdline cmdline = {.hostname = "test", .cwd = "/"};

/* Memory. */

paddr_t page_alloc(unsigned order)
{
	void *p;
	if (vfs_test_pages_left < 1ul << order || posix_memalign(&p, PAGE_SIZE, PAGE_SIZE << order))
		return PADDR_NONE;
	memset(p, 0xa5, PAGE_SIZE << order);
	vfs_test_pages_left -= 1ul << order;
	vfs_test_pages_in_use += 1ul << order;
	return (paddr_t)p;
}

void page_free(paddr_t p, unsigned order)
{
	vfs_test_pages_left += 1ul << order;
	vfs_test_pages_in_use -= 1ul << order;
	free((void *)p);
}

void page_add_range(paddr_t start, paddr_t end)
{
	(void)start, (void)end;
}

size_t page_total(void)
{
	return 0; /* nothing is held back */
}

size_t page_available(void)
{
	return vfs_test_pages_left;
}

void *phys_to_virt(paddr_t p)
{
	return (void *)p;
}

paddr_t virt_to_phys(const void *v)
{
	return (paddr_t)v;
}

static bool may_allocate(void)
{
	if (!vfs_test_allocations_left)
		return false;
	if (vfs_test_allocations_left > 0)
		vfs_test_allocations_left--;
	return true;
}

WEAK void *kmalloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

WEAK void *kzalloc(size_t size)
{
	return may_allocate() ? calloc(1, size) : NULL;
}

WEAK void *krealloc(void *p, size_t size)
{
	return may_allocate() ? realloc(p, size) : NULL;
}

void oom_end(const char *what, size_t bytes)
{
	panic("out of memory: %s, %zu", what, bytes);
}

void mm_unmap_file_range(const void *key, uint64_t first, uint64_t last, bool even_cows)
{
	(void)key, (void)even_cows;
	vfs_test_unmapped_first = first;
	vfs_test_unmapped_last = last;
}

/* The program's memory. */

bool (*vfs_test_bad)(uintptr_t at, size_t n);

static bool bad(uintptr_t at, size_t n)
{
	if (!n)
		return false;
	if (vfs_test_bad && at >= PAGE_SIZE && at < USER_END && n <= USER_END - at &&
	    vfs_test_bad(at, n))
		return true;
	return at < PAGE_SIZE || at >= USER_END || n > USER_END - at ||
	       (at < vfs_test_bad_end && at + n > vfs_test_bad_start);
}

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	if (bad(src, n))
		return -EFAULT;
	memcpy(dst, (const void *)src, n);
	return 0;
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	if (bad(dst, n))
		return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

int zero_user(uintptr_t dst, size_t n)
{
	if (bad(dst, n))
		return -EFAULT;
	memset((void *)dst, 0, n);
	return 0;
}

WEAK size_t copy_from_user_partial(void *dst, uintptr_t src, size_t n)
{
	size_t done = 0;
	while (done < n && !copy_from_user((char *)dst + done, src + done, 1))
		done++;
	return done;
}

WEAK size_t copy_to_user_partial(uintptr_t dst, const void *src, size_t n)
{
	size_t done = 0;
	while (done < n && !copy_to_user(dst + done, (const char *)src + done, 1))
		done++;
	return done;
}

long strncpy_from_user(char *dst, uintptr_t src, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bad(src + i, 1))
			return -EFAULT;
		dst[i] = *(const char *)(src + i);
		if (!dst[i])
			return (long)i;
	}
	return -ENAMETOOLONG;
}

int get_user_u32(uint32_t *value, uintptr_t src)
{
	return copy_from_user(value, src, sizeof *value);
}

int put_user_u32(uintptr_t dst, uint32_t value)
{
	return copy_to_user(dst, &value, sizeof value);
}

/* Threads, waiting, time. */

void waitqueue_init(struct waitqueue *wq)
{
	list_init(&wq->waiters);
}

void waitqueue_add(struct waitqueue *wq, struct wait_entry *e)
{
	list_add_tail(&wq->waiters, &e->link);
}

void waitqueue_remove(struct waitqueue *wq, struct wait_entry *e)
{
	(void)wq;
	list_remove(&e->link);
}

unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events)
{
	unsigned n = 0;
	list_for_each_entry_safe (e, &wq->waiters, struct wait_entry, link) {
		if (n >= max)
			break;
		n += e->func ? e->func(e, events) : true;
	}
	return n;
}

void wait_prepare(struct waitqueue *wq, struct wait_entry *e)
{
	e->func = NULL;
	waitqueue_add(wq, e);
}

int wait_sleep(uint64_t deadline)
{
	if (!vfs_test_sleep)
		panic("would sleep for ever");
	return vfs_test_sleep(deadline);
}

void wait_finish(struct waitqueue *wq, struct wait_entry *e)
{
	waitqueue_remove(wq, e);
}

uint64_t clock_monotonic(void)
{
	return vfs_test_monotonic;
}

uint64_t clock_realtime(void)
{
	return vfs_test_realtime;
}

uint64_t clock_wall_offset(void)
{
	return vfs_test_realtime - vfs_test_monotonic;
}

WEAK void timer_arm(struct timer *t, uint64_t expires)
{
	t->expires = expires;
	t->armed = true;
}

WEAK bool timer_cancel(struct timer *t)
{
	bool armed = t->armed;
	t->armed = false;
	return armed;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
	(void)t, (void)info;
	vfs_test_signal = sig;
	return 0;
}

int signal_send_process(int sig, const siginfo_t *info)
{
	return signal_send_thread(NULL, sig, info);
}

int signal_mask_begin(uintptr_t set, size_t size)
{
	if (!set)
		return 0;
	if (size != sizeof(uint64_t))
		return -EINVAL;
	current->sig.saved_mask = current->sig.blocked;
	current->sig.has_saved_mask = true;
	return copy_from_user(&current->sig.blocked, set, size);
}

long signal_mask_end(long result)
{
	if (current->sig.has_saved_mask && result != -EINTR) {
		current->sig.has_saved_mask = false;
		current->sig.blocked = current->sig.saved_mask;
	}
	return result;
}

uint64_t rlimit_get(unsigned resource)
{
	return resource == RLIMIT_NOFILE ? 1024 : RLIM64_INFINITY;
}

WEAK bool process_capable(int cap)
{
	(void)cap;
	return true;
}

WEAK bool process_group_at(unsigned i, unsigned *group)
{
	(void)i, (void)group;
	return false;
}

bool process_privileged(void)
{
	return !process_ids.euid;
}

void console_write(const char *s, size_t n)
{
	for (size_t i = 0; i < n && vfs_test_console_length < sizeof vfs_test_console; i++)
		vfs_test_console[vfs_test_console_length++] = s[i];
}

void random_bytes(void *p, size_t n);
WEAK void random_bytes(void *p, size_t n)
{
	memset(p, 4, n);
}

void procfs_init(void)
{
}

WEAK bool etcfiles_replace(const char *path, const char *text, size_t n)
{
	(void)path, (void)text, (void)n;
	return true;
}

WEAK void etcfiles_hostname(void)
{
}

void etcfiles_init(void)
{
	dentry_put(tree_mkdir(&super_tmpfs, "/etc", 0755));
}

/* Setting up: the tree is made once, and /tmp emptied after each test. */

static void empty(struct dentry *d)
{
	list_for_each_entry_safe (child, &d->inode->dir.entries, struct dentry, sibling) {
		if (inode_is(child->inode, S_IFDIR))
			empty(child);
		dir_remove(child);
	}
}

int vfs_test_setup(void **state)
{
	(void)state;
	vfs_test_monotonic = 1000000000;
	vfs_test_realtime = 1700000000000000000;
	vfs_test_pages_left = 1ul << 20;
	vfs_test_allocations_left = -1;
	vfs_test_signal = 0;
	vfs_test_sleep = NULL;
	vfs_test_bad_start = vfs_test_bad_end = 0;
	vfs_test_console_length = 0;
	process_ids = (struct process_ids){.uid = 0};
	if (!tree_root)
		vfs_init();
	for (int fd = 0; fd < 3; fd++)
		fd_close(fd);
	return 0;
}

int vfs_test_teardown(void **state)
{
	(void)state;
	for (int fd; (fd = fd_next(0)) >= 0;)
		fd_close(fd);
	cwd_set(tree_root);
	struct dentry *tmp = path_lookup_kernel("/tmp");
	empty(tmp);
	dentry_put(tmp);
	if (vfs_test_pages_in_use)
		panic("%lu pages are not free", vfs_test_pages_in_use);
	return 0;
}

void vfs_test_remove_all(void)
{
	empty(tree_root);
	tree_root->inode->mode = S_IFDIR | 0755;
	dentry_put(tree_mkdir(&super_tmpfs, "/tmp", 01777));
}

/* Where the network is not linked in, no file is a socket. */
WEAK struct socket *socket_of(struct file *f)
{
	(void)f;
	return NULL;
}

WEAK long splice_to_socket(struct file *f, struct uio *u, bool more)
{
	(void)f, (void)u, (void)more;
	panic("a socket without a network");
}

WEAK long splice_from_socket(struct file *f, struct uio *u)
{
	return splice_to_socket(f, u, false);
}

WEAK long splice_constant_to_socket(struct file *f, const void *data, size_t len,
				    struct backing *backing, bool more)
{
	(void)data, (void)len, (void)backing;
	return splice_to_socket(f, NULL, more);
}

WEAK int splice_wait_socket(struct file *f, bool write, bool nonblock)
{
	(void)write, (void)nonblock;
	return (int)splice_to_socket(f, NULL, false);
}

/* /sys/class/net is not looked at. */
void sys_class_net_init(void);
WEAK void sys_class_net_init(void)
{
}

/* There are no disks on the host. */
WEAK int block_open(struct inode *i, struct dentry *dentry, unsigned flags, struct file **out)
{
	(void)i, (void)dentry, (void)flags, (void)out;
	return -ENXIO;
}

WEAK bool block_direct_alignment(const struct inode *i, uint32_t *memory, uint32_t *offset)
{
	(void)i, (void)memory, (void)offset;
	return false;
}

WEAK void block_sync_all(void)
{
}
