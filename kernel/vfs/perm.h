/* File permissions, path_resolution(7) and inode(7), for the process's file-system ids. Root (the
 * usual case) may do all but execute what nobody may. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct inode;

#define MAY_EXEC  1u /* the values of R_OK, W_OK, X_OK */
#define MAY_WRITE 2u
#define MAY_READ  4u

/* 0 or -EACCES. real: by the real ids, as access(2) asks. */
int inode_may(const struct inode *i, unsigned what, bool real);
/* The owner or root: 0, else -EPERM. */
int inode_owned(const struct inode *i);
/* May an entry of dir be removed or replaced (write and search permission, sticky bit)? */
int inode_may_remove(const struct inode *dir, const struct inode *victim);
