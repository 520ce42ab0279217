/* Making files of the kernel's own at boot. Paths are absolute; parents are made as needed. When
 * memory is out these end the machine. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "vfs/inode.h"

struct dentry *tree_mkdir(const struct super *s, const char *path, uint32_t mode);
/* A file of any type at path, which must be free; *out (may be NULL) gets it without a reference.
 */
struct inode *tree_add(const struct super *s, const char *path, uint32_t mode);
void tree_symlink(const struct super *s, const char *path, const char *target);
void tree_text(const struct super *s, const char *path, uint32_t mode, const struct textfile *text,
	       long arg);
/* A regular file whose content is constant kernel data, left in place. Not if path exists. */
void tree_default_file(const char *path, const char *text);
/* Removes what is at path, a directory with all below it; nothing if there is nothing. */
void tree_remove(const char *path);
