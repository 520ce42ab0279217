/* unit: tests/unit/vfs/shims.c kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c kernel/dev/tty*.c kernel/time/deadline.c */
/* The bytes of files: random operations against a plain array, then the edges one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <cmocka.h>
#include "mm/page.h"
#include "vfs/fdtable.h"
#include "vfs/filedata.h"
#include "vfs/inode.h"
#include "vfs/shims.h"

#define assert_err(expr, err) assert_int_equal((expr), -(err))
#define assert_ok(expr)	      assert_int_equal((expr), 0)
#define SPACE		      (40 * PAGE_SIZE + 123)

static uint8_t model[SPACE], base[SPACE], buf[SPACE], back[SPACE];
static size_t model_size;

static size_t pick(size_t n)
{
	return (size_t)(((uint64_t)random() << 31 | (uint64_t)random()) % n);
}

/* Offsets near page borders are where errors live. */
static size_t pick_offset(void)
{
	size_t at = pick(40) * PAGE_SIZE;
	return random() % 2 ? at + pick(PAGE_SIZE) : at + pick(5);
}

/* What is handed out as constant is of the backing, and right. */
static void check_constant(struct filedata *d)
{
	for (size_t pos = 0; pos < SPACE; pos += pick(2 * PAGE_SIZE) + 1) {
		size_t len, max = pick(5 * PAGE_SIZE) + 1;
		struct backing *b;
		const uint8_t *data = filedata_constant(d, pos, max, &len, &b);
		if (!data) {
			assert_int_equal(len, 0);
			assert_null(b);
			continue;
		}
		assert_in_range(len, 1, max);
		assert_true(pos + len <= model_size);
		assert_ptr_equal(data, base + pos);
		assert_memory_equal(data, model + pos, len);
		backing_put(b);
	}
}

static void check_all(struct filedata *d)
{
	struct uio u;
	assert_int_equal(filedata_size(d), model_size);
	uio_init(&u, U(back), sizeof back);
	assert_int_equal(filedata_read(d, &u, 0), model_size);
	assert_memory_equal(back, model, model_size);
	check_constant(d);
}

static void step(struct filedata *d)
{
	size_t at = pick_offset(), n = random() % 4 ? pick(3 * PAGE_SIZE) + 1 : pick(20) + 1;
	struct uio u;
	uint64_t pos = at;
	if (n > SPACE - at)
		n = SPACE - at;
	switch (random() % 7) {
	case 0:
	case 1:
		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)random();
		uio_init(&u, U(buf), n);
		assert_int_equal(filedata_write(d, &u, &pos, false, UINT64_MAX), n);
		memcpy(model + at, buf, n);
		if (at + n > model_size)
			model_size = at + n;
		break;
	case 2:
		assert_ok(filedata_truncate(d, at));
		if (at < model_size)
			memset(model + at, 0, model_size - at);
		model_size = at;
		break;
	case 3:
		assert_ok(filedata_punch(d, at, n));
		memset(model + at, 0, n);
		if (at + n > model_size && at < model_size)
			memset(model + at, 0, model_size - at);
		break;
	case 4:
		assert_ok(filedata_allocate(d, at, n, random() % 2));
		if (filedata_size(d) > model_size)
			model_size = at + n;
		break;
	case 5: {
		paddr_t p;
		uint64_t index = at / PAGE_SIZE;
		int err = filedata_map_page(d, index, true, &p);
		if (index * PAGE_SIZE >= model_size) {
			assert_err(err, ERANGE);
		} else {
			uint8_t *page = phys_to_virt(p);
			size_t end = model_size - index * PAGE_SIZE;
			size_t k = pick(end < PAGE_SIZE ? end : PAGE_SIZE);
			assert_ok(err);
			page[k] = 0x77;
			model[index * PAGE_SIZE + k] = 0x77;
		}
		break;
	}
	default:
		uio_init(&u, U(back), n);
		long got = filedata_read(d, &u, at);
		size_t want = at < model_size ? model_size - at : 0;
		assert_int_equal(got, want < n ? want : n);
		assert_memory_equal(back, model + at, (size_t)got);
	}
}

static void released(struct backing *b)
{
	(void)b;
}

static void random_operations(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 150; seed++) {
		struct filedata d;
		struct backing b = {.release = released};
		atomic_store(&b.refs, 1);
		srandom(seed);
		memset(model, 0, sizeof model);
		model_size = 0;
		filedata_init(&d);
		if (seed % 2) {
			model_size = pick(SPACE) + 1;
			for (size_t i = 0; i < model_size; i++)
				model[i] = base[i] = (uint8_t)random();
			filedata_set_backing(&d, base, model_size, &b);
		}
		for (int i = 0; i < 150; i++) {
			step(&d);
			if (i % 10 == 0)
				check_all(&d);
		}
		check_all(&d);
		filedata_free(&d);
		assert_int_equal(atomic_load(&b.refs), 1);
		assert_int_equal(vfs_test_pages_in_use, 0);
	}
}

static int open_new(void)
{
	int fd = (int)sys_open(U("/tmp/f"), O_CREAT | O_RDWR | O_TRUNC, 0666);
	assert_true(fd >= 0);
	return fd;
}

static void sparse_files(void **state)
{
	const int64_t far = 1ll << 50;
	char c[4] = "end";
	(void)state;
	int fd = open_new();
	assert_int_equal(sys_pwrite64(fd, U(c), 3, far), 3);
	assert_int_equal(vfs_test_pages_in_use, 1);
	assert_int_equal(sys_lseek(fd, 0, SEEK_END), far + 3);
	assert_int_equal(sys_lseek(fd, 0, SEEK_DATA), far);
	assert_int_equal(sys_lseek(fd, 0, SEEK_HOLE), 0);
	assert_int_equal(sys_lseek(fd, far, SEEK_HOLE), far + 3);
	assert_err(sys_lseek(fd, far + 3, SEEK_DATA), ENXIO);
	assert_err(sys_lseek(fd, far + 3, SEEK_HOLE), ENXIO);
	assert_err(sys_lseek(fd, -1, SEEK_DATA), ENXIO);
	assert_err(sys_lseek(fd, -1, SEEK_SET), EINVAL);
	assert_err(sys_lseek(fd, 0, 9), EINVAL);
	assert_int_equal(sys_pread64(fd, U(buf), 100, far - 50), 53);
	assert_int_equal(buf[49], 0);
	assert_int_equal(buf[50], 'e');
	assert_ok(sys_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, far, 3));
	assert_ok(sys_ftruncate(fd, INT64_MAX & ~4095ll));
	assert_err(sys_ftruncate(fd, INT64_MAX), EFBIG);
	assert_err(sys_ftruncate(fd, -1), EINVAL);
	assert_err(sys_pwrite64(fd, U(c), 1, INT64_MAX - 1), EFBIG);
	assert_ok(sys_ftruncate(fd, 0));
	assert_int_equal(vfs_test_pages_in_use, 0);
}

static void memory_runs_short(void **state)
{
	(void)state;
	int fd = open_new();
	vfs_test_pages_left = 3;
	assert_int_equal(sys_write(fd, U(buf), 5 * PAGE_SIZE), 3 * PAGE_SIZE);
	assert_err(sys_write(fd, U(buf), 1), ENOSPC);
	assert_int_equal(sys_pwrite64(fd, U(buf), 10, 0), 10);
	assert_err(sys_fallocate(fd, 0, 0, 1ll << 40), ENOSPC);
	assert_ok(sys_ftruncate(fd, 1 << 20));
	paddr_t p;
	struct file *f = fd_get(fd);
	assert_err(filedata_map_page(&f->inode->data, 100, false, &p), ENOMEM);
	file_put(f);
}

static void bad_buffers(void **state)
{
	static _Alignas(4096) char mem[3 * 4096];
	(void)state;
	int fd = open_new();
	memset(mem, 'x', sizeof mem);
	vfs_test_bad_start = U(mem) + 4096;
	vfs_test_bad_end = U(mem) + 8192;
	assert_int_equal(sys_write(fd, U(mem) + 100, 8000), 3996);
	assert_err(sys_write(fd, U(mem) + 4096, 10), EFAULT);
	assert_int_equal(sys_lseek(fd, 0, SEEK_CUR), 3996);
	assert_int_equal(sys_pread64(fd, U(mem) + 4000, 1000, 0), 96);
	assert_err(sys_pread64(fd, U(mem) + 4096, 1000, 0), EFAULT);
	assert_err(sys_read(fd, 1ul << 60, 10), EFAULT);
	assert_err(sys_read(fd, U(mem), (size_t)-1), EINVAL);
	const struct {
		uintptr_t base;
		size_t len;
	} vec[] = {{U(mem), 4096}, {U(mem) + 4096, 10}, {U(mem), 5}};
	sys_lseek(fd, 0, SEEK_SET);
	assert_int_equal(sys_writev(fd, U(vec), 3), 4096);
	assert_err(sys_writev(fd, U(vec), 1025), EINVAL);
	assert_int_equal(sys_writev(fd, U(vec), 0), 0);
	assert_err(sys_writev(fd, 16, 2), EFAULT);
}

static void truncation_unmaps(void **state)
{
	paddr_t p;
	(void)state;
	int fd = open_new();
	assert_int_equal(sys_write(fd, U(buf), 4 * PAGE_SIZE), 4 * PAGE_SIZE);
	struct file *f = fd_get(fd);
	assert_ok(filedata_map_page(&f->inode->data, 3, false, &p));
	vfs_test_unmapped_first = 99;
	assert_ok(sys_ftruncate(fd, PAGE_SIZE + 1));
	assert_int_equal(vfs_test_unmapped_first, 2);
	assert_err(filedata_map_page(&f->inode->data, 2, false, &p), ERANGE);
	file_put(f);
}

static void copies_between_files(void **state)
{
	(void)state;
	int from = open_new();
	int to = (int)sys_open(U("/tmp/g"), O_CREAT | O_RDWR, 0666);
	for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
		buf[i] = (uint8_t)random();
	sys_write(from, U(buf), 3 * PAGE_SIZE);
	int64_t in = 100, out = 5000;
	assert_int_equal(sys_copy_file_range(from, U(&in), to, U(&out), 1 << 20, 0),
			 3 * PAGE_SIZE - 100);
	assert_int_equal(in, 3 * PAGE_SIZE);
	assert_int_equal(sys_pread64(to, U(back), SPACE, 5000), 3 * PAGE_SIZE - 100);
	assert_memory_equal(back, buf + 100, 3 * PAGE_SIZE - 100);
	in = 0, out = 10;
	assert_err(sys_copy_file_range(from, U(&in), from, U(&out), 100, 0), EINVAL);
	assert_err(sys_copy_file_range(from, U(&in), to, U(&out), 100, 1), EINVAL);
	in = 0;
	assert_int_equal(sys_sendfile(to, from, U(&in), 4), 4);
	assert_int_equal(in, 4);
	int fds[2];
	assert_ok(sys_pipe2(U(fds), O_NONBLOCK));
	in = 0;
	assert_int_equal(sys_sendfile(fds[1], from, U(&in), 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	assert_int_equal(sys_read(fds[0], U(back), SPACE), 3 * PAGE_SIZE);
	assert_memory_equal(back, buf, 3 * PAGE_SIZE);
	assert_err(sys_sendfile(to, fds[0], 0, 10), EINVAL);
}

static void seals(void **state)
{
	(void)state;
	int fd = (int)sys_memfd_create(U("m"), MFD_ALLOW_SEALING);
	assert_int_equal(sys_write(fd, U("abc"), 3), 3);
	assert_int_equal(sys_fcntl(fd, F_GET_SEALS, 0), 0);
	assert_ok(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	assert_err(sys_ftruncate(fd, 1), EPERM);
	assert_ok(sys_ftruncate(fd, 10));
	assert_ok(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	assert_err(sys_ftruncate(fd, 11), EPERM);
	assert_int_equal(sys_pwrite64(fd, U("abcdef"), 6, 7), 3);
	assert_err(sys_pwrite64(fd, U("a"), 1, 10), EPERM);
	assert_ok(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	assert_err(sys_pwrite64(fd, U("a"), 1, 0), EPERM);
	assert_err(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	assert_err(sys_fcntl(open_new(), F_GET_SEALS, 0), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, vfs_test_setup, vfs_test_teardown)
	    TEST(random_operations),
	    TEST(sparse_files),
	    TEST(memory_runs_short),
	    TEST(bad_buffers),
	    TEST(truncation_unmaps),
	    TEST(copies_between_files),
	    TEST(seals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
