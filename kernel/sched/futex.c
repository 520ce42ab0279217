/* Futexes. There is one address space, so private and shared ones are keyed alike by address. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include "mm/uaccess.h"
#include "sched/futex.h"
#include "sched/sched.h"
#include "sched/wait.h"
#include "time/clock.h"

#define BUCKETS 64

struct bucket {
	spinlock_t lock;
	struct list waiters; /* of futex_waiter.link, first come first woken */
};

/* On the waiter's stack; owned by the bucket's lock while queued. */
struct futex_waiter {
	struct list link;
	struct thread *thread;
	uintptr_t addr;
	uint32_t bitset;
	struct bucket *bucket; /* changes on requeue; NULL once woken */
};

static struct bucket buckets[BUCKETS];

void futex_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i].waiters);
}

static struct bucket *bucket_of(uintptr_t addr)
{
	return &buckets[(addr >> 2 ^ addr >> 9 ^ addr >> 16) % BUCKETS];
}

static unsigned wake_locked(struct bucket *b, uintptr_t addr, unsigned n, uint32_t bitset)
{
	unsigned woken = 0;

	list_for_each_entry_safe (w, &b->waiters, struct futex_waiter, link) {
		if (woken == n)
			break;
		if (w->addr != addr || !(w->bitset & bitset))
			continue;
		list_remove(&w->link);
		/* The waiter may return and its stack go as soon as bucket is NULL. */
		struct thread *t = w->thread;
		__atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
		thread_wake(t);
		woken++;
	}
	return woken;
}

static unsigned wake(uintptr_t addr, unsigned n, uint32_t bitset)
{
	struct bucket *b = bucket_of(addr);

	if (list_empty(&b->waiters))
		return 0;
	spin_lock(&b->lock);
	unsigned woken = wake_locked(b, addr, n, bitset);
	spin_unlock(&b->lock);
	return woken;
}

unsigned futex_wake_address(uintptr_t addr, unsigned n)
{
	return wake(addr, n, FUTEX_BITSET_MATCH_ANY);
}

static void unqueue(struct futex_waiter *w)
{
	struct bucket *b;

	while ((b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE))) {
		spin_lock(&b->lock);
		bool same = w->bucket == b; /* else requeued meanwhile */
		if (same) {
			list_remove(&w->link);
			w->bucket = NULL;
		}
		spin_unlock(&b->lock);
		if (same)
			break;
	}
}

static long futex_wait(uintptr_t addr, uint32_t expected, uint64_t deadline, uint32_t bitset)
{
	struct bucket *b = bucket_of(addr);
	struct futex_waiter w = {.thread = current, .addr = addr, .bitset = bitset};
	uint32_t value;
	int r;

	if (!bitset)
		return -EINVAL;
	current->woken = false;
	spin_lock(&b->lock);
	r = get_user_u32(&value, addr);
	if (r < 0 || value != expected) {
		spin_unlock(&b->lock);
		return r < 0 ? r : -EAGAIN;
	}
	w.bucket = b;
	list_add_tail(&b->waiters, &w.link);
	spin_unlock(&b->lock);

	r = 0;
	while (!r && __atomic_load_n(&w.bucket, __ATOMIC_ACQUIRE))
		r = wait_sleep(deadline);
	if (!__atomic_load_n(&w.bucket, __ATOMIC_ACQUIRE))
		return 0; /* woken, whatever else happened */
	unqueue(&w);
	/* An interrupted wait with a timeout is not restarted with the whole of it (signal(7)). */
	return r == -ERESTARTSYS && deadline != WAIT_FOREVER ? -EINTR : r;
}

static void lock_two(struct bucket *a, struct bucket *b)
{
	if (a > b) {
		struct bucket *t = a;
		a = b;
		b = t;
	}
	spin_lock(&a->lock);
	if (a != b)
		spin_lock(&b->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static long futex_requeue(uintptr_t from, uintptr_t to, int nwake, int nmove, bool compare,
			  uint32_t expected)
{
	struct bucket *a = bucket_of(from), *b = bucket_of(to);
	int moved = 0;

	if (nwake < 0 || nmove < 0)
		return -EINVAL;
	lock_two(a, b);
	if (compare) {
		uint32_t value;
		int r = get_user_u32(&value, from);

		if (r < 0 || value != expected) {
			unlock_two(a, b);
			return r < 0 ? r : -EAGAIN;
		}
	}
	int woken = (int)wake_locked(a, from, (unsigned)nwake, FUTEX_BITSET_MATCH_ANY);
	list_for_each_entry_safe (w, &a->waiters, struct futex_waiter, link) {
		if (moved == nmove)
			break;
		if (w->addr != from)
			continue;
		list_remove(&w->link);
		w->addr = to;
		w->bucket = b;
		list_add_tail(&b->waiters, &w->link);
		moved++;
	}
	unlock_two(a, b);
	/* FUTEX_CMP_REQUEUE counts both, FUTEX_REQUEUE the woken only. */
	return compare ? woken + moved : woken;
}

static uint32_t wake_op_result(uint32_t op, uint32_t old, uint32_t arg)
{
	switch (op) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return old + arg;
	case FUTEX_OP_OR:
		return old | arg;
	case FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

static bool wake_op_matches(uint32_t cmp, int32_t old, int32_t arg)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return old >= arg;
	}
}

static int32_t sign_extend12(uint32_t v)
{
	return (int32_t)((v & 0xfff) ^ 0x800) - 0x800;
}

static long futex_wake_op(uintptr_t addr, uintptr_t addr2, unsigned n, unsigned n2, uint32_t code)
{
	struct bucket *a = bucket_of(addr), *b = bucket_of(addr2);
	uint32_t op = code >> 28 & 7, cmp = code >> 24 & 15, old, seen;
	uint32_t arg = (uint32_t)sign_extend12(code >> 12);
	long woken;
	int r;

	if (op > FUTEX_OP_XOR || cmp > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	lock_two(a, b);
	r = get_user_u32(&old, addr2);
	while (r == 0) {
		seen = old;
		r = cmpxchg_user_u32(addr2, &seen, wake_op_result(op, old, arg));
		if (r < 0 || seen == old)
			break;
		old = seen;
	}
	if (r < 0) {
		unlock_two(a, b);
		return r;
	}
	woken = wake_locked(a, addr, n, FUTEX_BITSET_MATCH_ANY);
	if (wake_op_matches(cmp, (int32_t)old, sign_extend12(code)))
		woken += wake_locked(b, addr2, n2, FUTEX_BITSET_MATCH_ANY);
	unlock_two(a, b);
	return woken;
}

/* The monotonic deadline that a futex call's timeout means; relative for FUTEX_WAIT, else absolute.
 */
static int read_deadline(uintptr_t timeout, bool absolute, bool realtime, uint64_t *deadline)
{
	struct __kernel_timespec ts;
	uint64_t now = clock_monotonic(), ns;

	*deadline = WAIT_FOREVER;
	if (!timeout)
		return 0;
	if (copy_from_user(&ts, timeout, sizeof ts) < 0)
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec > 999999999)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)ts.tv_sec, 1000000000ull, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)ts.tv_nsec, &ns))
		return 0;
	if (absolute && realtime) {
		uint64_t wall = clock_realtime();
		ns = ns > wall ? ns - wall : 0;
		absolute = false;
	}
	if (!absolute && __builtin_add_overflow(ns, now, &ns))
		return 0;
	*deadline = ns;
	return 0;
}

long sys_futex(uintptr_t addr, int op, uint32_t val, uintptr_t timeout, uintptr_t addr2,
	       uint32_t val3)
{
	int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool realtime = op & FUTEX_CLOCK_REALTIME;
	uint64_t deadline;
	int r;

	if (realtime && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT)
		return -ENOSYS;
	if (addr % 4)
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	switch (cmd) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		r = read_deadline(timeout, cmd == FUTEX_WAIT_BITSET, realtime, &deadline);
		if (r < 0)
			return r;
		return futex_wait(addr, val, deadline,
				  cmd == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : val3);
	case FUTEX_WAKE:
		return wake(addr, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? (long)wake(addr, val, val3) : -EINVAL;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		if (addr2 % 4)
			return -EINVAL;
		return futex_requeue(addr, addr2, (int)val, (int)timeout, cmd == FUTEX_CMP_REQUEUE,
				     val3);
	case FUTEX_WAKE_OP:
		if (addr2 % 4)
			return -EINVAL;
		return futex_wake_op(addr, addr2, val, (unsigned)timeout, val3);
	default:
		return -ENOSYS;
	}
}
