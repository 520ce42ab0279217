#include "net/netlink.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/init.h"
#include "sys/process_ids.h"

#define GROUPS_MAX  36u /* RTNLGRP_MAX of Linux 6.1 */
#define REQUEST_MAX 65536u
/* What an element of the queue costs beside its data. */
#define BUF_OVERHEAD 256u

static struct list sockets = LIST_INIT(sockets);
/* How many members each group has, so that nobody builds messages that none will read. */
static uint16_t members[GROUPS_MAX + 1];

static struct netlink_sock *netlink_of(struct socket *so)
{
	return (struct netlink_sock *)(void *)so;
}

bool netlink_heard(uint32_t group)
{
	return members[group] != 0;
}

static void set_groups(struct netlink_sock *s, uint64_t groups)
{
	for (unsigned g = 1; g <= GROUPS_MAX; g++) {
		uint64_t bit = 1ull << (g - 1);
		if ((groups & bit) && !(s->groups & bit))
			members[g]++;
		if (!(groups & bit) && (s->groups & bit))
			members[g]--;
	}
	s->groups = groups;
}

void netlink_deliver(struct netlink_sock *s, struct netlink_buf *b)
{
	if (s->queued_bytes && s->queued_bytes + b->len + BUF_OVERHEAD > s->so.rcvbuf) {
		kfree(b);
		if (!s->no_enobufs) {
			s->overrun = true;
			socket_wake(&s->so, EPOLLERR);
		}
		s->so.drops++;
		return;
	}
	s->queued_bytes += b->len + BUF_OVERHEAD;
	list_add_tail(&s->queue, &b->link);
	socket_wake(&s->so, EPOLLIN | EPOLLRDNORM);
}

void netlink_multicast(struct netlink_reply *r, uint32_t group)
{
	struct netlink_buf *b = r->buf;

	list_for_each_entry (s, &sockets, struct netlink_sock, all_link) {
		if (!b || r->failed || !(s->groups & 1ull << (group - 1)))
			continue;
		struct netlink_buf *copy = netlink_buf_new(b->len);
		if (!copy) {
			s->overrun = !s->no_enobufs;
			continue;
		}
		memcpy(copy->data, b->data, b->len);
		copy->len = b->len;
		copy->group = group;
		netlink_deliver(s, copy);
	}
	kfree(b);
	r->buf = NULL;
}

static int netlink_create(struct socket *so, int protocol)
{
	struct netlink_sock *s = netlink_of(so);

	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	list_init(&s->queue);
	list_add_tail(&sockets, &s->all_link);
	return 0;
}

static void netlink_release(struct socket *so)
{
	struct netlink_sock *s = netlink_of(so);

	set_groups(s, 0);
	list_remove(&s->all_link);
	list_for_each_entry_safe (b, &s->queue, struct netlink_buf, link)
		kfree(b);
	socket_free(so);
}

static bool port_taken(uint32_t portid)
{
	list_for_each_entry (s, &sockets, struct netlink_sock, all_link)
		if (s->portid == portid)
			return true;
	return false;
}

/* The process's id for its first socket, as Linux does and old programs expect, else one from the
 * top of the numbers. */
static void autobind(struct netlink_sock *s)
{
	static uint32_t next = (uint32_t)-4096;
	uint32_t portid = PROCESS_ID;

	while (port_taken(portid))
		portid = next--;
	s->portid = portid;
}

static int netlink_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct netlink_sock *s = netlink_of(so);
	struct sockaddr_nl nl;

	if (len < sizeof nl)
		return -EINVAL;
	memcpy(&nl, a, sizeof nl);
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	if (s->portid && nl.nl_pid != s->portid)
		return -EINVAL;
	if (!s->portid && nl.nl_pid) {
		if (port_taken(nl.nl_pid))
			return -EADDRINUSE;
		s->portid = nl.nl_pid;
	}
	if (!s->portid)
		autobind(s);
	set_groups(s, (s->groups & ~0xffffffffull) | nl.nl_groups);
	return 0;
}

/* Only the kernel can be talked to. */
static int check_destination(const struct sockaddr_nl *nl, unsigned len)
{
	if (len < sizeof *nl || nl->nl_family != AF_NETLINK)
		return -EINVAL;
	if (nl->nl_groups)
		return -EPERM;
	return nl->nl_pid ? -ECONNREFUSED : 0;
}

static int netlink_connect(struct socket *so, const struct __kernel_sockaddr_storage *a,
			   unsigned len)
{
	struct netlink_sock *s = netlink_of(so);
	struct sockaddr_nl nl;
	uint16_t family;

	if (len < sizeof family)
		return -EINVAL;
	memcpy(&family, a, sizeof family);
	if (family == AF_UNSPEC) {
		s->connected = false;
		return 0;
	}
	memcpy(&nl, a, sizeof nl);
	int err = check_destination(&nl, len);
	if (err)
		return err;
	if (!s->portid)
		autobind(s);
	s->connected = true;
	return 0;
}

static int netlink_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer)
{
	struct netlink_sock *s = netlink_of(so);
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};

	if (!peer) {
		nl.nl_pid = s->portid;
		nl.nl_groups = (uint32_t)s->groups;
	}
	memset(a, 0, sizeof *a);
	memcpy(a, &nl, sizeof nl);
	return sizeof nl;
}

/* The messages of one datagram. A length that is impossible ends it, without a word (as Linux). */
static void process(struct netlink_sock *s, const uint8_t *at, size_t left)
{
	while (left >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const void *)at;
		size_t n = h->nlmsg_len;
		if (n < NLMSG_HDRLEN || n > left)
			return;
		netlink_route_request(s, h);
		n = NLMSG_ALIGN(n);
		if (n >= left)
			return;
		at += n;
		left -= n;
	}
}

static long netlink_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct netlink_sock *s = netlink_of(so);
	size_t len = m->uio->left;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len) {
		struct sockaddr_nl nl;
		memcpy(&nl, &m->name, sizeof nl);
		int err = check_destination(&nl, m->name_len);
		if (err)
			return err;
	}
	if (!s->portid)
		autobind(s);
	if (len > REQUEST_MAX || len > so->sndbuf)
		return -EMSGSIZE;
	/* Answers wait in the queue: who does not read them may not ask for more. */
	if (s->queued_bytes > so->rcvbuf)
		return -EAGAIN;
	if (!len)
		return 0;
	uint8_t *request = kmalloc(len);
	if (!request)
		return -ENOBUFS;
	long result = uio_get(m->uio, request, len) == len ? (long)len : -EFAULT;
	if (result > 0)
		process(s, request, len);
	kfree(request);
	return result;
}

static long netlink_recvmsg(struct socket *so, struct socket_msg *m)
{
	struct netlink_sock *s = netlink_of(so);
	unsigned flags = m->flags;

	m->flags = 0;
	m->name_len = 0;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (so->error)
		return socket_error(so);
	if (s->overrun) {
		s->overrun = false;
		return -ENOBUFS;
	}
	if (list_empty(&s->queue))
		return -EAGAIN;
	struct netlink_buf *b = list_entry(s->queue.next, struct netlink_buf, link);
	size_t n = b->len < m->uio->left ? b->len : m->uio->left;
	long result = flags & MSG_TRUNC ? (long)b->len : (long)n;
	if (uio_put(m->uio, b->data, n) != n)
		result = -EFAULT;
	if (n < b->len)
		m->flags |= MSG_TRUNC;
	struct sockaddr_nl nl = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = b->group && b->group <= 32 ? (uint32_t)1 << (b->group - 1) : 0};
	memcpy(&m->name, &nl, sizeof nl);
	m->name_len = sizeof nl;
	if (s->pktinfo) {
		struct nl_pktinfo info = {.group = b->group};
		cmsg_put(m, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof info);
	}
	if (so->passcred) {
		struct user_ucred kernel = {0};
		cmsg_put(m, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof kernel);
	}
	if (!(flags & MSG_PEEK)) {
		s->queued_bytes -= b->len + BUF_OVERHEAD;
		list_remove(&b->link);
		kfree(b);
	}
	return result;
}

static uint32_t netlink_poll(struct socket *so)
{
	struct netlink_sock *s = netlink_of(so);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (!list_empty(&s->queue))
		events |= EPOLLIN | EPOLLRDNORM;
	if (so->error || s->overrun)
		events |= EPOLLERR;
	return events;
}

static bool *switch_of(struct netlink_sock *s, int name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return &s->pktinfo;
	case NETLINK_NO_ENOBUFS:
		return &s->no_enobufs;
	case NETLINK_CAP_ACK:
		return &s->cap_ack;
	case NETLINK_EXT_ACK:
		return &s->ext_ack;
	case NETLINK_GET_STRICT_CHK:
		return &s->strict;
	case NETLINK_BROADCAST_ERROR: /* about what a program broadcasts, which none can here */
		return &s->broadcast_error;
	}
	return NULL;
}

static int netlink_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	struct netlink_sock *s = netlink_of(so);
	uint32_t v;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP) {
		if (v == 0 || v > GROUPS_MAX)
			return -EINVAL;
		uint64_t bit = 1ull << (v - 1);
		set_groups(s, name == NETLINK_ADD_MEMBERSHIP ? s->groups | bit : s->groups & ~bit);
		return 0;
	}
	bool *flag = switch_of(s, name);
	if (!flag)
		return -ENOPROTOOPT;
	*flag = v != 0;
	if (name == NETLINK_NO_ENOBUFS && v)
		s->overrun = false;
	return 0;
}

static int netlink_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	struct netlink_sock *s = netlink_of(so);

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS) {
		unsigned n = *len < sizeof s->groups ? *len & ~3u : (unsigned)sizeof s->groups;
		memcpy(val, &s->groups, n);
		*len = sizeof s->groups;
		return 0;
	}
	bool *flag = switch_of(s, name);
	if (!flag)
		return -ENOPROTOOPT;
	int v = *flag;
	if (*len < sizeof v)
		return -EINVAL;
	memcpy(val, &v, sizeof v);
	*len = sizeof v;
	return 0;
}

static int netlink_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	struct netlink_sock *s = netlink_of(so);
	uint32_t n = 0;

	if (cmd == SIOCINQ) {
		if (!list_empty(&s->queue))
			n = list_entry(s->queue.next, struct netlink_buf, link)->len;
		return put_user_u32(arg, n);
	}
	return cmd == SIOCOUTQ ? put_user_u32(arg, 0) : -ENOTTY;
}

static const struct proto netlink_raw = {.name = "NETLINK",
					 .family = AF_NETLINK,
					 .type = SOCK_RAW,
					 .size = sizeof(struct netlink_sock),
					 .create = netlink_create,
					 .release = netlink_release,
					 .bind = netlink_bind,
					 .connect = netlink_connect,
					 .getname = netlink_getname,
					 .sendmsg = netlink_sendmsg,
					 .recvmsg = netlink_recvmsg,
					 .poll = netlink_poll,
					 .setsockopt = netlink_setsockopt,
					 .getsockopt = netlink_getsockopt,
					 .ioctl = netlink_ioctl};
static struct proto netlink_dgram;

void netlink_init(void)
{
	netlink_dgram = netlink_raw;
	netlink_dgram.type = SOCK_DGRAM;
	socket_register(&netlink_raw);
	socket_register(&netlink_dgram);
	netlink_route_init();
}
