/*
 * What the file system's unit tests stand on: memory, clocks, the program's memory (plain host
 * memory), waiting (a step of the test instead of sleep) and a fresh tree. Pages and kernel heap
 * come from malloc, so the sanitizers see every use after freeing. Link with
 * tests/unit/vfs/shims.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tree that vfs_init makes (without /proc), with an empty /tmp; no descriptor is open. Teardown
 * closes all descriptors, empties /tmp and checks that every page came back. */
int vfs_test_setup(void **state);
int vfs_test_teardown(void **state);
/* Leaves nothing but the root and /tmp. */
void vfs_test_remove_all(void);

/* Called when the code under test would sleep. 0: the condition may hold now; else the result of
 * the wait (-ETIMEDOUT, -ERESTARTSYS). NULL: the test fails, since nobody would ever wake it. */
extern int (*vfs_test_sleep)(uint64_t deadline);
extern uint64_t vfs_test_monotonic, vfs_test_realtime; /* ns */
extern uint64_t vfs_test_pages_left;		       /* pages there still are */
extern uint64_t vfs_test_pages_in_use;
/* The kernel heap fails after this many allocations; -1: never. */
extern long vfs_test_allocations_left;
extern int vfs_test_signal; /* the last one sent */
/* Bytes in this range fault. */
extern bool (*vfs_test_bad)(uintptr_t at, size_t n); /* asked too, unless NULL */
extern uintptr_t vfs_test_bad_start, vfs_test_bad_end;
extern char vfs_test_console[65536];
extern unsigned vfs_test_console_length;
/* Pages that were taken out of the program's page tables. */
extern uint64_t vfs_test_unmapped_first, vfs_test_unmapped_last;

/* A path or buffer as the calls take it. */
#define U(p) ((uintptr_t)(p))

long sys_read(int fd, uintptr_t buf, size_t n);
long sys_write(int fd, uintptr_t buf, size_t n);
long sys_pread64(int fd, uintptr_t buf, size_t n, int64_t pos);
long sys_pwrite64(int fd, uintptr_t buf, size_t n, int64_t pos);
long sys_readv(int fd, uintptr_t vec, size_t count);
long sys_writev(int fd, uintptr_t vec, size_t count);
long sys_lseek(int fd, int64_t offset, int whence);
long sys_open(uintptr_t path, int flags, unsigned mode);
long sys_openat(int dirfd, uintptr_t path, int flags, unsigned mode);
long sys_close(int fd);
long sys_dup(int fd);
long sys_dup2(int from, int to);
long sys_dup3(int from, int to, int flags);
long sys_fcntl(int fd, unsigned cmd, uintptr_t arg);
long sys_ioctl(int fd, unsigned cmd, uintptr_t arg);
long sys_close_range(unsigned first, unsigned last, unsigned flags);
long sys_flock(int fd, unsigned operation);
long sys_mkdir(uintptr_t path, unsigned mode);
long sys_rmdir(uintptr_t path);
long sys_mknod(uintptr_t path, unsigned mode, unsigned dev);
long sys_symlink(uintptr_t target, uintptr_t path);
long sys_link(uintptr_t old, uintptr_t new);
long sys_linkat(int old_dirfd, uintptr_t old, int new_dirfd, uintptr_t new, unsigned flags);
long sys_unlink(uintptr_t path);
long sys_unlinkat(int dirfd, uintptr_t path, int flags);
long sys_readlink(uintptr_t path, uintptr_t buf, int size);
long sys_rename(uintptr_t old_path, uintptr_t new_path);
long sys_renameat2(int old_dirfd, uintptr_t old_path, int new_dirfd, uintptr_t new_path,
		   unsigned flags);
long sys_chdir(uintptr_t path);
long sys_fchdir(int fd);
long sys_getcwd(uintptr_t buf, size_t size);
long sys_umask(unsigned mask);
long sys_getdents64(int fd, uintptr_t buf, unsigned size);
long sys_chmod(uintptr_t path, unsigned mode);
long sys_utimensat(int dirfd, uintptr_t path, uintptr_t times, int flags);
long sys_access(uintptr_t path, unsigned mode);
long sys_truncate(uintptr_t path, int64_t size);
long sys_ftruncate(int fd, int64_t size);
long sys_fallocate(int fd, int mode, int64_t offset, int64_t len);
long sys_sendfile(int out_fd, int in_fd, uintptr_t offset, size_t n);
long sys_copy_file_range(int in_fd, uintptr_t in_off, int out_fd, uintptr_t out_off, size_t n,
			 unsigned flags);
long sys_memfd_create(uintptr_t name, unsigned flags);
long sys_pipe2(uintptr_t fds, int flags);
long sys_eventfd2(unsigned count, int flags);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int epfd, int op, int fd, uintptr_t event);
long sys_epoll_wait(int epfd, uintptr_t events, int max, int timeout);
long sys_poll(uintptr_t fds, unsigned n, int timeout);
long sys_select(int n, uintptr_t in, uintptr_t out, uintptr_t ex, uintptr_t timeout);
