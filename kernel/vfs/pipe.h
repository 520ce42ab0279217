/*
 * Pipes and FIFOs, pipe(7). A struct pipe belongs to its inode. Its lock is held over copies from
 * and to the program (page faults take the address-space lock after it).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct inode;
struct dentry;
struct pipe;
struct uio;

struct pipe *pipe_new(void); /* NULL: no memory */
void pipe_free(struct pipe *p);
/* pipe2(2): two open files, one reference each. -EINVAL (flags), -ENOMEM, -ENFILE. */
int pipe_create(unsigned flags, struct file **rd, struct file **wr);
/* open(2) of a FIFO: waits for the other side as fifo(7) says. -ENXIO, -ERESTARTSYS. */
int pipe_open(struct inode *inode, struct dentry *dentry, unsigned flags, struct file **out);
/* fcntl F_GETPIPE_SZ, F_SETPIPE_SZ: the size, -EBADF (no pipe), -EBUSY, -EPERM, -ENOMEM. */
long pipe_get_size(struct file *f);
long pipe_set_size(struct file *f, unsigned long size);

/*
 * For splice(2) and its relatives, which move bytes between a pipe's own memory and something else.
 * fn gets kernel buffers and may block; while it runs nobody else puts bytes in (or takes them out)
 * at that end. It returns the bytes it transferred, 0 at an end, -errno.
 */
typedef long (*pipe_transfer)(void *ctx, struct uio *u);

/* The pipe that f is an open end of, NULL. */
struct pipe *pipe_of(struct file *f);
/* Lets fn put at most max bytes into free space. -EAGAIN (no space now), -ENOMEM, -EPIPE (and
 * SIGPIPE), else what fn returned. */
long pipe_fill(struct file *f, size_t max, pipe_transfer fn, void *ctx);
/* Lets fn take at most max bytes; with consume they are gone from the pipe. 0 (empty, no writers),
 * -EAGAIN (empty), else what fn returned. */
long pipe_drain(struct file *f, size_t max, bool consume, pipe_transfer fn, void *ctx);
/* Waits for space, or for the last reader to go; for bytes, or for the last writer to go. 0,
 * -EAGAIN (nonblock), -ERESTARTSYS. */
int pipe_wait_space(struct file *f, bool nonblock);
int pipe_wait_bytes(struct file *f, bool nonblock);
