/* unit: kernel/dev/block.c kernel/dev/block_io.c kernel/dev/block_buffer.c kernel/vfs/uio.c kernel/sched/wait.c */
/* The block layer over a disk in memory: what programs transfer, cut, merged with sectors that are
 * changed in part, many at once, with errors, faults and no memory. Threads are coroutines here,
 * and who runs next, and which request ends next, is a matter of a random number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "dev/block_internal.h"
#include "lib/printk.h"
#include "mm/uaccess.h"
#include "phys_fake.h"
#include "sched/sched.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "time/clock.h"

#define SECTORS 1024u
#define BYTES	(SECTORS * BLOCK_SECTOR)
#define THREADS 8

/* ---- what stands in for the kernel ---- */

static unsigned blocks, memory_percent; /* allocations that succeed */
static size_t ram;			/* pages */

paddr_t page_alloc(unsigned order)
{
	if ((unsigned)random() % 100 >= memory_percent)
		return PADDR_NONE;
	blocks++;
	void *p = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	memset(p, 0xee, PAGE_SIZE << order);
	return (uintptr_t)p;
}

void page_free(paddr_t p, unsigned order)
{
	(void)order;
	blocks--;
	free((void *)(uintptr_t)p);
}

size_t page_total(void)
{
	return ram;
}

size_t page_available(void)
{
	return ram;
}

/* The program's memory: one buffer, of which the end may be missing. */
static uint8_t program[4 << 20];
static size_t program_bytes;

static bool there(uintptr_t at, size_t n)
{
	return at >= (uintptr_t)program && at + n <= (uintptr_t)program + program_bytes;
}

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	if (!there(src, n))
		return -EFAULT;
	memcpy(dst, (void *)src, n);
	return 0;
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	if (!there(dst, n))
		return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

int zero_user(uintptr_t dst, size_t n)
{
	(void)dst, (void)n;
	return -EFAULT;
}

static uint64_t now;

uint64_t clock_monotonic(void)
{
	return now++;
}

void timer_arm(struct timer *t, uint64_t expires)
{
	(void)t, (void)expires;
	fail();
}

bool timer_cancel(struct timer *t)
{
	(void)t;
	return true;
}

bool signal_deliverable(struct thread *t)
{
	(void)t;
	return true; /* always: disk waits do not mind */
}

int block_nodes_add(struct block_device *d)
{
	(void)d;
	return 0;
}

void block_nodes_remove(struct block_device *d)
{
	(void)d;
}

/* ---- threads ---- */

static struct coroutine {
	struct thread thread; /* first */
	ucontext_t context;
	void (*body)(unsigned number);
	unsigned number;
	bool alive, asleep;
	char *stack;
} coroutines[THREADS];
static struct coroutine boot;
static ucontext_t scheduler;
struct thread *current_thread = &boot.thread;

static bool finish_one(void);

void thread_wake(struct thread *t)
{
	t->woken = true;
	((struct coroutine *)t)->asleep = false;
}

void sched_sleep(void)
{
	struct coroutine *c = (struct coroutine *)current;

	if (c->thread.woken)
		return;
	c->asleep = true;
	if (c == &boot) {
		while (c->asleep)
			assert_true(finish_one()); /* else it would sleep for ever */
		return;
	}
	swapcontext(&c->context, &scheduler);
}

static void enter(void)
{
	struct coroutine *c = (struct coroutine *)current;

	c->body(c->number);
	c->alive = false;
	swapcontext(&c->context, &scheduler);
}

static void make(struct coroutine *c, unsigned number, void (*body)(unsigned))
{
	memset(c, 0, sizeof *c);
	c->body = body;
	c->number = number;
	c->alive = true;
	c->stack = malloc(1 << 16);
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = 1 << 16;
	makecontext(&c->context, enter, 0);
}

/* Runs body(0) to body(n - 1) at once, to their ends. */
static void together(unsigned n, void (*body)(unsigned))
{
	for (unsigned i = 0; i < n; i++)
		make(&coroutines[i], i, body);
	for (;;) {
		unsigned alive = 0, awake = 0;
		unsigned start = (unsigned)random() % n;
		struct coroutine *next = NULL;

		for (unsigned i = 0; i < n; i++) {
			struct coroutine *c = &coroutines[(start + i) % n];

			alive += c->alive;
			awake += c->alive && !c->asleep;
			if (!next && c->alive && !c->asleep)
				next = c;
		}
		if (!alive)
			break;
		if (!awake || random() % 3 == 0) {
			if (!finish_one())
				assert_int_not_equal(awake, 0); /* all wait for nothing */
			continue;
		}
		current_thread = &next->thread;
		swapcontext(&scheduler, &next->context);
		current_thread = &boot.thread;
	}
	for (unsigned i = 0; i < n; i++)
		free(coroutines[i].stack);
}

/* ---- the disk ---- */

static struct {
	struct block_device d;
	uint8_t data[BYTES];	/* what reads see */
	uint8_t durable[BYTES]; /* what a power cut leaves */
	struct list pending;
	unsigned npending, most_pending, requests, commits, flushes, discards, zeroes;
	uint64_t bad_sector; /* fails; UINT64_MAX: none */
	int bad_error;
	enum block_op bad_op;
	unsigned flush_failures;
	bool cached;
} disk;

struct snapshot {
	struct block_request *r;
	uint8_t *data;
};

/* Like the worst disk that keeps the rules: a flush saves what was written when it began, and
 * nothing else is ever saved. */
static void submit(struct block_device *d, struct block_request *r)
{
	uint64_t bytes = 0;

	assert_ptr_equal(d, &disk.d);
	disk.requests++;
	for (unsigned i = 0; i < r->nsegments; i++) {
		const struct block_segment *s = &r->segments[i];

		assert_in_range(s->addr % PAGE_SIZE + s->len, BLOCK_SECTOR, PAGE_SIZE);
		assert_int_equal((s->addr | s->len) % BLOCK_SECTOR, 0);
		if (i)
			assert_int_equal(s->addr, s[-1].addr + s[-1].len);
		bytes += s->len;
	}
	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
		assert_in_range(r->nsegments, 1, d->max_segments);
		assert_in_range(bytes, d->logical, d->max_bytes);
		assert_int_equal(bytes, r->sectors * BLOCK_SECTOR);
	} else {
		assert_int_equal(r->nsegments, 0);
	}
	if (r->op == BLOCK_DISCARD)
		assert_in_range(r->sectors, 1, d->max_discard_sectors);
	if (r->op == BLOCK_WRITE_ZEROES)
		assert_in_range(r->sectors, 1, d->max_zeroes_sectors);
	if (r->op != BLOCK_FLUSH) {
		assert_int_equal(r->sector * BLOCK_SECTOR % d->logical, 0);
		assert_int_equal(r->sectors * BLOCK_SECTOR % d->logical, 0);
		assert_true(r->sector + r->sectors <= d->sectors);
	}
	r->driver = NULL;
	if (r->op == BLOCK_FLUSH) {
		r->driver = malloc(BYTES);
		memcpy(r->driver, disk.data, BYTES);
	}
	list_add_tail(&disk.pending, &r->link);
	if (++disk.npending > disk.most_pending)
		disk.most_pending = disk.npending;
}

static void commit(struct block_device *d)
{
	(void)d;
	disk.commits++;
}

static int perform(struct block_request *r)
{
	uint8_t *at = disk.data + r->sector * BLOCK_SECTOR;

	if (r->op == BLOCK_FLUSH) {
		disk.flushes++;
		if (disk.flush_failures && disk.flush_failures--)
			return -EIO;
		memcpy(disk.durable, r->driver, BYTES);
		return 0;
	}
	if (disk.bad_op == r->op && disk.bad_sector >= r->sector &&
	    disk.bad_sector < r->sector + r->sectors)
		return disk.bad_error;
	switch (r->op) {
	case BLOCK_READ:
		memcpy((void *)(uintptr_t)r->segments[0].addr, at, r->sectors * BLOCK_SECTOR);
		return 0;
	case BLOCK_WRITE:
		memcpy(at, (void *)(uintptr_t)r->segments[0].addr, r->sectors * BLOCK_SECTOR);
		return 0;
	case BLOCK_DISCARD:
		disk.discards++;
		memset(at, 0xdd, r->sectors * BLOCK_SECTOR);
		return 0;
	default:
		disk.zeroes++;
		memset(at, 0, r->sectors * BLOCK_SECTOR);
		return 0;
	}
}

/* Ends some request. False: there is none. */
static bool finish_one(void)
{
	if (!disk.npending)
		return false;
	unsigned skip = (unsigned)random() % disk.npending;
	struct list *l = disk.pending.next;

	while (skip--)
		l = l->next;
	struct block_request *r = list_entry(l, struct block_request, link);

	list_remove(l);
	disk.npending--;
	int err = perform(r);

	free(r->driver);
	block_done(&disk.d, r, err);
	return true;
}

static const struct block_ops ops = {submit, commit};

static void start(uint32_t logical, unsigned max_segments, uint32_t max_bytes)
{
	struct block_device *d = &disk.d;

	memset(&disk, 0, sizeof disk);
	list_init(&disk.pending);
	disk.bad_sector = UINT64_MAX;
	*d = (struct block_device){.name = "test",
				   .sectors = SECTORS,
				   .logical = logical,
				   .physical = 4096,
				   .max_segments = max_segments,
				   .max_bytes = max_bytes,
				   .flush = true,
				   .discard = true,
				   .write_zeroes = true,
				   .max_discard_sectors = 24,
				   .discard_granularity = 4096,
				   .max_zeroes_sectors = 40,
				   .ops = &ops};
	memory_percent = 100;
	ram = 65536;
	program_bytes = sizeof program;
	list_init(&block_devices);
	assert_int_equal(block_register(d), 0);
	for (unsigned i = 0; i < BYTES; i++)
		disk.data[i] = (uint8_t)random();
	boot.asleep = false;
	current_thread = &boot.thread;
}

static void stop(void)
{
	assert_int_equal(disk.npending, 0);
	assert_int_equal(disk.d.stats.in_flight, 0);
	assert_false(disk.d.reserve_used);
	assert_true(list_empty(&disk.d.ranges));
	block_reserve_free(&disk.d);
	assert_int_equal(blocks, 0);
}

static long transfer(bool write, uint64_t pos, size_t at, size_t n)
{
	struct uio u;

	uio_init(&u, (uintptr_t)program + at, n);
	long done = write ? block_write(&disk.d, &u, pos) : block_read(&disk.d, &u, pos);

	if (done >= 0)
		assert_int_equal(u.left, n - (size_t)done);
	return done;
}

/* ---- tests ---- */

static void test_names(void **state)
{
	static const struct {
		unsigned index;
		const char *name;
	} cases[] = {{0, "vda"},   {25, "vdz"},	  {26, "vdaa"},	  {27, "vdab"},
		     {51, "vdaz"}, {701, "vdzz"}, {702, "vdaaa"}, {UINT32_MAX, "vdnxmrlxv"}};
	char name[16];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		block_name(name, "vd", cases[i].index);
		if (cases[i].index != UINT32_MAX)
			assert_string_equal(name, cases[i].name);
	}
}

static void test_senseless_devices(void **state)
{
	struct block_device d = {.name = "x",
				 .sectors = 9,
				 .logical = 4096,
				 .max_segments = 1000,
				 .max_bytes = 4096,
				 .ops = &ops};

	(void)state;
	start(512, 4, 65536);
	assert_int_equal(block_register(&d), -EEXIST); /* the number is taken */
	d.major = 1;
	strcpy(d.name, "test");
	assert_int_equal(block_register(&d), -EEXIST);
	strcpy(d.name, "x");
	for (uint32_t bad = 0; bad <= 8192; bad += bad == 4095 ? 2 : 1) {
		d.logical = bad;
		if (bad == 512 || bad == 1024 || bad == 2048)
			continue;
		assert_int_equal(block_register(&d), -EINVAL);
	}
	d.logical = 4096;
	d.max_bytes = 2048;
	assert_int_equal(block_register(&d), -EINVAL);
	d.max_bytes = 1u << 30;
	d.max_segments = 0;
	assert_int_equal(block_register(&d), -EINVAL);
	d.max_segments = 1000;
	d.physical = 512;
	assert_int_equal(block_register(&d), 0);
	assert_int_equal(d.sectors, 8);
	assert_int_equal(d.physical, 4096);
	assert_int_equal(d.max_segments, BLOCK_MAX_SEGMENTS);
	block_set_size(&d, UINT64_MAX);
	assert_true(block_bytes(&d) <= INT64_MAX);
	assert_int_equal(block_bytes(&d) % 4096, 0);
	assert_ptr_equal(block_find(1, 0), &d);
	block_remove(&d);
	assert_null(block_find(1, 0));
	block_reserve_free(&d);
	stop();
}

static void run_random(uint32_t logical, unsigned segments, uint32_t bytes, unsigned percent)
{
	static uint8_t model[BYTES];

	start(logical, segments, bytes);
	memory_percent = percent;
	memcpy(model, disk.data, BYTES);
	for (unsigned i = 0; i < 400; i++) {
		size_t at = (size_t)random() % BYTES;
		size_t n = (size_t)random() % (random() % 4 ? 3000 : BYTES) + 1;
		size_t buf = (size_t)random() % 5000;

		if (n > BYTES - at)
			n = BYTES - at;
		if (random() % 2) {
			for (size_t k = 0; k < n; k++)
				model[at + k] = program[buf + k] = (uint8_t)random();
			assert_int_equal(transfer(true, at, buf, n), n);
			assert_memory_equal(disk.data, model, BYTES);
		} else {
			memset(program + buf, 0x55, n + 1);
			assert_int_equal(transfer(false, at, buf, n), n);
			assert_memory_equal(program + buf, model + at, n);
			assert_int_equal(program[buf + n], 0x55);
		}
	}
	if (percent == 100 && ram == 65536 && segments > 1)
		assert_in_range(disk.most_pending, 2, 8);
	stop();
}

static void test_any_transfer(void **state)
{
	static const struct {
		uint32_t logical;
		unsigned segments;
		uint32_t bytes;
	} limits[] = {{512, 128, 1u << 20},    {512, 1, 512},	  {512, 11, 45056},
		      {512, 5, 7777},	       {4096, 11, 45056}, {4096, 1, 4096},
		      {4096, 128, UINT32_MAX}, {1024, 3, 3072},	  {2048, 128, 1u << 18}};

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		run_random(limits[i].logical, limits[i].segments, limits[i].bytes, 100);
}

/* Nothing is ever refused for want of memory: there is the reserve. */
static void test_no_memory(void **state)
{
	(void)state;
	start(512, 128, 1u << 20);
	memory_percent = 0;
	assert_int_equal(transfer(true, 100, 0, 200000), 200000);
	assert_memory_equal(disk.data + 100, program, 200000);
	ram = 16; /* so that the share of it is one page */
	memory_percent = 100;
	assert_int_equal(transfer(false, 100, 0, 200000), 200000);
	stop();
	run_random(512, 128, 1u << 20, 50);
	run_random(4096, 11, 45056, 10);
}

static void test_vectors(void **state)
{
	struct uio_vec vec[5] = {{(uintptr_t)program, 1},
				 {(uintptr_t)program + 100, 0},
				 {(uintptr_t)program + 200, 1000},
				 {(uintptr_t)program + 5000, 3},
				 {(uintptr_t)program + 6000, 511}};
	uint8_t want[1515];
	struct uio u;

	(void)state;
	start(512, 128, 1u << 20);
	for (size_t i = 0; i < 10000; i++)
		program[i] = (uint8_t)random();
	want[0] = program[0];
	memcpy(want + 1, program + 200, 1000);
	memcpy(want + 1001, program + 5000, 3);
	memcpy(want + 1004, program + 6000, 511);
	uio_init(&u, 0, 0);
	u.vec = vec;
	u.count = 5;
	u.left = sizeof want;
	assert_int_equal(block_write(&disk.d, &u, 1000), sizeof want);
	assert_memory_equal(disk.data + 1000, want, sizeof want);
	stop();
}

/* A buffer that ends in unmapped memory: what is there is written, and no byte beyond it changes.
 */
static void test_faults(void **state)
{
	static uint8_t before[BYTES];

	(void)state;
	start(512, 11, 8192);
	memcpy(before, disk.data, BYTES);
	for (unsigned i = 0; i < 300; i++) {
		size_t at = (size_t)random() % 20000, n = (size_t)random() % 40000 + 1;
		size_t have = (size_t)random() % n;
		bool write = random() % 2;

		/* copies stop at pages */
		size_t buf = PAGE_SIZE - (uintptr_t)program % PAGE_SIZE;

		have -= have % PAGE_SIZE;
		program_bytes = buf + have;
		for (size_t k = 0; k < n; k++)
			program[buf + k] = (uint8_t)random();
		long done = transfer(write, at, buf, n);

		if (!have)
			assert_int_equal(done, -EFAULT);
		else
			assert_int_equal(done, have);
		if (write)
			memcpy(before + at, program + buf, have);
		else
			assert_memory_equal(program + buf, before + at, have);
		assert_memory_equal(disk.data, before, BYTES);
		program_bytes = sizeof program;
	}
	stop();
}

static void test_errors(void **state)
{
	(void)state;
	start(512, 11, 8192);
	disk.bad_op = BLOCK_READ;
	disk.bad_error = -EIO;
	disk.bad_sector = 100;
	/* What comes before the request that failed counts; what comes after does not. */
	long done = transfer(false, 0, 0, BYTES);

	assert_in_range(done, 100 * 512 - 8192, 100 * 512);
	assert_memory_equal(program, disk.data, (size_t)done);
	assert_int_equal(transfer(false, 100 * 512, 0, 1), -EIO);
	assert_int_equal(transfer(false, 101 * 512, 0, 1), 1);
	/* A sector that cannot be read cannot be changed in part, but can be written as a whole. */
	assert_int_equal(transfer(true, 100 * 512 + 5, 0, 10), -EIO);
	assert_int_equal(transfer(true, 100 * 512, 0, 512), 512);
	done = transfer(true, 90 * 512, 0, 10 * 512 + 5);
	assert_int_equal(done, 10 * 512);
	disk.bad_op = BLOCK_WRITE;
	done = transfer(true, 3, 0, 80000);
	assert_in_range(done, 100 * 512 - 8192 - 3, 100 * 512 - 3);
	disk.bad_error = -ENOSPC;
	assert_int_equal(transfer(true, 100 * 512 + 7, 0, 1), -ENOSPC);
	assert_int_equal(disk.d.stats.op[BLOCK_READ].errors, 4);
	disk.flush_failures = 1;
	assert_int_equal(block_flush(&disk.d), -EIO);
	assert_int_equal(block_flush(&disk.d), 0);
	stop();
}

static void test_gone(void **state)
{
	(void)state;
	start(512, 11, 8192);
	block_remove(&disk.d);
	assert_int_equal(transfer(false, 0, 0, 100000), -EIO);
	assert_int_equal(transfer(true, 0, 0, 100000), -EIO);
	assert_int_equal(transfer(true, 3, 0, 5), -EIO);
	assert_int_equal(block_flush(&disk.d), -EIO);
	assert_int_equal(block_discard(&disk.d, 0, 4096), -EIO);
	assert_int_equal(disk.requests, 0);
	disk.d.flush = false;
	assert_int_equal(block_flush(&disk.d), -EIO);
	stop();
}

static void test_discard_and_zeroes(void **state)
{
	(void)state;
	start(512, 11, 8192);
	uint8_t was = disk.data[511];

	assert_int_equal(block_discard(&disk.d, 512, 100 * 512), 0);
	assert_int_equal(disk.data[511], was);
	for (unsigned i = 512; i < 101 * 512; i++)
		assert_int_equal(disk.data[i], 0xdd);
	assert_in_range(disk.discards, 5, 6); /* of 24 sectors, ending where granules end */
	assert_int_equal(block_zero(&disk.d, 1024, 50 * 512, true, false), 0);
	assert_int_equal(disk.zeroes, 2);
	assert_int_equal(disk.data[1023], 0xdd);
	assert_int_equal(disk.data[1024], 0);
	assert_int_equal(disk.data[52 * 512 - 1], 0);
	assert_int_equal(disk.data[52 * 512], 0xdd);
	/* The device turns out not to know the command. */
	disk.bad_op = BLOCK_WRITE_ZEROES;
	disk.bad_sector = 60;
	disk.bad_error = -EOPNOTSUPP;
	assert_int_equal(block_zero(&disk.d, 60 * 512, 512, true, false), -EOPNOTSUPP);
	assert_int_equal(disk.data[60 * 512], 0xdd);
	assert_int_equal(block_zero(&disk.d, 60 * 512, 40 * 512, false, true), 0);
	for (unsigned i = 60 * 512; i < 100 * 512; i++)
		assert_int_equal(disk.data[i], 0);
	assert_int_equal(disk.data[100 * 512], 0xdd);
	assert_int_equal(disk.zeroes, 2);
	disk.d.discard = false;
	assert_int_equal(block_discard(&disk.d, 0, 512), -EOPNOTSUPP);
	stop();
}

/* Each changes bytes of its own, in sectors that all share. */
static void change_bytes(unsigned number)
{
	for (unsigned at = number; at < 6000; at += THREADS) {
		struct uio u;

		program[number] = (uint8_t)(at * 7);
		uio_init(&u, (uintptr_t)program + number, 1);
		assert_int_equal(block_write(&disk.d, &u, at), 1);
	}
}

static void test_shared_sectors(void **state)
{
	(void)state;
	for (unsigned percent = 0; percent <= 100; percent += 50) {
		start(percent ? 512 : 4096, 11, 45056);
		memory_percent = percent;
		together(THREADS, change_bytes);
		for (unsigned at = 0; at < 6000; at++)
			assert_int_equal(disk.data[at], (uint8_t)(at * 7));
		stop();
	}
}

/* Writes of one call are seen whole, or not at all, by other writes of the same place. */
static void write_same(unsigned number)
{
	for (unsigned i = 0; i < 20; i++) {
		struct uio u;

		memset(program + number * 40000, (int)(number * 20 + i), 40000);
		uio_init(&u, (uintptr_t)program + number * 40000, 40000);
		assert_int_equal(block_write(&disk.d, &u, 1000), 40000);
	}
}

static void test_overlapping_writes(void **state)
{
	(void)state;
	start(512, 11, 8192);
	uint8_t before = disk.data[999], after = disk.data[41000];

	together(THREADS, write_same);
	for (unsigned i = 1; i < 40000; i++)
		assert_int_equal(disk.data[1000 + i], disk.data[1000]);
	assert_int_equal(disk.data[999], before);
	assert_int_equal(disk.data[41000], after);
	stop();
}

/* What a call has flushed is safe, however many share the flush. */
static void write_and_flush(unsigned number)
{
	for (unsigned i = 0; i < 40; i++) {
		uint64_t at = number * 5000 + i * 100;
		struct uio u;

		memset(program + number * 100, (int)(i + 1), 100);
		uio_init(&u, (uintptr_t)program + number * 100, 100);
		assert_int_equal(block_write(&disk.d, &u, at), 100);
		assert_int_equal(block_flush(&disk.d), 0);
		assert_memory_equal(disk.durable + at, program + number * 100, 100);
	}
}

static void test_flushes_are_shared(void **state)
{
	(void)state;
	start(512, 11, 8192);
	together(THREADS, write_and_flush);
	assert_in_range(disk.flushes, 40, THREADS * 40 - 40);
	stop();
}

static unsigned flush_errors;

static void flush_once(unsigned number)
{
	(void)number;
	int err = block_flush(&disk.d);

	assert_true(err == 0 || err == -EIO);
	flush_errors += err != 0;
}

/* Whoever shares a flush that fails is told. */
static void test_failing_flushes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		start(512, 11, 8192);
		disk.flush_failures = 1000;
		flush_errors = 0;
		together(THREADS, flush_once);
		assert_int_equal(flush_errors, THREADS);
		disk.flush_failures = 0;
		assert_int_equal(block_flush(&disk.d), 0);
		stop();
	}
}

/* Readers and writers of everything at once, with hardly any memory: nobody waits for ever. */
static void anything(unsigned number)
{
	for (unsigned i = 0; i < 30; i++) {
		size_t at = (size_t)random() % (BYTES - 70000), n = (size_t)random() % 60000 + 1;
		struct uio u;

		uio_init(&u, (uintptr_t)program + number * 60000, n);
		switch (random() % 5) {
		case 0:
			assert_int_equal(block_write(&disk.d, &u, at), n);
			break;
		case 1:
			assert_int_equal(block_zero(&disk.d, at & ~511ul, 8192, false, true), 0);
			break;
		case 2:
			assert_int_equal(block_flush(&disk.d), 0);
			break;
		default:
			assert_int_equal(block_read(&disk.d, &u, at), n);
		}
	}
}

static void test_everything_at_once(void **state)
{
	(void)state;
	for (unsigned percent = 0; percent <= 100; percent += 25) {
		start(512, 11, 8192);
		memory_percent = percent;
		disk.d.write_zeroes = percent != 50;
		together(THREADS, anything);
		stop();
	}
}

static void test_counters(void **state)
{
	(void)state;
	start(512, 11, 8192);
	transfer(true, 0, 0, 8192);
	transfer(false, 0, 0, 100);
	block_flush(&disk.d);
	assert_int_equal(disk.d.stats.op[BLOCK_WRITE].requests, 1);
	assert_int_equal(disk.d.stats.op[BLOCK_WRITE].sectors, 16);
	assert_int_equal(disk.d.stats.op[BLOCK_READ].sectors, 1);
	assert_int_equal(disk.d.stats.op[BLOCK_FLUSH].requests, 1);
	assert_true(disk.d.stats.busy_ns > 0);
	assert_true(disk.commits >= disk.requests);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_senseless_devices),
	    cmocka_unit_test(test_any_transfer),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_gone),
	    cmocka_unit_test(test_discard_and_zeroes),
	    cmocka_unit_test(test_shared_sectors),
	    cmocka_unit_test(test_overlapping_writes),
	    cmocka_unit_test(test_flushes_are_shared),
	    cmocka_unit_test(test_failing_flushes),
	    cmocka_unit_test(test_everything_at_once),
	    cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
