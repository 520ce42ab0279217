/* Control messages (cmsg(3)): a header of 16 bytes, the data, padding to 8. Pure. */
#include <asm/errno.h>
#include "lib/string.h"
#include "net/socket.h"

void cmsg_put(struct socket_msg *m, int level, int type, const void *data, size_t len)
{
	size_t room = m->control_size - m->control_len, n = CMSG_LENGTH(len);
	struct user_cmsghdr c = {.level = level, .type = type};

	if (room < sizeof c) {
		m->flags |= MSG_CTRUNC;
		return;
	}
	if (n > room) {
		m->flags |= MSG_CTRUNC;
		n = room;
	}
	c.len = n;
	uint8_t *at = m->control + m->control_len;
	memcpy(at, &c, sizeof c);
	memcpy(at + sizeof c, data, n - sizeof c);
	size_t padded = CMSG_ROUND(n);
	if (padded > room)
		padded = room;
	memset(at + n, 0, padded - n);
	m->control_len += padded;
}

const struct user_cmsghdr *cmsg_next(const struct socket_msg *m, size_t *at, size_t *len, int *err)
{
	size_t left = m->control_len - *at;
	const struct user_cmsghdr *c = (const void *)(m->control + *at);

	*err = 0;
	if (*at > m->control_len || left < sizeof *c)
		return NULL;
	if (c->len < sizeof *c || c->len > left) {
		*err = -EINVAL;
		return NULL;
	}
	*len = c->len - sizeof *c;
	*at += CMSG_ROUND(c->len) < left ? CMSG_ROUND(c->len) : left;
	return c;
}
