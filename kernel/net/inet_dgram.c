#include "net/inet_dgram.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/bpf.h"
#include "net/netif.h"
#include "vfs/file.h"

#define PIECE 32768u /* of a datagram that is larger than one buffer */

void dgram_init_sock(struct dgram_sock *d, int family)
{
	inet_init_sock(&d->in, family);
	list_init(&d->rx);
}

void dgram_destroy(struct dgram_sock *d)
{
	list_for_each_entry_safe (p, &d->rx, struct packet, link) {
		list_remove(&p->link);
		packet_free(p);
	}
	inet_destroy(&d->in);
	bpf_release(&d->in.so);
	socket_free(&d->in.so);
}

bool dgram_room(struct dgram_sock *d)
{
	if (d->rx_bytes <= d->in.so.rcvbuf)
		return true;
	d->in.so.drops++;
	return false;
}

bool dgram_filter(struct dgram_sock *d, struct packet *p, uint32_t keep)
{
	if (!d->in.so.filter)
		return true;
	struct bpf_context c = {.p = p};
	uint32_t n = bpf_filter(&d->in.so, &c);
	if (!n)
		return false;
	if (n < keep)
		n = keep;
	if (n < p->len)
		packet_trim(p, n);
	return true;
}

int dgram_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	if (level == SOL_SOCKET)
		return bpf_setsockopt(so, name, val, len);
	return inet_setsockopt(inet_of(so), level, name, val, len);
}

int dgram_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	if (level == SOL_SOCKET)
		return bpf_getsockopt(so, name, val, len);
	return inet_getsockopt(inet_of(so), level, name, val, len);
}

/* The packet's cb while it is in rx. */
static uint32_t *drops_of(struct packet *p)
{
	return (uint32_t *)(void *)&p->cb[0];
}

void dgram_queue(struct dgram_sock *d, struct packet *p)
{
	*drops_of(p) = d->in.so.drops;
	p->truesize = dgram_charge(p);
	d->rx_bytes += p->truesize;
	list_add_tail(&d->rx, &p->link);
	socket_wake(&d->in.so, EPOLLIN | EPOLLRDNORM);
}

struct packet *dgram_first(struct dgram_sock *d, const struct socket_msg *m, uint32_t *skip,
			   long *err)
{
	struct socket *so = &d->in.so;

	*skip = 0;
	*err = so->error ? socket_error(so) : -EAGAIN;
	if (*err != -EAGAIN)
		return NULL;
	if (!list_empty(&d->rx)) {
		struct packet *p = list_entry(d->rx.next, struct packet, link);
		if (!(m->flags & MSG_PEEK) || so->peek_off < 0)
			return p;
		/* The packet that the offset lies in; an empty one counts where it is. */
		uint32_t off = (uint32_t)so->peek_off;
		list_for_each_entry (q, &d->rx, struct packet, link) {
			if (off < q->len || (!off && !q->len)) {
				*skip = off;
				return q;
			}
			off -= q->len;
		}
	}
	if ((so->shutdown & RCV_SHUTDOWN) && !(m->flags & MSG_DONTWAIT) &&
	    !(so->file && file_nonblock(so->file)))
		*err = 0;
	return NULL;
}

uint32_t dgram_next_size(const struct dgram_sock *d)
{
	return list_empty(&d->rx) ? 0 : list_entry(d->rx.next, struct packet, link)->len;
}

long dgram_finish(struct dgram_sock *d, struct socket_msg *m, struct packet *p, uint32_t offset)
{
	struct socket *so = &d->in.so;
	bool peek = m->flags & MSG_PEEK;
	uint32_t left = p->len - offset;
	uint32_t n = m->uio->left < left ? (uint32_t)m->uio->left : left;
	bool whole = m->flags & MSG_TRUNC;
	long r = whole ? left : n;

	if (!peek) {
		list_remove(&p->link);
		d->rx_bytes -= p->truesize;
		if (so->peek_off > 0)
			so->peek_off =
			    (uint32_t)so->peek_off > p->len ? so->peek_off - (int)p->len : 0;
	} else if (so->peek_off >= 0) {
		so->peek_off += (int)n;
	}
	if (n && packet_read_uio(p, offset, m->uio, n) != n)
		r = -EFAULT;
	if (r >= 0) {
		if (n < left)
			m->flags |= MSG_TRUNC;
		if (so->timestamp || so->timestampns || so->timestamping || so->want_stamp)
			socket_put_stamps(so, m, p->timestamp);
		if (so->rxq_ovfl && *drops_of(p))
			cmsg_put(m, SOL_SOCKET, SO_RXQ_OVFL, drops_of(p), sizeof(uint32_t));
		inet_recv_cmsg(&d->in, m, p);
	}
	if (!peek)
		packet_free(p);
	return r;
}

uint32_t dgram_poll(struct socket *so)
{
	struct dgram_sock *d = dgram_of(so);
	uint32_t events = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (!list_empty(&d->rx))
		events |= EPOLLIN | EPOLLRDNORM;
	if (so->error)
		events |= EPOLLERR;
	if (!list_empty(&d->in.errors))
		events |= EPOLLERR | (so->select_err_queue ? EPOLLPRI : 0u);
	if (so->shutdown & RCV_SHUTDOWN)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (so->shutdown == (RCV_SHUTDOWN | SEND_SHUTDOWN))
		events |= EPOLLHUP;
	return events;
}

int dgram_shutdown(struct socket *so, int how)
{
	struct dgram_sock *d = dgram_of(so);
	if (how != SHUT_WR)
		so->shutdown |= RCV_SHUTDOWN;
	if (how != SHUT_RD)
		so->shutdown |= SEND_SHUTDOWN;
	socket_wake(so, 0);
	/* It is done all the same, as on Linux. */
	return d->in.connected ? 0 : -ENOTCONN;
}

/* An IPv4 name given to an IPv6 socket, or a plain one. */
static int name_to_addr(struct dgram_sock *d, const struct __kernel_sockaddr_storage *a,
			unsigned len, struct ip_addr *dst, uint16_t *port, int *ifindex)
{
	struct inet_sock *s = &d->in;
	const struct sockaddr_in *in = (const void *)a;

	*ifindex = 0;
	if (!s->v6) {
		if (len < sizeof *in)
			return -EINVAL;
		if (in->sin_family != AF_INET && in->sin_family != AF_UNSPEC)
			return -EAFNOSUPPORT;
	} else if (len >= sizeof in->sin_family && in->sin_family == AF_INET) {
		if (s->v6only)
			return -ENETUNREACH;
		if (len < sizeof *in)
			return -EINVAL;
	} else {
		return inet_from_sockaddr(s, a, len, dst, port, ifindex);
	}
	*dst = ip_from_v4(in->sin_addr.s_addr);
	*port = ntoh16(in->sin_port);
	return 0;
}

int dgram_destination(struct dgram_sock *d, const struct socket_msg *m, struct ip_addr *dst,
		      uint16_t *port, int *ifindex)
{
	struct inet_sock *s = &d->in;

	*ifindex = 0;
	if (!m->name_len || (s->v6 && m->name_len >= 2 && m->name.ss_family == AF_UNSPEC)) {
		if (!s->connected)
			return -EDESTADDRREQ;
		*dst = s->remote;
		*port = s->remote_port;
		return 0;
	}
	int err = name_to_addr(d, &m->name, m->name_len, dst, port, ifindex);
	if (err)
		return s->v6 && err == -EAFNOSUPPORT ? -EINVAL : err;
	inet_any_to_loopback(dst);
	if (*ifindex && s->so.bound_ifindex && s->so.bound_ifindex != *ifindex)
		return -EINVAL;
	if (ip_is_linklocal6(dst) && !*ifindex && !s->so.bound_ifindex && !s->unicast_ifindex)
		return -EINVAL;
	return 0;
}

static bool broadcast_allowed(const struct dgram_sock *d, const struct route *rt)
{
	return !rt->broadcast || d->in.so.broadcast;
}

int dgram_prepare(struct dgram_sock *d, const struct socket_msg *m, const struct ip_addr *dst,
		  int ifindex, uint8_t protocol, struct ip_tx *tx, struct route *temporary,
		  const struct route **rt)
{
	struct inet_sock *s = &d->in;
	bool own = true;
	int err;

	inet_fill_tx(s, dst, protocol, tx);
	if (m->control_len) {
		tx->src = s->local;
		err = inet_send_cmsg(s, m, tx, &ifindex);
		if (err)
			return err;
		own = ip_equal(&tx->src, &s->local);
	}
	if (own && !ifindex) {
		err = inet_route(s, dst);
		*rt = &s->route;
	} else {
		const struct ip_addr *src = own ? &s->local : &tx->src;
		if (!ifindex)
			ifindex = s->so.bound_ifindex;
		if (ip_is_any(src))
			src = NULL;
		err = s->v6only && ip_is_v4(dst) ? -ENETUNREACH
		      : src && ip_is_v4(src) != ip_is_v4(dst)
			  ? -EINVAL
			  : route_lookup(temporary, dst, src, ifindex);
		*rt = temporary;
	}
	if (err)
		return err;
	if (s->frag_size6 && !ip_is_v4(dst) && s->frag_size6 < (*rt)->mtu) {
		struct route narrow = **rt;
		narrow.mtu = s->frag_size6;
		*temporary = narrow;
		*rt = temporary;
	}
	if (own || ip_is_any(&tx->src))
		tx->src = ip_is_any(&s->local) ? (*rt)->src : s->local;
	return broadcast_allowed(d, *rt) ? 0 : -EACCES;
}

int dgram_check_size(struct dgram_sock *d, const struct route *rt, struct ip_tx *tx, uint32_t n)
{
	const struct inet_sock *s = &d->in;
	bool v4 = ip_is_v4(&tx->dst);
	uint32_t size = n + ip_header_len(&tx->dst) + tx->options_len;
	int how = v4 ? s->pmtudisc : s->pmtudisc6;

	if (size <= rt->mtu)
		return 0;
	if (how == IP_PMTUDISC_DO || (!v4 && s->dontfrag6)) {
		inet_local_error(&d->in, &tx->dst, EMSGSIZE, rt->mtu);
		return -EMSGSIZE;
	}
	if (how == IP_PMTUDISC_PROBE)
		return size > rt->netif->mtu ? -EMSGSIZE : 0;
	tx->df = false; /* it is cut here, and may be cut again */
	return 0;
}

int dgram_output(const struct dgram_sock *d, struct packet *p, const struct route *rt,
		 const struct ip_tx *tx)
{
	int err = ip_output(p, rt, tx);
	if (err == -ENOBUFS && !(ip_is_v4(&tx->dst) ? d->in.recverr : d->in.recverr6))
		return 0;
	return err;
}

struct packet *dgram_packet(uint32_t header, struct uio *u, uint32_t n, int *err)
{
	bool linear = header + n <= PIECE;
	struct packet *p = packet_alloc(linear ? header + n : header);

	*err = -ENOBUFS;
	if (!p)
		return NULL;
	packet_put(p, header);
	if (linear) {
		if (n && uio_get(u, packet_put(p, n), n) != n)
			*err = -EFAULT;
		else
			return p;
		packet_free(p);
		return NULL;
	}
	while (n) {
		uint32_t piece = n < PIECE ? n : PIECE;
		struct netbuf *b = netbuf_alloc(piece);
		if (!b)
			break;
		if (uio_get(u, b->data, piece) != piece) {
			*err = -EFAULT;
			netbuf_put(b);
			break;
		}
		if (packet_add_frag(p, b, 0, piece))
			break;
		n -= piece;
	}
	if (!n)
		return p;
	packet_free(p);
	return NULL;
}

int dgram_connect_addr(struct dgram_sock *d, const struct __kernel_sockaddr_storage *a,
		       unsigned len, struct ip_addr *dst, uint16_t *port)
{
	struct inet_sock *s = &d->in;
	int ifindex, err = name_to_addr(d, a, len, dst, port, &ifindex);

	if (err) /* to connect to a name of IPv4, IPV6_V6ONLY makes it another family's */
		return err == -ENETUNREACH ? -EAFNOSUPPORT : err;
	inet_any_to_loopback(dst);
	return s->v6 ? inet_set_scope(s, dst, ifindex) : 0;
}

int dgram_set_peer(struct dgram_sock *d, const struct ip_addr *dst, uint16_t port)
{
	struct inet_sock *s = &d->in;
	struct ip_addr before = s->local;

	if (s->connected && !d->addr_bound) { /* the address was chosen for the peer of before */
		s->local = s->v6 ? (struct ip_addr){.w = {0}} : ip_from_v4(0);
		s->route.generation = 0;
	}
	int err = inet_route(s, dst);
	if (!err && !broadcast_allowed(d, &s->route))
		err = -EACCES;
	if (err) { /* it stays connected to whom it was */
		s->local = before;
		s->route.generation = 0;
		return err;
	}
	if (ip_is_any(&s->local))
		s->local = s->route.src;
	s->remote = *dst;
	s->remote_port = port;
	s->connected = true;
	return 0;
}

void dgram_clear_peer(struct dgram_sock *d)
{
	struct inet_sock *s = &d->in;
	static const struct ip_addr any6;

	s->connected = false;
	s->remote_port = 0;
	s->remote = s->v6 ? any6 : ip_from_v4(0);
	if (!d->addr_bound)
		s->local = s->remote;
	s->route.generation = 0;
}

bool inet_is_broadcast(const struct netif *n, const struct ip_addr *addr)
{
	if (!ip_is_v4(addr))
		return false;
	if (ip_v4(addr) == ~0u)
		return true;
	list_for_each_entry (a, &n->addrs, struct ifaddr, link)
		if (ip_equal(&a->broadcast, addr))
			return true;
	return false;
}
