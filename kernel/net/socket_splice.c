/* sendfile(2) and splice(2) on sockets: vfs/splice.h. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/uaccess.h"
#include "net/net.h"
#include "net/packet.h"
#include "net/socket_abi.h"
#include "net/socket_call.h"
#include "sched/wait.h"
#include "time/clock.h"
#include "vfs/file.h"
#include "vfs/filedata.h"
#include "vfs/splice.h"

/* ref: the same bytes, which never change, as memory of the stack; NULL if they may. */
static long send(struct file *f, struct uio *u, bool more, struct netbuf *ref)
{
	struct socket_msg m;
	socket_msg_init(&m, u);
	m.ref = ref;
	m.ref_offset = 0;
	m.kernel = true;
	return socket_send(socket_of(f), &m, MSG_DONTWAIT | (more ? MSG_MORE : 0u), true);
}

long splice_to_socket(struct file *f, struct uio *u, bool more)
{
	return send(f, u, more, NULL);
}

long splice_from_socket(struct file *f, struct uio *u)
{
	struct socket_msg m;
	socket_msg_init(&m, u);
	m.kernel = true;
	return socket_recv(socket_of(f), &m, MSG_DONTWAIT, true);
}

int splice_wait_socket(struct file *f, bool write, bool nonblock)
{
	struct socket *so = socket_of(f);
	uint64_t timeout = write ? so->sndtimeo : so->rcvtimeo;
	uint64_t deadline = timeout ? clock_monotonic() + timeout : WAIT_FOREVER;
	uint32_t events = (write ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLERR | EPOLLHUP;
	struct waitqueue *wq = &so->wait;
	if (nonblock)
		return -EAGAIN;
	int err = wait_event(wq, file_poll(f, &wq) & events, deadline);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* Constant bytes of a file as memory of the stack. */
struct constant {
	struct netbuf buf;
	struct backing *backing;
};

static void constant_release(struct netbuf *b)
{
	struct constant *c = container_of(b, struct constant, buf);
	backing_put(c->backing);
	kfree(c);
}

long splice_constant_to_socket(struct file *f, const void *data, size_t len,
			       struct backing *backing, bool more)
{
	struct constant *c = kmalloc(sizeof *c);
	if (!c) {
		backing_put(backing);
		return 0;
	}
	/* The image is mapped where it is linked; devices are told of the direct map. */
	uint8_t *mem =
	    (uintptr_t)data < USER_END ? phys_to_virt((uintptr_t)data) : (uint8_t *)(uintptr_t)data;
	*c = (struct constant){
	    .buf = {.refs = 1, .size = (uint32_t)len, .data = mem, .release = constant_release},
	    .backing = backing};
	struct uio u;
	uio_init_kernel(&u, mem, len);
	long r = send(f, &u, more, &c->buf);
	net_enter();
	netbuf_put(&c->buf);
	net_leave();
	return r;
}
