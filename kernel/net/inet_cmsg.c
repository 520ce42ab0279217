/* Control messages of IP: ip(7) (IP_PKTINFO and its kin), RFC 3542 for IPv6. */
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include "lib/string.h"
#include "net/inet_dgram.h"
#include "net/netif.h"
#include "net/packet.h"

/* The address of ours that answers what came for dst: dst, unless it is of many. */
static be32_t answering(const struct packet *p)
{
	if (!ip_is_multicast(&p->dst) && !inet_is_broadcast(p->netif, &p->dst))
		return ip_v4(&p->dst);
	list_for_each_entry (a, &p->netif->addrs, struct ifaddr, link)
		if (ip_is_v4(&a->addr))
			return ip_v4(&a->addr);
	return 0;
}

static void put_options(struct socket_msg *m, const struct packet *p)
{
	uint32_t n = p->l3 ? (p->l3[0] & 15u) * 4 : 0;
	if (p->ip_options && n > 20)
		cmsg_put(m, SOL_IP, IP_RECVOPTS, p->l3 + 20, n - 20);
}

static void recv4(const struct inet_sock *s, struct socket_msg *m, const struct packet *p)
{
	if (s->pktinfo) {
		struct in_pktinfo info = {.ipi_ifindex = p->netif->index,
					  .ipi_spec_dst.s_addr = answering(p),
					  .ipi_addr.s_addr = ip_v4(&p->dst)};
		cmsg_put(m, SOL_IP, IP_PKTINFO, &info, sizeof info);
	}
	if (s->recvttl) {
		int ttl = p->ttl;
		cmsg_put(m, SOL_IP, IP_TTL, &ttl, sizeof ttl);
	}
	if (s->recvtos)
		cmsg_put(m, SOL_IP, IP_TOS, &p->tos, 1);
	if (s->recvopts)
		put_options(m, p);
	if (s->recvorigdstaddr) {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_port = hton16(s->local_port),
					.sin_addr.s_addr = ip_v4(&p->dst)};
		cmsg_put(m, SOL_IP, IP_ORIGDSTADDR, &a, sizeof a);
	}
}

static void recv6(const struct inet_sock *s, struct socket_msg *m, const struct packet *p)
{
	if (s->recvhops) {
		int hops = p->ttl;
		cmsg_put(m, SOL_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
	}
	if (s->recvtclass) {
		int tclass = p->tos;
		cmsg_put(m, SOL_IPV6, IPV6_TCLASS, &tclass, sizeof tclass);
	}
	if (s->recvflowinfo && p->l3) {
		be32_t flow;
		memcpy(&flow, p->l3, sizeof flow);
		flow &= hton32(0x0fffffff);
		if (flow)
			cmsg_put(m, SOL_IPV6, IPV6_FLOWINFO, &flow, sizeof flow);
	}
	if (s->recvorigdstaddr6) {
		struct __kernel_sockaddr_storage a;
		int n = inet_to_sockaddr(s, &p->dst, s->local_port, p->netif->index, &a);
		cmsg_put(m, SOL_IPV6, IPV6_ORIGDSTADDR, &a, (size_t)n);
	}
}

void inet_recv_cmsg(struct inet_sock *s, struct socket_msg *m, const struct packet *p)
{
	if (!s->wants_cmsg)
		return;
	if (s->v6 && s->pktinfo6) {
		struct in6_pktinfo info = {.ipi6_ifindex = p->netif->index};
		memcpy(&info.ipi6_addr, &p->dst, sizeof info.ipi6_addr);
		cmsg_put(m, SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
	if (ip_is_v4(&p->dst))
		recv4(s, m, p);
	else
		recv6(s, m, p);
}

static int int_of(const struct user_cmsghdr *c, size_t len, int *v)
{
	if (len != sizeof *v)
		return -EINVAL;
	memcpy(v, CMSG_CONST_DATA_OF(c), sizeof *v);
	return 0;
}

/* RFC 3542 6.1: a source and an interface for one packet. */
static int send_pktinfo6(struct inet_sock *s, const struct user_cmsghdr *c, size_t len,
			 struct ip_tx *tx, int *ifindex)
{
	struct in6_pktinfo info;
	struct ip_addr src;

	if (len < sizeof info)
		return -EINVAL;
	memcpy(&info, CMSG_CONST_DATA_OF(c), sizeof info);
	memcpy(&src, &info.ipi6_addr, sizeof src);
	int index = (int)info.ipi6_ifindex;
	if (index) {
		if ((*ifindex && *ifindex != index) ||
		    (s->so.bound_ifindex && s->so.bound_ifindex != index))
			return -EINVAL;
		if (!netif_by_index(index))
			return -ENODEV;
		*ifindex = index;
	}
	if (ip_is_any(&src))
		return 0;
	if (ip_is_v4(&src) != ip_is_v4(&tx->dst))
		return -EINVAL;
	if (!s->freebind && !s->transparent &&
	    !ifaddr_find(ip_is_linklocal6(&src) ? netif_by_index(*ifindex) : NULL, &src) &&
	    !ip_is_loopback(&src))
		return -EINVAL;
	tx->src = src;
	return 0;
}

static int send4(const struct user_cmsghdr *c, size_t len, struct ip_tx *tx, int *ifindex)
{
	const uint8_t *data = CMSG_CONST_DATA_OF(c);
	struct in_pktinfo info;
	int v, err;

	switch (c->type) {
	case IP_PKTINFO:
		if (len != sizeof info)
			return -EINVAL;
		memcpy(&info, data, sizeof info);
		if (info.ipi_ifindex)
			*ifindex = info.ipi_ifindex;
		if (info.ipi_spec_dst.s_addr)
			tx->src = ip_from_v4(info.ipi_spec_dst.s_addr);
		return 0;
	case IP_TTL:
		err = int_of(c, len, &v);
		if (err || v < 1 || v > 255)
			return -EINVAL;
		tx->ttl = (uint8_t)v;
		return 0;
	case IP_TOS:
		if (len == sizeof v)
			memcpy(&v, data, sizeof v);
		else if (len == 1)
			v = data[0];
		else
			return -EINVAL;
		if (v < 0 || v > 255)
			return -EINVAL;
		tx->tos = (uint8_t)v;
		return 0;
	default:
		return -EINVAL;
	}
}

static int send6(struct inet_sock *s, const struct user_cmsghdr *c, size_t len, struct ip_tx *tx,
		 int *ifindex)
{
	int v = 0, err = 0;

	switch (c->type) {
	case IPV6_PKTINFO:
	case IPV6_2292PKTINFO:
		return send_pktinfo6(s, c, len, tx, ifindex);
	case IPV6_HOPLIMIT:
	case IPV6_2292HOPLIMIT:
		err = int_of(c, len, &v);
		if (err || v < -1 || v > 255)
			return -EINVAL;
		if (v >= 0)
			tx->ttl = (uint8_t)v;
		return 0;
	case IPV6_TCLASS:
		err = int_of(c, len, &v);
		if (err || v < -1 || v > 255)
			return -EINVAL;
		tx->tos = v < 0 ? 0 : (uint8_t)v;
		return 0;
	case IPV6_DONTFRAG:
		err = int_of(c, len, &v);
		if (err || v < 0 || v > 1)
			return -EINVAL;
		tx->df = v;
		return 0;
	case IPV6_FLOWINFO:
		if (len < 4)
			return -EINVAL;
		tx->flow_label = get_be32(CMSG_CONST_DATA_OF(c)) & 0xfffff;
		return 0;
	default:
		return -EINVAL;
	}
}

/* SOL_SOCKET messages that every socket takes (__sock_cmsg_send in Linux). */
static int send_socket(const struct user_cmsghdr *c, size_t len)
{
	switch (c->type) {
	case SO_MARK: /* no rule looks at it */
		return len == sizeof(uint32_t) ? 0 : -EINVAL;
	case SCM_RIGHTS:
	case SCM_CREDENTIALS:
		return 0; /* mean nothing here */
	default:
		return -EINVAL;
	}
}

int inet_send_cmsg(struct inet_sock *s, const struct socket_msg *m, struct ip_tx *tx, int *ifindex)
{
	const struct user_cmsghdr *c;
	size_t at = 0, len;
	int err;
	bool v4 = ip_is_v4(&tx->dst);

	while ((c = cmsg_next(m, &at, &len, &err))) {
		if (c->level == SOL_SOCKET)
			err = send_socket(c, len);
		else if (c->level == SOL_IP && v4)
			err = send4(c, len, tx, ifindex);
		else if (c->level == SOL_IPV6 && s->v6)
			err = v4 && c->type != IPV6_PKTINFO ? 0 : send6(s, c, len, tx, ifindex);
		if (err)
			return err;
	}
	return err;
}
