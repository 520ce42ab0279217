/* UDP sockets and sending: udp(7). */
#include "net/udp.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/checksum.h"
#include "net/init.h"
#include "net/netif.h"

struct inet_table udp_table;
struct udp_stats udp_stats4, udp_stats6;

static int udp_create(struct socket *so, int protocol)
{
	(void)protocol;
	dgram_init_sock(dgram_of(so), so->family);
	return 0;
}

static void drop_pending(struct udp_sock *u)
{
	kfree(u->pending);
	u->pending = NULL;
	u->pending_len = u->pending_room = 0;
	u->has_pending = false;
}

static void udp_release(struct socket *so)
{
	struct udp_sock *u = udp_of(so);
	inet_hash_remove(&udp_table, &u->d.in);
	inet_unbind(&udp_table, &u->d.in);
	drop_pending(u);
	dgram_destroy(&u->d);
}

static int udp_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct dgram_sock *d = dgram_of(so);
	int err = inet_bind_name(&udp_table, &d->in, a, len);
	if (!err) {
		d->addr_bound = !ip_is_any(&d->in.local);
		d->port_bound = inet_name_port(a) != 0;
	}
	return err;
}

/* A port of its own, on first use. */
static int udp_autobind(struct inet_sock *s)
{
	if (s->local_port)
		return 0;
	struct ip_addr addr = s->local;
	bool bound = s->bound, no_port = s->bind_no_port;
	s->bind_no_port = false;
	int err = inet_bind(&udp_table, s, &addr, 0);
	s->bind_no_port = no_port;
	s->bound = bound;
	return err ? -EAGAIN : 0;
}

static int udp_disconnect(struct socket *so)
{
	struct dgram_sock *d = dgram_of(so);
	inet_hash_remove(&udp_table, &d->in);
	dgram_clear_peer(d);
	if (!d->port_bound) {
		inet_unbind(&udp_table, &d->in);
		d->in.local_port = 0;
	}
	return 0;
}

static int udp_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct dgram_sock *d = dgram_of(so);
	struct ip_addr dst;
	uint16_t port;

	if (a->ss_family == AF_UNSPEC)
		return udp_disconnect(so);
	int err = udp_autobind(&d->in);
	if (!err)
		err = dgram_connect_addr(d, a, len, &dst, &port);
	if (err)
		return err;
	inet_hash_remove(&udp_table, &d->in);
	err = dgram_set_peer(d, &dst, port);
	if (!err || d->in.connected)
		inet_hash_insert(&udp_table, &d->in);
	return err;
}

/* SOL_UDP control messages: UDP_SEGMENT for this datagram only. */
static int send_cmsg(const struct socket_msg *m, uint16_t *gso_size)
{
	const struct user_cmsghdr *c;
	size_t at = 0, len;
	int err;

	while ((c = cmsg_next(m, &at, &len, &err))) {
		if (c->level != SOL_UDP)
			continue;
		if (c->type != UDP_SEGMENT || len != sizeof *gso_size)
			return -EINVAL;
		memcpy(gso_size, CMSG_CONST_DATA_OF(c), sizeof *gso_size);
	}
	return err;
}

static bool wants_checksum(const struct udp_sock *u, const struct ip_tx *tx)
{
	return ip_is_v4(&tx->dst) ? !u->d.in.so.no_check : !u->no_check6_tx;
}

/* UDP_SEGMENT: a buffer that leaves as datagrams of gso_size bytes, the last one shorter. */
static int check_segments(const struct udp_sock *u, const struct route *rt, const struct ip_tx *tx,
			  uint32_t n, uint16_t gso_size)
{
	if (ip_header_len(&tx->dst) + UDP_HEADER + gso_size > rt->mtu)
		return -EINVAL;
	if (n > gso_size * UDP_MAX_SEGMENTS || !wants_checksum(u, tx))
		return -EINVAL;
	return 0;
}

/* Sends n bytes of io as one datagram (or as segments). */
static long transmit(struct udp_sock *u, struct ip_tx *tx, const struct route *rt, uint16_t port,
		     struct uio *io, uint32_t n, uint16_t gso_size)
{
	struct inet_sock *s = &u->d.in;
	bool v4 = ip_is_v4(&tx->dst), segments = gso_size && n > gso_size;
	uint32_t total = n + UDP_HEADER;
	int err = segments ? check_segments(u, rt, tx, n, gso_size)
			   : dgram_check_size(&u->d, rt, tx, total);

	if (err)
		return err;
	struct packet *p = dgram_packet(UDP_HEADER, io, n, &err);
	if (!p)
		return err;
	struct udphdr *h = (void *)p->data;
	h->source = hton16(s->local_port);
	h->dest = hton16(port);
	h->len = hton16((uint16_t)total);
	h->check = 0;
	p->l4 = p->data;
	if (wants_checksum(u, tx)) {
		h->check = checksum_fold(checksum_pseudo(&tx->src, &tx->dst, IPPROTO_UDP, total));
		p->csum = CSUM_PARTIAL;
		p->csum_start = p->data;
		p->csum_offset = offsetof(struct udphdr, check);
	}
	if (segments) {
		p->gso = v4 ? GSO_UDP4 : GSO_UDP6;
		p->gso_size = gso_size;
	}
	err = dgram_output(&u->d, p, rt, tx);
	if (err)
		return err;
	(v4 ? &udp_stats4 : &udp_stats6)->out++;
	return n;
}

/* The corked datagram leaves. */
static long push_pending(struct udp_sock *u)
{
	struct route temporary;
	const struct route *rt = &u->d.in.route;
	struct uio io;
	int err;

	if (u->pending_ifindex || !ip_is_any(&u->pending_tx.src)) {
		rt = &temporary;
		err = route_lookup(&temporary, &u->pending_dst, &u->pending_tx.src,
				   u->pending_ifindex);
	} else {
		err = inet_route(&u->d.in, &u->pending_dst);
	}
	uio_init_kernel(&io, u->pending, u->pending_len);
	long r = err ? err
		     : transmit(u, &u->pending_tx, rt, u->pending_port, &io, u->pending_len,
				u->pending_gso);
	drop_pending(u);
	return r < 0 ? r : 0;
}

/* Adds m's bytes to the datagram that is being put together. */
static long add_pending(struct udp_sock *u, struct uio *io)
{
	uint32_t n = (uint32_t)io->left, want = u->pending_len + n;

	if (io->left > UDP_MAX_PAYLOAD || want > UDP_MAX_PAYLOAD)
		return -EMSGSIZE;
	if (want > u->pending_room) {
		uint32_t room = want < 2048 ? 2048 : want * 2;
		uint8_t *p = krealloc(u->pending, room);
		if (!p)
			return -ENOBUFS;
		u->pending = p;
		u->pending_room = room;
	}
	if (uio_get(io, u->pending + u->pending_len, n) != n)
		return -EFAULT;
	u->pending_len = want;
	return n;
}

static long udp_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct udp_sock *u = udp_of(so);
	struct inet_sock *s = &u->d.in;
	const struct route *rt;
	struct route temporary;
	struct ip_addr dst;
	struct ip_tx tx;
	uint16_t port, gso_size = u->gso_size;
	bool more = u->cork || (m->flags & MSG_MORE);
	uint32_t n = (uint32_t)m->uio->left;
	int ifindex, err;

	if (m->uio->left > 0xffff)
		return -EMSGSIZE;
	if ((m->flags & MSG_OOB) && !s->v6)
		return -EOPNOTSUPP;
	err = udp_autobind(s);
	if (err)
		return err;
	if (!u->has_pending) {
		err = dgram_destination(&u->d, m, &dst, &port, &ifindex);
		if (err)
			return err;
		if (!port && m->name_len)
			return -EINVAL;
		if (m->control_len) {
			err = send_cmsg(m, &gso_size);
			if (err)
				return err;
		}
		err = dgram_prepare(&u->d, m, &dst, ifindex, IPPROTO_UDP, &tx, &temporary, &rt);
		if (err)
			return err;
	}
	if (so->shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (so->error)
		return socket_error(so);
	if (!more && !u->has_pending) {
		if (n > UDP_MAX_PAYLOAD + (ip_is_v4(&dst) ? 0u : 20u))
			return -EMSGSIZE;
		return transmit(u, &tx, rt, port, m->uio, n, gso_size);
	}
	if (!u->has_pending) {
		u->has_pending = true;
		u->pending_dst = dst;
		u->pending_tx = tx;
		u->pending_port = port;
		u->pending_gso = gso_size;
		u->pending_ifindex = rt == &temporary ? rt->netif->index : 0;
	}
	long r = add_pending(u, m->uio);
	if (r < 0) {
		drop_pending(u);
		return r;
	}
	if (!more) {
		long sent = push_pending(u);
		if (sent < 0)
			return sent;
	}
	return r;
}

static int set_flag(bool *flag, const void *val, unsigned len)
{
	int v;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	*flag = v != 0;
	return 0;
}

static int udp_set(struct udp_sock *u, int name, const void *val, unsigned len)
{
	int v, err;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	switch (name) {
	case UDP_CORK:
		err = set_flag(&u->cork, val, len);
		if (!u->cork && u->has_pending)
			push_pending(u);
		return err;
	case UDP_NO_CHECK6_TX:
		return set_flag(&u->no_check6_tx, val, len);
	case UDP_NO_CHECK6_RX:
		return set_flag(&u->no_check6_rx, val, len);
	case UDP_SEGMENT:
		if (v < 0 || v > 0xffff)
			return -EINVAL;
		u->gso_size = (uint16_t)v;
		return 0;
	case UDP_GRO:
		return set_flag(&u->gro, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	if (level == SOL_UDP)
		return udp_set(udp_of(so), name, val, len);
	return dgram_setsockopt(so, level, name, val, len);
}

static int udp_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	const struct udp_sock *u = udp_of(so);
	int v;

	if (level != SOL_UDP)
		return dgram_getsockopt(so, level, name, val, len);
	switch (name) {
	case UDP_CORK:
		v = u->cork;
		break;
	case UDP_NO_CHECK6_TX:
		v = u->no_check6_tx;
		break;
	case UDP_NO_CHECK6_RX:
		v = u->no_check6_rx;
		break;
	case UDP_SEGMENT:
		v = u->gso_size;
		break;
	case UDP_GRO:
		v = u->gro;
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (*len > sizeof v)
		*len = sizeof v;
	memcpy(val, &v, *len);
	return 0;
}

static int udp_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	if (cmd == SIOCOUTQ) /* what is sent has left at once */
		return put_user_u32(arg, 0);
	if (cmd == SIOCINQ)
		return put_user_u32(arg, dgram_next_size(dgram_of(so)));
	return -ENOTTY;
}

#define UDP_PROTO(fam, text)                                                                       \
	{                                                                                          \
		.name = text, .family = fam, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP,          \
		.size = sizeof(struct udp_sock), .create = udp_create, .release = udp_release,     \
		.bind = udp_bind, .connect = udp_connect, .shutdown = dgram_shutdown,              \
		.getname = inet_getname, .sendmsg = udp_sendmsg, .recvmsg = udp_recvmsg,           \
		.poll = dgram_poll, .setsockopt = udp_setsockopt, .getsockopt = udp_getsockopt,    \
		.ioctl = udp_ioctl                                                                 \
	}

static const struct proto udp_proto = UDP_PROTO(AF_INET, "UDP");
static const struct proto udp6_proto = UDP_PROTO(AF_INET6, "UDPv6");

void udp_init(void)
{
	if (inet_table_init(&udp_table, false))
		panic("udp: no memory for the table of sockets");
	socket_register(&udp_proto);
	socket_register(&udp6_proto);
}
