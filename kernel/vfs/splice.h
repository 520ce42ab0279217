/* What sendfile(2) and splice(2) share: bytes in kernel buffers on their way into or out of a file.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct netbuf;
struct uio;

/* May f's bytes be spliced out of it (or into it)? Data, sockets and most devices can. */
bool spliceable(struct file *f, bool into);
/* Sends the buffers of u to f, a socket, without waiting. more: further bytes follow at once
 * (MSG_MORE). ref: the same bytes, which never change, as memory of the stack; NULL if they may.
 * Bytes, -EAGAIN, -errno. */
long splice_to_socket(struct file *f, struct uio *u, bool more, struct netbuf *ref);
/* As above, out of a socket. 0 at the end. */
long splice_from_socket(struct file *f, struct uio *u);
/* Waits until a socket can be written (or read), or has an error, or its time-out is over. 0,
 * -EAGAIN (nonblock, time-out), -ERESTARTSYS. */
int splice_wait_socket(struct file *f, bool write, bool nonblock);
/* Copies between kernel buffers: a pipe_transfer whose ctx is the source. */
long splice_copy(void *src, struct uio *dst);
