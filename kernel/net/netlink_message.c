#include "net/netlink.h"
#include <asm/errno.h>
#include "mm/kmalloc.h"

/* As much as a dump's datagram holds: programs read with buffers of a page. */
#define DUMP_ROOM 3584u
/* An answer to one request. */
#define MESSAGE_ROOM 2048u

struct netlink_buf *netlink_buf_new(uint32_t room)
{
	struct netlink_buf *b = kmalloc(sizeof *b + room);

	if (!b)
		return NULL;
	list_init(&b->link);
	b->len = 0;
	b->room = room;
	b->group = 0;
	b->failed = false;
	return b;
}

/* Where the message that is being built begins: kept in the last message's length of 0. */
static struct nlmsghdr *open_message(struct netlink_buf *b)
{
	uint32_t at = 0;

	for (;;) {
		struct nlmsghdr *h = (void *)(b->data + at);
		if (!h->nlmsg_len)
			return h;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

static void *extend(struct netlink_buf *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);

	if (b->failed || b->room - b->len < padded) {
		b->failed = true;
		return NULL;
	}
	uint8_t *at = b->data + b->len;
	memset(at, 0, padded);
	b->len += (uint32_t)padded;
	return at;
}

void *netlink_begin(struct netlink_reply *r, uint16_t type, size_t fixed)
{
	bool dump = r->flags & NLM_F_MULTI;

	if (r->failed)
		return NULL;
	/* Not enough room for most messages: the next datagram. */
	if (r->buf && r->buf->room - r->buf->len < (dump ? DUMP_ROOM / 2 : MESSAGE_ROOM)) {
		netlink_deliver(r->to, r->buf);
		r->buf = NULL;
	}
	if (!r->buf)
		r->buf = netlink_buf_new(dump ? DUMP_ROOM : MESSAGE_ROOM);
	struct nlmsghdr *h = r->buf ? extend(r->buf, sizeof *h + fixed) : NULL;
	if (!h) {
		r->failed = true;
		return NULL;
	}
	h->nlmsg_type = type;
	h->nlmsg_flags = r->flags;
	h->nlmsg_seq = r->seq;
	h->nlmsg_pid = r->to ? r->to->portid : 0;
	return h + 1;
}

void netlink_put(struct netlink_reply *r, uint16_t type, const void *value, size_t len)
{
	struct nlattr *a = r->failed ? NULL : extend(r->buf, sizeof *a + len);

	if (!a) {
		r->failed = true;
		return;
	}
	a->nla_type = type;
	a->nla_len = (uint16_t)(sizeof *a + len);
	if (len)
		memcpy(a + 1, value, len);
}

void netlink_put_string(struct netlink_reply *r, uint16_t type, const char *s)
{
	netlink_put(r, type, s, strlen(s) + 1);
}

void netlink_put_addr(struct netlink_reply *r, uint16_t type, const struct ip_addr *a)
{
	bool v4 = ip_is_v4(a);

	netlink_put(r, type, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
}

void netlink_end(struct netlink_reply *r)
{
	if (r->failed)
		return;
	struct nlmsghdr *h = open_message(r->buf);
	h->nlmsg_len = (uint32_t)(r->buf->data + r->buf->len - (uint8_t *)h);
}

void netlink_parse(const void *attrs, size_t len, struct netlink_attrs *out)
{
	const uint8_t *at = attrs;

	memset(out, 0, sizeof *out);
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const void *)at;
		uint16_t type = a->nla_type & (uint16_t)NLA_TYPE_MASK;
		size_t n = (size_t)NLA_ALIGN(a->nla_len);
		if (a->nla_len < sizeof *a || a->nla_len > len)
			break; /* leftovers are ignored, as Linux does without strict checking */
		if (type < NETLINK_ATTRS)
			out->attr[type] = a;
		if (n >= len)
			break;
		at += n;
		len -= n;
	}
}

int netlink_get_u32(const struct nlattr *a, uint32_t *out)
{
	if (!a)
		return 0;
	if (netlink_attr_len(a) < sizeof *out)
		return -EINVAL;
	memcpy(out, netlink_attr_data(a), sizeof *out);
	return 0;
}

int netlink_get_addr(const struct nlattr *a, int family, struct ip_addr *out)
{
	be32_t v4;

	if (!a)
		return 0;
	if (netlink_attr_len(a) != (family == AF_INET ? 4 : 16))
		return -EINVAL;
	if (family == AF_INET) {
		memcpy(&v4, netlink_attr_data(a), 4);
		*out = ip_from_v4(v4);
	} else {
		memcpy(out, netlink_attr_data(a), 16);
	}
	return 0;
}

int netlink_get_name(const struct nlattr *a, char name[IFNAMSIZ])
{
	size_t n = netlink_attr_len(a);
	const char *s = netlink_attr_data(a);

	if (n && s[n - 1] == '\0')
		n--;
	if (n == 0 || n >= IFNAMSIZ || memchr(s, '\0', n))
		return -EINVAL;
	memcpy(name, s, n);
	name[n] = '\0';
	return 0;
}
