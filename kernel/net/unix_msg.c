/* Messages of AF_UNIX: bytes on their way from one socket's writer to another's queue. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "net/packet.h"
#include "net/unix_internal.h"

#define INLINE_MAX 2048u /* up to here the bytes lie in the message */

/* Together these may be an eighth of RAM; pieces count as the stack's buffers. */
static uint64_t inline_bytes;

/* As Linux accounts: the data's share of the allocator, and the descriptor of the buffer. Programs
 * size SO_SNDBUF by it. */
static uint32_t true_size(uint32_t len)
{
	uint32_t data = len <= 192 ? 512 : ((len + 320 + 511) & ~511u);
	return data + 256;
}

/* All the memory first: a try that fails for want of it must leave u as it is. */
static int get_pieces(struct unix_msg *m, struct uio *u, uint32_t len)
{
	uint32_t step = 1u << m->piece_shift;
	for (uint32_t left = len; left; left -= left < step ? left : step) {
		struct netbuf *b = netbuf_alloc(left < step ? left : step);
		if (!b)
			return -ENOBUFS;
		m->pieces[m->npieces++] = b;
	}
	for (unsigned i = 0; i < m->npieces; i++) {
		uint32_t n = len - i * step < step ? len - i * step : step;
		if (uio_get(u, m->pieces[i]->data, n) != n)
			return -EFAULT;
	}
	return 0;
}

static void free_bytes(struct unix_msg *m)
{
	for (unsigned i = 0; i < m->npieces; i++)
		netbuf_put(m->pieces[i]);
	inline_bytes -= m->piece_shift ? 0 : m->len;
	kfree(m);
}

/* What somebody reads will wake the sender; if nothing of its own is under way nobody will. */
static int short_of_memory(struct unix_sock *from)
{
	from->nospace = true;
	return from->wmem ? -EAGAIN : -ENOBUFS;
}

int unix_msg_new(struct unix_sock *from, struct uio *u, uint32_t len, struct unix_msg **out)
{
	uint32_t pieces = (len + UNIX_PIECE - 1) / UNIX_PIECE;
	bool in_place = len <= INLINE_MAX;
	if (pieces > UINT16_MAX || (in_place && inline_bytes + len > page_total() * PAGE_SIZE / 8))
		return short_of_memory(from);
	struct unix_msg *m =
	    kmalloc(offsetof(struct unix_msg, bytes) +
		    (in_place ? (len ? len : 1) : (size_t)pieces * sizeof m->pieces[0]));
	if (!m)
		return short_of_memory(from);
	m->scm = NULL;
	m->read = 0;
	m->npieces = 0;
	m->len = len;
	m->piece_shift = in_place ? 0 : (uint8_t)__builtin_ctz(UNIX_PIECE);
	m->cred = (struct unix_cred){0, UNIX_NO_ID, UNIX_NO_ID};
	m->truesize = true_size(len);
	list_init(&m->link);
	inline_bytes += in_place ? len : 0;
	int err = 0;
	if (!in_place)
		err = get_pieces(m, u, len);
	else if (len && uio_get(u, m->bytes, len) != len)
		err = -EFAULT;
	if (err) {
		free_bytes(m);
		return err == -ENOBUFS ? short_of_memory(from) : err;
	}
	m->from = unix_get(from);
	from->wmem += m->truesize;
	*out = m;
	return 0;
}

uint32_t unix_msg_copy(const struct unix_msg *m, uint32_t offset, struct uio *u, uint32_t n)
{
	if (!m->piece_shift)
		return (uint32_t)uio_put(u, m->bytes + offset, n);
	uint32_t done = 0, size = 1u << m->piece_shift;
	while (done < n) {
		uint32_t at = (offset + done) & (size - 1);
		uint32_t step = size - at < n - done ? size - at : n - done;
		const struct netbuf *b = m->pieces[(offset + done) >> m->piece_shift];
		uint32_t got = (uint32_t)uio_put(u, b->data + at, step);
		done += got;
		if (got < step)
			break;
	}
	return done;
}

void unix_enqueue(struct unix_sock *to, struct unix_msg *m)
{
	list_add_tail(&to->queue, &m->link);
	to->queued++;
	to->unread += m->len;
}

void unix_dequeue(struct unix_sock *to, struct unix_msg *m)
{
	list_remove(&m->link);
	to->queued--;
	to->unread -= m->len - m->read;
}

void unix_msg_free(struct unix_msg *m)
{
	struct unix_sock *from = m->from;
	unix_scm_drop(unix_scm_detach(m));
	from->wmem -= m->truesize;
	if (from->nospace && !from->dead && unix_writable(from)) {
		from->nospace = false;
		socket_wake(&from->so, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	}
	unix_put(from);
	free_bytes(m);
}
