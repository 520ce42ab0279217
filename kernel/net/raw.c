#include "net/raw.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sockios.h>
#include "lib/string.h"
#include "mm/uaccess.h"
#include "net/checksum.h"
#include "net/inet_sockopt.h"
#include "net/init.h"
#include "net/netif.h"

static struct list raw_sockets = LIST_INIT(raw_sockets);

static int raw_create(struct socket *so, int protocol)
{
	struct raw_sock *r = raw_of(so);

	if (protocol <= 0)
		return -EPROTONOSUPPORT;
	dgram_init_sock(&r->d, so->family);
	so->reuseaddr = true;
	r->d.in.hdrincl = protocol == IPPROTO_RAW;
	r->d.in.local_port = (uint16_t)protocol; /* as getsockname shows it */
	if (so->family == AF_INET6 && protocol == IPPROTO_ICMPV6)
		r->d.in.checksum_offset = 2;
	list_add_tail(&raw_sockets, &r->link);
	return 0;
}

static void raw_release(struct socket *so)
{
	list_remove(&raw_of(so)->link);
	dgram_destroy(dgram_of(so));
}

int raw_bind_name(struct inet_sock *s, const struct __kernel_sockaddr_storage *a, unsigned len,
		  struct ip_addr *addr, uint16_t *port)
{
	int ifindex, err = inet_from_sockaddr(s, a, len, addr, port, &ifindex);

	if (err)
		return s->v6 && err == -EAFNOSUPPORT ? -EINVAL : err;
	if (s->connected)
		return -EINVAL;
	if (s->v6 && ip_is_v4(addr))
		return -EADDRNOTAVAIL;
	if (s->v6)
		err = inet_set_scope(s, addr, ifindex);
	return err ? err : inet_may_bind(s, addr) ? 0 : -EADDRNOTAVAIL;
}

static int raw_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct dgram_sock *d = dgram_of(so);
	struct ip_addr addr;
	uint16_t port;
	int err = raw_bind_name(&d->in, a, len, &addr, &port);

	if (err)
		return err;
	d->in.local = addr;
	d->addr_bound = !ip_is_any(&addr);
	d->in.route.generation = 0;
	return 0;
}

int raw_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct dgram_sock *d = dgram_of(so);
	struct ip_addr dst;
	uint16_t port;

	if (a->ss_family == AF_UNSPEC) {
		dgram_clear_peer(d);
		return 0;
	}
	int err = dgram_connect_addr(d, a, len, &dst, &port);
	return err ? err : dgram_set_peer(d, &dst, port);
}

/* The checksum that IPV6_CHECKSUM asks for, complete: other raw sockets here may look at it.
 * -EINVAL: it lies beyond the packet. */
static int start_checksum(const struct inet_sock *s, struct packet *p, const struct ip_tx *tx)
{
	uint32_t at = (uint32_t)s->checksum_offset;
	if (at + 2 > p->len || packet_need_linear(p, at + 2))
		return -EINVAL;
	uint16_t sum = checksum_fold(checksum_pseudo(&tx->src, &tx->dst, tx->protocol, p->len));
	memcpy(p->data + at, &sum, sizeof sum);
	p->csum = CSUM_PARTIAL;
	p->csum_start = p->data;
	p->csum_offset = (uint16_t)at;
	return packet_finish_csum(p);
}

static long raw_sendmsg(struct socket *so, struct socket_msg *m)
{
	struct dgram_sock *d = dgram_of(so);
	struct inet_sock *s = &d->in;
	const struct route *rt;
	struct route temporary;
	struct ip_addr dst;
	struct ip_tx tx;
	uint16_t port;
	uint32_t n = (uint32_t)m->uio->left;
	int ifindex, err, protocol = so->protocol;

	if (m->uio->left > 0xffff)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = dgram_destination(d, m, &dst, &port, &ifindex);
	if (err)
		return err;
	if (s->v6) { /* the port of the name is a protocol */
		if (ip_is_v4(&dst))
			return -EINVAL;
		if (m->name_len && port) {
			if (port > 255 || (port != protocol && protocol != IPPROTO_RAW))
				return -EINVAL;
			protocol = port;
		}
	}
	err = dgram_prepare(d, m, &dst, ifindex, (uint8_t)protocol, &tx, &temporary, &rt);
	if (err)
		return err;
	if (so->shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (so->error)
		return socket_error(so);
	if (!s->hdrincl) {
		err = dgram_check_size(d, rt, &tx, n);
		if (err)
			return err;
	}
	struct packet *p = dgram_packet(0, m->uio, n, &err);
	if (!p)
		return err;
	p->l4 = p->data;
	if (s->hdrincl) {
		err = ip_output_header(p, rt);
		if (err == -ENOBUFS && !s->recverr)
			err = 0;
		return err ? err : (long)n;
	}
	if (s->v6 && s->checksum_offset >= 0) {
		err = start_checksum(s, p, &tx);
		if (err) {
			packet_free(p);
			return err;
		}
	}
	err = dgram_output(d, p, rt, &tx);
	return err ? err : (long)n;
}

long raw_recvmsg(struct socket *so, struct socket_msg *m)
{
	struct dgram_sock *d = dgram_of(so);
	uint32_t skip;
	long err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->flags & MSG_ERRQUEUE)
		return inet_recv_error(&d->in, m);
	struct packet *p = dgram_first(d, m, &skip, &err);
	if (!p)
		return err;
	m->name_len = (unsigned)inet_to_sockaddr(&d->in, &p->src, 0, p->netif->index, &m->name);
	return dgram_finish(d, m, p, skip);
}

int raw_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	if (cmd == SIOCOUTQ)
		return put_user_u32(arg, 0);
	if (cmd == SIOCINQ)
		return put_user_u32(arg, dgram_next_size(dgram_of(so)));
	return -ENOTTY;
}

static int set_filter(uint32_t *filter, unsigned words, const void *val, unsigned len)
{
	unsigned room = words * (unsigned)sizeof *filter;
	memcpy(filter, val, len < room ? len : room);
	return 0;
}

/* IPV6_CHECKSUM at this level is allowed with ICMPv6 too. */
static int set_raw6(struct inet_sock *s, int name, const void *val, unsigned len)
{
	int v;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (name == IPV6_HDRINCL)
		return inet6_setsockopt(s, name, val, len);
	if (name != IPV6_CHECKSUM)
		return -ENOPROTOOPT;
	if (v > 0 && (v & 1))
		return -EINVAL;
	s->checksum_offset = v < 0 ? -1 : v;
	return 0;
}

static int raw_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	struct inet_sock *s = inet_of(so);

	if (level == SOL_RAW && !s->v6) {
		if (name != ICMP_FILTER)
			return -ENOPROTOOPT;
		return so->protocol == IPPROTO_ICMP ? set_filter(&s->icmp_filter, 1, val, len)
						    : -EOPNOTSUPP;
	}
	if (level == SOL_ICMPV6 && s->v6) {
		if (so->protocol != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		return name == ICMPV6_FILTER ? set_filter(s->icmp6_filter, 8, val, len)
					     : -ENOPROTOOPT;
	}
	if (s->v6 && level == SOL_IP)
		return -ENOPROTOOPT;
	if (level == SOL_RAW) /* some of the options, under another name */
		return set_raw6(s, name, val, len);
	return dgram_setsockopt(so, level, name, val, len);
}

static int raw_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	struct inet_sock *s = inet_of(so);

	if (level == SOL_RAW && !s->v6) {
		if (name != ICMP_FILTER)
			return -ENOPROTOOPT;
		return so->protocol == IPPROTO_ICMP
			   ? inet_answer(val, len, &s->icmp_filter, sizeof s->icmp_filter)
			   : -EOPNOTSUPP;
	}
	if (level == SOL_ICMPV6 && s->v6) {
		if (so->protocol != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		return name == ICMPV6_FILTER
			   ? inet_answer(val, len, s->icmp6_filter, sizeof s->icmp6_filter)
			   : -ENOPROTOOPT;
	}
	if (s->v6 && level == SOL_IP)
		return -ENOPROTOOPT;
	if (level == SOL_RAW) {
		if (name != IPV6_CHECKSUM && name != IPV6_HDRINCL)
			return -ENOPROTOOPT;
		level = SOL_IPV6;
	}
	return dgram_getsockopt(so, level, name, val, len);
}

bool raw_addresses_match(const struct inet_sock *s, const struct packet *p)
{
	if (s->so.bound_ifindex && s->so.bound_ifindex != p->netif->index)
		return false;
	if (!ip_is_any(&s->local) && !ip_equal(&s->local, &p->dst) && !ip_is_multicast(&s->local))
		return false;
	if (s->connected && !ip_equal(&s->remote, &p->src))
		return false;
	return inet_mcast_wanted(s, p);
}

static bool wanted(const struct inet_sock *s, const struct packet *p)
{
	if (s->so.protocol != p->protocol || s->v6 == ip_is_v4(&p->dst) ||
	    !raw_addresses_match(s, p))
		return false;
	uint8_t type = p->len ? p->data[0] : 0;
	if (p->protocol == IPPROTO_ICMP && !s->v6)
		return type >= 32 || !(s->icmp_filter >> type & 1);
	if (p->protocol == IPPROTO_ICMPV6 && s->v6)
		return !(s->icmp6_filter[type >> 5] >> (type & 31) & 1);
	return true;
}

struct packet *raw_copy(const struct packet *p, uint32_t before)
{
	uint32_t n = before + packet_linear(p);
	struct packet *q = packet_alloc(n);
	if (!q)
		return NULL;
	memcpy(packet_put(q, n), p->data - before, n);
	for (unsigned i = 0; i < p->nfrags; i++)
		packet_add_frag(q, netbuf_get(p->frags[i].buf), p->frags[i].offset,
				p->frags[i].len);
	q->netif = p->netif;
	q->src = p->src;
	q->dst = p->dst;
	q->protocol = p->protocol;
	q->ttl = p->ttl;
	q->tos = p->tos;
	q->ip_options = p->ip_options;
	q->timestamp = p->timestamp;
	q->l3 = before ? q->data : NULL;
	q->l4 = q->data + before;
	return q;
}

static bool checksum_right(const struct inet_sock *s, const struct packet *p)
{
	if (!s->v6 || s->checksum_offset < 0 || p->csum != CSUM_NONE)
		return true;
	uint64_t pseudo = checksum_pseudo(&p->src, &p->dst, p->protocol, p->len);
	return packet_sum(p, 0, p->len, checksum_fold(pseudo)) == 0xffff;
}

bool raw_input(const struct packet *p)
{
	bool any = false;

	list_for_each_entry (r, &raw_sockets, struct raw_sock, link) {
		struct inet_sock *s = &r->d.in;
		if (!wanted(s, p))
			continue;
		any = true;
		if (!checksum_right(s, p) || !dgram_room(&r->d))
			continue;
		/* IPv4 comes with its header, IPv6 without (RFC 3542, 3). */
		struct packet *q = raw_copy(p, s->v6 ? 0 : (uint32_t)(p->data - p->l3));
		if (q && dgram_filter(&r->d, q, 1))
			dgram_queue(&r->d, q);
		else
			packet_free(q);
	}
	return any;
}

/* raw(7), "Error handling": for connected sockets when hard, for others with IP_RECVERR only. */
void raw_icmp_error(const struct icmp_error *e)
{
	bool v4 = ip_is_v4(&e->remote);

	ping_icmp_error(e);
	list_for_each_entry (r, &raw_sockets, struct raw_sock, link) {
		struct inet_sock *s = &r->d.in;
		bool queue = v4 ? s->recverr : s->recverr6;
		if (s->so.protocol != e->protocol || s->v6 == v4 ||
		    (s->connected && !ip_equal(&s->remote, &e->remote)) ||
		    (!ip_is_any(&s->local) && !ip_equal(&s->local, &e->local)))
			continue;
		if (!queue && !s->connected)
			continue;
		bool hard = e->hard || (e->error == EMSGSIZE &&
					(v4 ? s->pmtudisc : s->pmtudisc6) != IP_PMTUDISC_DONT);
		if (queue)
			inet_queue_error(s, e);
		if (queue || hard)
			socket_set_error(&s->so, e->error, 0);
	}
}

#define RAW_PROTO(fam, text)                                                                       \
	{                                                                                          \
		.name = text, .family = fam, .type = SOCK_RAW, .protocol = 0,                      \
		.size = sizeof(struct raw_sock), .create = raw_create, .release = raw_release,     \
		.bind = raw_bind, .connect = raw_connect, .shutdown = dgram_shutdown,              \
		.getname = inet_getname, .sendmsg = raw_sendmsg, .recvmsg = raw_recvmsg,           \
		.poll = dgram_poll, .setsockopt = raw_setsockopt, .getsockopt = raw_getsockopt,    \
		.ioctl = raw_ioctl                                                                 \
	}

static const struct proto raw_proto = RAW_PROTO(AF_INET, "RAW");
static const struct proto raw6_proto = RAW_PROTO(AF_INET6, "RAWv6");

void raw_init(void)
{
	socket_register(&raw_proto);
	socket_register(&raw6_proto);
	ping_init();
}
