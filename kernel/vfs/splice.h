/* What sendfile(2) and splice(2) share: bytes in kernel buffers on their way into or out of a file.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backing;
struct file;
struct uio;

/* May f's bytes be spliced out of it (or into it)? Data, sockets and most devices can. */
bool spliceable(struct file *f, bool into);
/* Sends the buffers of u to f, a socket, without waiting. more: further bytes follow at once
 * (MSG_MORE). Bytes, -EAGAIN, -errno. */
long splice_to_socket(struct file *f, struct uio *u, bool more);
/* As above, for bytes that never change: they are not copied, packets refer to them. Takes the
 * caller's reference to backing, which keeps them. 0 if memory is short: they can still be copied.
 */
long splice_constant_to_socket(struct file *f, const void *data, size_t len,
			       struct backing *backing, bool more);
/* As above, out of a socket. 0 at the end. */
long splice_from_socket(struct file *f, struct uio *u);
/* Waits until a socket can be written (or read), or has an error, or its time-out is over. 0,
 * -EAGAIN (nonblock, time-out), -ERESTARTSYS. */
int splice_wait_socket(struct file *f, bool write, bool nonblock);
/* Copies between kernel buffers: a pipe_transfer whose ctx is the source. */
long splice_copy(void *src, struct uio *dst);
