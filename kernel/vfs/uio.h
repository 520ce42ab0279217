/*
 * What a read or write transfers: a list of buffers with a cursor. The caller owns it; nothing here
 * locks. The buffers are the program's, so copying may stop at a fault: every function returns the
 * bytes done, which is less than asked only when the buffers are used up or one faulted.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct uio_vec {
	uintptr_t base; /* the layout of struct iovec */
	size_t len;
};

#define UIO_MAXVEC   1024	  /* UIO_MAXIOV of Linux */
#define UIO_MAXBYTES 0x7ffff000ul /* MAX_RW_COUNT of Linux: longer transfers are cut short */

struct uio {
	const struct uio_vec *vec; /* the vector the cursor is in */
	size_t count;		   /* vectors from there on */
	size_t skip;		   /* bytes of vec[0] already done */
	size_t left;		   /* bytes not done */
	bool kernel;		   /* the buffers are the kernel's own */
	struct uio_vec one;	   /* storage for a single buffer */
};

/* One buffer of the program. */
void uio_init(struct uio *u, uintptr_t buf, size_t len);
/* One buffer of the kernel. */
void uio_init_kernel(struct uio *u, void *buf, size_t len);
/*
 * The vectors at vec (readv(2)), copied into *store, which the caller kfrees (NULL if not needed).
 * 0, -EINVAL (count, or lengths that add up beyond SSIZE_MAX), -EFAULT, -ENOMEM.
 */
int uio_init_user_vec(struct uio *u, uintptr_t vec, size_t count, struct uio_vec **store);

/* From src into the buffers; and back. */
size_t uio_put(struct uio *u, const void *src, size_t n);
size_t uio_get(struct uio *u, void *dst, size_t n);
size_t uio_put_zero(struct uio *u, size_t n);
/* Moves the cursor without copying. */
void uio_skip(struct uio *u, size_t n);
/* Back by n bytes that were done. */
void uio_back(struct uio *u, size_t n);
