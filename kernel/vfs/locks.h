/*
 * Advisory locks on whole files (flock(2)) and ranges (fcntl(2)). There is one process, so its
 * POSIX locks never conflict with each other; flock and open-file-description locks belong to open
 * files and do conflict. Locks die with their open file; POSIX locks with any close of the file.
 * One spin lock inside, taken after nothing.
 */
#pragma once
#include <stdint.h>

struct file;
struct inode;
struct flock_list;

/* flock(2): operation LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB. 0, -EWOULDBLOCK, -EINVAL,
 * -ERESTARTSYS, -ENOMEM. */
long locks_flock(struct file *f, unsigned operation);
/* fcntl(2) F_GETLK ... F_OFD_SETLKW; arg is the program's struct flock. */
long locks_fcntl(struct file *f, unsigned cmd, uintptr_t arg);
/* f was closed for the last time. */
void locks_release_file(struct file *f);
/* A descriptor of f was closed: the process loses its POSIX locks on the file. */
void locks_descriptor_closed(struct file *f);
void locks_free(struct flock_list *l);
