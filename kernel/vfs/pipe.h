/*
 * Pipes and FIFOs, pipe(7). A struct pipe belongs to its inode. Its lock is held over copies from
 * and to the program (page faults take the address-space lock after it).
 */
#pragma once
#include <stdint.h>

struct file;
struct inode;
struct dentry;
struct pipe;

struct pipe *pipe_new(void); /* NULL: no memory */
void pipe_free(struct pipe *p);
/* pipe2(2): two open files, one reference each. -EINVAL (flags), -ENOMEM, -ENFILE. */
int pipe_create(unsigned flags, struct file **rd, struct file **wr);
/* open(2) of a FIFO: waits for the other side as fifo(7) says. -ENXIO, -ERESTARTSYS. */
int pipe_open(struct inode *inode, struct dentry *dentry, unsigned flags, struct file **out);
/* fcntl F_GETPIPE_SZ, F_SETPIPE_SZ: the size, -EBADF (no pipe), -EBUSY, -EPERM, -ENOMEM. */
long pipe_get_size(struct file *f);
long pipe_set_size(struct file *f, unsigned long size);
