/* unit: tests/unit/vfs/shims.c kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c kernel/dev/tty*.c kernel/time/deadline.c */
/* Names: path walk, open flags, rename, link, unlink, reading directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "vfs/modes.h"
#include <cmocka.h>
#include "sys/process_ids.h"
#include "vfs/shims.h"
#include "vfs/namei.h"
#include "vfs/unpack.h"

#define assert_err(expr, err) assert_int_equal((expr), -(err))
#define assert_ok(expr)	      assert_int_equal((expr), 0)

static int open_file(const char *path, int flags)
{
	return (int)sys_open(U(path), flags, 0666);
}

static void touch(const char *path)
{
	long fd = sys_open(U(path), O_CREAT | O_WRONLY, 0666);
	assert_true(fd >= 0);
	assert_ok(sys_close((int)fd));
}

static void put(const char *path, const char *text)
{
	int fd = open_file(path, O_CREAT | O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(sys_write(fd, U(text), strlen(text)), strlen(text));
	sys_close(fd);
}

static const char *get(const char *path)
{
	static char buf[256];
	int fd = open_file(path, O_RDONLY);
	if (fd < 0)
		return "(none)";
	long n = sys_read(fd, U(buf), sizeof buf - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	sys_close(fd);
	return buf;
}

static struct inode *inode_of(const char *path)
{
	struct inode *i;
	if (lookup_inode(AT_FDCWD, U(path), AT_SYMLINK_NOFOLLOW, &i, NULL))
		return NULL;
	inode_put(i);
	return i;
}

static void walks_paths(void **state)
{
	char longer[300], path[5000];
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/a"), 0777));
	assert_ok(sys_mkdir(U("/tmp/a/b"), 0777));
	put("/tmp/a/f", "f");
	assert_string_equal(get("/tmp/a/f"), "f");
	assert_string_equal(get("//tmp//./a/b/../f"), "f");
	assert_string_equal(get("/../../tmp/a/f"), "f");
	assert_err(open_file("", O_RDONLY), ENOENT);
	assert_err(open_file("/tmp/a/f/", O_RDONLY), ENOTDIR);
	assert_err(open_file("/tmp/a/f/.", O_RDONLY), ENOTDIR);
	assert_err(open_file("/tmp/a/f/..", O_RDONLY), ENOTDIR);
	assert_err(open_file("/tmp/nothing/..", O_RDONLY), ENOENT);
	assert_err(open_file("/tmp/nothing", O_RDONLY), ENOENT);
	memset(longer, 'n', sizeof longer);
	longer[255] = '\0';
	sprintf(path, "/tmp/%s", longer);
	touch(path);
	longer[255] = 'n';
	longer[256] = '\0';
	sprintf(path, "/tmp/%s", longer);
	assert_err(open_file(path, O_CREAT | O_WRONLY), ENAMETOOLONG);
	memset(path, '/', sizeof path);
	path[4095] = '\0';
	long fd = open_file(path, O_RDONLY);
	assert_true(fd >= 0);
	path[4095] = '/';
	path[4096] = '\0';
	assert_err(open_file(path, O_RDONLY), ENAMETOOLONG);
	assert_err(sys_open(8, O_RDONLY, 0), EFAULT);
}

static void walks_from_directories(void **state)
{
	char buf[64];
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	put("/tmp/d/f", "in d");
	int dir = open_file("/tmp/d", O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	assert_true(sys_openat(dir, U("f"), O_RDONLY, 0) >= 0);
	assert_true(sys_openat(dir, U("/tmp"), O_RDONLY, 0) >= 0);
	assert_err(sys_openat(99, U("f"), O_RDONLY, 0), EBADF);
	int file = open_file("/tmp/d/f", O_RDONLY);
	assert_err(sys_openat(file, U("f"), O_RDONLY, 0), ENOTDIR);
	assert_err(open_file("/tmp/d/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	assert_ok(sys_chdir(U("/tmp/d")));
	assert_string_equal(get("f"), "in d");
	assert_int_equal(sys_getcwd(U(buf), sizeof buf), 7);
	assert_string_equal(buf, "/tmp/d");
	assert_err(sys_getcwd(U(buf), 6), ERANGE);
	assert_err(sys_chdir(U("f")), ENOTDIR);
	assert_ok(sys_unlink(U("f")));
	assert_ok(sys_rmdir(U("/tmp/d")));
	assert_err(sys_getcwd(U(buf), sizeof buf), ENOENT);
	assert_err(open_file("f", O_CREAT | O_WRONLY), ENOENT);
	assert_err(sys_mkdir(U("x"), 0777), ENOENT);
	assert_true(open_file("..", O_RDONLY) >= 0);
	assert_ok(sys_chdir(U("/")));
}

static void follows_links(void **state)
{
	char buf[16];
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	put("/tmp/d/f", "target");
	assert_ok(sys_symlink(U("d"), U("/tmp/l")));
	assert_ok(sys_symlink(U("/tmp/l"), U("/tmp/ll")));
	assert_ok(sys_symlink(U("f"), U("/tmp/d/lf")));
	assert_string_equal(get("/tmp/ll/lf"), "target");
	assert_int_equal(sys_readlink(U("/tmp/ll"), U(buf), sizeof buf), 6);
	assert_memory_equal(buf, "/tmp/l", 6);
	assert_int_equal(sys_readlink(U("/tmp/ll"), U(buf), 3), 3);
	assert_err(sys_readlink(U("/tmp/ll"), U(buf), 0), EINVAL);
	assert_err(sys_readlink(U("/tmp/d"), U(buf), sizeof buf), EINVAL);
	assert_err(open_file("/tmp/d/lf", O_RDONLY | O_NOFOLLOW), ELOOP);
	assert_true(open_file("/tmp/ll/", O_RDONLY | O_NOFOLLOW) >= 0);
	assert_err(open_file("/tmp/d/lf/", O_RDONLY), ENOTDIR);
	assert_ok(sys_symlink(U("loop"), U("/tmp/loop")));
	assert_err(open_file("/tmp/loop", O_RDONLY), ELOOP);
	assert_err(open_file("/tmp/loop/x", O_CREAT | O_WRONLY), ELOOP);
	char name[32], target[32];
	strcpy(target, "d");
	for (int i = 0; i < 42; i++) {
		sprintf(name, "/tmp/c%d", i);
		assert_ok(sys_symlink(U(target), U(name)));
		sprintf(target, "c%d", i);
	}
	assert_string_equal(get("/tmp/c39/f"), "target"); /* forty links */
	assert_err(open_file("/tmp/c40/f", O_RDONLY), ELOOP);
	assert_err(sys_symlink(U(""), U("/tmp/e")), ENOENT);
	assert_err(sys_symlink(U("x"), U("/tmp/l")), EEXIST);
	assert_err(sys_symlink(U("x"), U("/tmp/new/")), ENOENT);
}

static void link_with_slash_is_the_target(void **state)
{
	struct inode *dir;
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	assert_ok(sys_symlink(U("d"), U("/tmp/l")));
	assert_ok(sys_symlink(U("l"), U("/tmp/ll")));
	assert_ok(sys_symlink(U("gone"), U("/tmp/dangling")));
	dir = inode_of("/tmp/d");
	assert_ptr_equal(inode_of("/tmp/ll/"), dir);
	assert_ptr_not_equal(inode_of("/tmp/ll"), dir);
	assert_err(open_file("/tmp/dangling/", O_CREAT | O_WRONLY), EISDIR);
	assert_err(sys_mkdir(U("/tmp/dangling"), 0777), EEXIST);
	assert_err(sys_unlink(U("/tmp/l/")), ENOTDIR);
	assert_err(sys_rmdir(U("/tmp/l")), ENOTDIR);
	assert_err(open_file("/tmp/dangling", O_CREAT | O_EXCL | O_WRONLY), EEXIST);
	touch("/tmp/dangling");
	assert_non_null(inode_of("/tmp/gone"));
}

static void opens_as_flags_say(void **state)
{
	char c;
	(void)state;
	put("/tmp/f", "content");
	assert_err(open_file("/tmp/f", O_CREAT | O_EXCL | O_WRONLY), EEXIST);
	int fd = open_file("/tmp/f", O_WRONLY | O_APPEND);
	assert_int_equal(sys_write(fd, U("!"), 1), 1);
	assert_err(sys_read(fd, U(&c), 1), EBADF);
	assert_string_equal(get("/tmp/f"), "content!");
	fd = open_file("/tmp/f", O_RDONLY);
	assert_err(sys_write(fd, U("x"), 1), EBADF);
	assert_err(sys_ftruncate(fd, 0), EINVAL);
	assert_err(open_file("/tmp", O_WRONLY), EISDIR);
	assert_err(open_file("/tmp", O_RDONLY | O_TRUNC), EISDIR);
	assert_err(open_file("/tmp", O_RDONLY | O_CREAT), EISDIR);
	assert_err(open_file("/tmp/new/", O_WRONLY | O_CREAT), EISDIR);
	assert_err(open_file("/tmp/..", O_WRONLY | O_CREAT), EISDIR);
	fd = open_file("/tmp/f", O_PATH);
	assert_true(fd >= 0);
	assert_err(sys_read(fd, U(&c), 1), EBADF);
	assert_err(sys_lseek(fd, 0, SEEK_SET), EBADF);
	assert_true(sys_fcntl(fd, F_GETFL, 0) & O_PATH);
	open_file("/tmp/f", O_WRONLY | O_TRUNC);
	assert_string_equal(get("/tmp/f"), "");
	assert_err(sys_read(open_file("/tmp", O_RDONLY), U(&c), 1), EISDIR);
	sys_umask(027);
	assert_true(sys_open(U("/tmp/m"), O_CREAT | O_RDONLY, 0666) >= 0);
	assert_int_equal(inode_of("/tmp/m")->mode, S_IFREG | 0640);
	sys_umask(022);
}

static void unlinked_file_lives(void **state)
{
	char buf[8];
	(void)state;
	put("/tmp/f", "alive");
	int fd = open_file("/tmp/f", O_RDWR);
	assert_ok(sys_unlink(U("/tmp/f")));
	assert_err(open_file("/tmp/f", O_RDONLY), ENOENT);
	assert_int_equal(sys_read(fd, U(buf), sizeof buf), 5);
	assert_int_equal(sys_write(fd, U("more"), 4), 4);
	put("/tmp/f", "another");
	assert_int_equal(sys_pread64(fd, U(buf), sizeof buf, 4), 5);
	assert_memory_equal(buf, "emore", 5);
}

static void removes(void **state)
{
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	touch("/tmp/d/f");
	assert_err(sys_rmdir(U("/tmp/d")), ENOTEMPTY);
	assert_err(sys_unlink(U("/tmp/d")), EISDIR);
	assert_err(sys_rmdir(U("/tmp/d/f")), ENOTDIR);
	assert_err(sys_rmdir(U("/tmp/d/.")), EINVAL);
	assert_err(sys_rmdir(U("/tmp/d/..")), ENOTEMPTY);
	assert_err(sys_rmdir(U("/")), EBUSY);
	assert_err(sys_rmdir(U("/dev")), EBUSY);
	assert_err(sys_unlink(U("/tmp/none")), ENOENT);
	assert_err(sys_unlink(U("/tmp/d/f/")), ENOTDIR);
	assert_err(sys_unlinkat(AT_FDCWD, U("/tmp/d"), 1), EINVAL);
	assert_ok(sys_unlink(U("/tmp/d/f")));
	assert_int_equal(inode_of("/tmp/d")->nlink, 2);
	assert_ok(sys_unlinkat(AT_FDCWD, U("/tmp/d"), AT_REMOVEDIR));
	assert_err(sys_mkdir(U("/tmp"), 0777), EEXIST);
	assert_err(sys_mkdir(U("/tmp/."), 0777), EEXIST);
	assert_ok(sys_mkdir(U("/tmp/e/"), 0777));
}

static void links(void **state)
{
	(void)state;
	put("/tmp/f", "x");
	assert_ok(sys_link(U("/tmp/f"), U("/tmp/g")));
	assert_ptr_equal(inode_of("/tmp/f"), inode_of("/tmp/g"));
	assert_int_equal(inode_of("/tmp/f")->nlink, 2);
	assert_err(sys_link(U("/tmp/f"), U("/tmp/g")), EEXIST);
	assert_err(sys_link(U("/tmp"), U("/tmp/h")), EPERM);
	assert_err(sys_link(U("/tmp/f"), U("/dev/shm/h")), EXDEV);
	assert_ok(sys_unlink(U("/tmp/f")));
	assert_int_equal(inode_of("/tmp/g")->nlink, 1);
	assert_ok(sys_symlink(U("g"), U("/tmp/l")));
	assert_ok(sys_link(U("/tmp/l"), U("/tmp/m"))); /* the link itself */
	assert_true(S_ISLNK(inode_of("/tmp/m")->mode));
	assert_ok(sys_linkat(AT_FDCWD, U("/tmp/l"), AT_FDCWD, U("/tmp/n"), AT_SYMLINK_FOLLOW));
	assert_ptr_equal(inode_of("/tmp/n"), inode_of("/tmp/g"));
	int fd = open_file("/tmp", O_TMPFILE | O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(sys_write(fd, U("anon"), 4), 4);
	assert_ok(sys_linkat(fd, U(""), AT_FDCWD, U("/tmp/named"), AT_EMPTY_PATH));
	assert_string_equal(get("/tmp/named"), "anon");
	int gone = open_file("/tmp/named", O_RDONLY);
	assert_ok(sys_unlink(U("/tmp/named")));
	inode_of("/tmp/g");
	fd = open_file("/tmp/g", O_RDONLY);
	sys_unlink(U("/tmp/g"));
	sys_unlink(U("/tmp/n"));
	assert_err(sys_linkat(fd, U(""), AT_FDCWD, U("/tmp/again"), AT_EMPTY_PATH), ENOENT);
	sys_close(gone);
}

static void renames(void **state)
{
	(void)state;
	put("/tmp/a", "a");
	put("/tmp/b", "b");
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	assert_ok(sys_mkdir(U("/tmp/d/e"), 0777));
	assert_ok(sys_rename(U("/tmp/a"), U("/tmp/b")));
	assert_string_equal(get("/tmp/b"), "a");
	assert_null(inode_of("/tmp/a"));
	assert_err(sys_rename(U("/tmp/a"), U("/tmp/b")), ENOENT);
	assert_err(sys_rename(U("/tmp/d"), U("/tmp/d/e/f")), EINVAL);
	assert_err(sys_rename(U("/tmp/d"), U("/tmp/d/e")), EINVAL);
	assert_err(sys_rename(U("/tmp/d/e"), U("/tmp/d")), ENOTEMPTY);
	assert_err(sys_rename(U("/tmp/b"), U("/tmp/d")), EISDIR);
	assert_err(sys_rename(U("/tmp/d"), U("/tmp/b")), ENOTDIR);
	assert_err(sys_rename(U("/tmp/b/"), U("/tmp/c")), ENOTDIR);
	assert_err(sys_rename(U("/tmp/b"), U("/tmp/c/")), ENOTDIR);
	assert_err(sys_rename(U("/tmp/b"), U("/tmp/none/c")), ENOENT);
	assert_err(sys_rename(U("/tmp/."), U("/tmp/x")), EBUSY);
	assert_err(sys_rename(U("/tmp/b"), U("/dev/shm/b")), EXDEV);
	assert_err(sys_rename(U("/dev"), U("/tmp/dev")), EBUSY);
	assert_ok(sys_mkdir(U("/tmp/g"), 0777));
	assert_err(sys_rename(U("/tmp/g"), U("/tmp/d")), ENOTEMPTY);
	assert_ok(sys_rename(U("/tmp/d"), U("/tmp/g/")));
	assert_non_null(inode_of("/tmp/g/e"));
	assert_int_equal(inode_of("/tmp")->nlink, 3);
	assert_ok(sys_rename(U("/tmp/b"), U("/tmp/g/e/b")));
	assert_string_equal(get("/tmp/g/e/b"), "a");
	assert_ok(sys_link(U("/tmp/g/e/b"), U("/tmp/same")));
	assert_ok(sys_rename(U("/tmp/same"), U("/tmp/g/e/b")));
	assert_non_null(inode_of("/tmp/same")); /* two names of one file: both stay */
	assert_ok(sys_rename(U("/tmp/g"), U("/tmp/g")));
}

static void renames_with_flags(void **state)
{
	(void)state;
	put("/tmp/a", "a");
	put("/tmp/b", "b");
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	put("/tmp/d/f", "f");
	const int at = AT_FDCWD;
	assert_err(sys_renameat2(at, U("/tmp/a"), at, U("/tmp/b"), RENAME_NOREPLACE), EEXIST);
	assert_ok(sys_renameat2(at, U("/tmp/a"), at, U("/tmp/c"), RENAME_NOREPLACE));
	assert_err(sys_renameat2(at, U("/tmp/c"), at, U("/tmp/x"), RENAME_EXCHANGE), ENOENT);
	assert_ok(sys_renameat2(at, U("/tmp/c"), at, U("/tmp/b"), RENAME_EXCHANGE));
	assert_string_equal(get("/tmp/b"), "a");
	assert_string_equal(get("/tmp/c"), "b");
	assert_ok(sys_renameat2(at, U("/tmp/d"), at, U("/tmp/b"), RENAME_EXCHANGE));
	assert_string_equal(get("/tmp/b/f"), "f");
	assert_string_equal(get("/tmp/d"), "a");
	assert_err(sys_renameat2(at, U("/tmp/b"), at, U("/tmp/b/f"), RENAME_EXCHANGE), EINVAL);
	assert_err(sys_renameat2(at, U("/tmp/b/f"), at, U("/tmp/b"), RENAME_EXCHANGE), EINVAL);
	assert_err(
	    sys_renameat2(at, U("/tmp/b"), at, U("/tmp/c"), RENAME_EXCHANGE | RENAME_NOREPLACE),
	    EINVAL);
	assert_err(sys_renameat2(at, U("/tmp/b"), at, U("/tmp/c"), 64), EINVAL);
}

struct record {
	uint64_t ino;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* How often name comes in the directory behind fd, read on with a buffer of size bytes. */
static int count_name(int fd, const char *name, unsigned size)
{
	_Alignas(8) char buf[1024];
	int count = 0;
	for (long n; (n = sys_getdents64(fd, U(buf), size)) != 0;) {
		assert_true(n > 0);
		for (long at = 0; at < n;) {
			const struct record *r = (const void *)(buf + at);
			count += strcmp(r->name, name) == 0;
			at += r->length;
		}
	}
	return count;
}

static void reads_directories(void **state)
{
	_Alignas(8) char buf[1024];
	char name[32];
	(void)state;
	assert_ok(sys_mkdir(U("/tmp/d"), 0777));
	for (int i = 0; i < 200; i++) {
		sprintf(name, "/tmp/d/f%d", i);
		touch(name);
	}
	int fd = open_file("/tmp/d", O_RDONLY);
	assert_int_equal(count_name(fd, ".", sizeof buf), 1);
	sys_lseek(fd, 0, SEEK_SET);
	assert_int_equal(count_name(fd, "..", sizeof buf), 1);
	sys_lseek(fd, 0, SEEK_SET);
	assert_err(sys_getdents64(fd, U(buf), 20), EINVAL);
	assert_err(sys_getdents64(fd, 64, 1024), EFAULT);
	/* What goes and comes meanwhile disturbs nothing that stays. */
	assert_true(sys_getdents64(fd, U(buf), 200) > 0);
	for (int i = 0; i < 200; i += 2) {
		sprintf(name, "/tmp/d/f%d", i);
		assert_ok(sys_unlink(U(name)));
		sprintf(name, "/tmp/d/g%d", i);
		touch(name);
	}
	assert_int_equal(count_name(fd, "f199", 64), 1);
	sys_lseek(fd, 0, SEEK_SET);
	assert_int_equal(count_name(fd, "f1", 64), 1);
	sys_lseek(fd, 0, SEEK_SET);
	assert_int_equal(count_name(fd, "f0", 64), 0);
	assert_err(sys_getdents64(open_file("/tmp/d/f1", O_RDONLY), U(buf), 100), ENOTDIR);
}

static void keeps_permissions(void **state)
{
	(void)state;
	put("/tmp/f", "x");
	assert_err(sys_access(U("/tmp/f"), 1), EACCES); /* root needs an x bit, too */
	assert_ok(sys_access(U("/tmp/f"), 6));
	assert_ok(sys_chmod(U("/tmp/f"), 04700));
	assert_int_equal(inode_of("/tmp/f")->mode, S_IFREG | 04700);
	assert_ok(sys_access(U("/tmp/f"), 7));
	process_ids.uid = process_ids.fsuid = process_ids.euid = 1000;
	assert_err(open_file("/tmp/f", O_RDONLY), EACCES);
	assert_err(sys_access(U("/tmp/f"), 4), EACCES);
	assert_err(sys_chmod(U("/tmp/f"), 0777), EPERM);
	assert_err(sys_unlink(U("/tmp/f")), EPERM); /* sticky */
	assert_err(sys_mkdir(U("/etc/x"), 0777), EACCES);
	touch("/tmp/mine");
	assert_int_equal(inode_of("/tmp/mine")->uid, 1000);
	assert_ok(sys_unlink(U("/tmp/mine")));
	process_ids = (struct process_ids){.uid = 0};
}

static void sets_times(void **state)
{
	int64_t t[4] = {-5, 7, 100, 8};
	(void)state;
	put("/tmp/f", "x");
	assert_ok(sys_utimensat(AT_FDCWD, U("/tmp/f"), U(t), 0));
	struct inode *i = inode_of("/tmp/f");
	assert_int_equal(i->atime.sec, -5);
	assert_int_equal(i->mtime.nsec, 8);
	t[1] = (1l << 30) - 2; /* UTIME_OMIT */
	t[3] = (1l << 30) - 1; /* UTIME_NOW */
	vfs_test_realtime = 5000000001;
	assert_ok(sys_utimensat(AT_FDCWD, U("/tmp/f"), U(t), 0));
	assert_int_equal(i->atime.sec, -5);
	assert_int_equal(i->mtime.sec, 5);
	assert_int_equal(i->mtime.nsec, 1);
	t[1] = 1000000000;
	assert_err(sys_utimensat(AT_FDCWD, U("/tmp/f"), U(t), 0), EINVAL);
}

static void fails_cleanly_without_memory(void **state)
{
	(void)state;
	for (long n = 0; n < 40; n++) {
		vfs_test_allocations_left = n;
		long fd = sys_open(U("/tmp/deep"), O_CREAT | O_RDWR, 0666);
		if (fd >= 0) {
			sys_write((int)fd, U("text"), 4);
			sys_close((int)fd);
		}
		sys_mkdir(U("/tmp/dir"), 0777);
		sys_symlink(U("dir"), U("/tmp/link"));
		sys_rename(U("/tmp/deep"), U("/tmp/link/deeper"));
		sys_link(U("/tmp/link/deeper"), U("/tmp/other"));
		vfs_test_allocations_left = -1;
		sys_unlink(U("/tmp/dir/deeper"));
		sys_unlink(U("/tmp/other"));
		sys_unlink(U("/tmp/deep"));
		sys_unlink(U("/tmp/link"));
		sys_rmdir(U("/tmp/dir"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, vfs_test_setup, vfs_test_teardown)
	    TEST(walks_paths),
	    TEST(walks_from_directories),
	    TEST(follows_links),
	    TEST(link_with_slash_is_the_target),
	    TEST(opens_as_flags_say),
	    TEST(unlinked_file_lives),
	    TEST(removes),
	    TEST(links),
	    TEST(renames),
	    TEST(renames_with_flags),
	    TEST(reads_directories),
	    TEST(keeps_permissions),
	    TEST(sets_times),
	    TEST(fails_cleanly_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
