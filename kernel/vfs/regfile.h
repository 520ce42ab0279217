/* Open regular files and texts made on opening (/proc). */
#pragma once
#include <stdint.h>

struct dentry;
struct file;
struct inode;
struct uio;

extern const struct file_ops regular_ops, directory_ops, path_ops;

/* A regular file's data, NULL if f is none (or only a text). */
struct filedata *regular_data(struct file *f);
/* Makes the text of a textfile and opens it. */
int text_open(struct inode *i, struct dentry *d, unsigned flags, struct file **out);
/* Writes at the end, whatever O_APPEND says (RWF_APPEND). */
long regular_append(struct file *f, struct uio *u, uint64_t *pos);
/* lseek(2) in something of a fixed size; SEEK_SET, SEEK_CUR and SEEK_END. Sets f->pos. */
long seek_within(struct file *f, int64_t offset, int whence, uint64_t size);
