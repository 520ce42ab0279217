/* What sockets of the Internet families share: addresses in and out, the cached route, what a
 * datagram is sent with. Compiled for the host too. */
#include "net/inet.h"
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include "lib/random.h"
#include "lib/string.h"
#include "net/netif.h"

#define SIN6_LEN_MIN 24 /* of RFC 2133, without the scope */

static const struct ip_addr any4 = {.w = {0, 0, 0xffff0000u, 0}};
static const struct ip_addr any6;

void inet_init_sock(struct inet_sock *s, int family)
{
	s->v6 = family == AF_INET6;
	s->local = s->remote = s->v6 ? any6 : any4;
	s->mc_ttl = 1;
	s->mc_hops = 1;
	s->mc_loop = s->mc_loop6 = s->mc_all6 = true;
	s->mc_all = !s->v6;
	s->pmtudisc = IP_PMTUDISC_WANT;
	s->pmtudisc6 = IPV6_PMTUDISC_WANT;
	s->checksum_offset = -1;
	s->mc_addr = any4;
	s->autoflowlabel = true;
	list_init(&s->memberships);
	list_init(&s->errors);
	list_init(&s->bind_link);
	list_init(&s->hash_link);
}

int inet_from_sockaddr(const struct inet_sock *s, const struct __kernel_sockaddr_storage *a,
		       unsigned len, struct ip_addr *addr, uint16_t *port, int *ifindex)
{
	if (ifindex)
		*ifindex = 0;
	if (!s->v6) {
		const struct sockaddr_in *in = (const void *)a;
		if (len < sizeof *in)
			return -EINVAL;
		if (in->sin_family != AF_INET)
			return -EAFNOSUPPORT;
		*addr = ip_from_v4(in->sin_addr.s_addr);
		*port = ntoh16(in->sin_port);
		return 0;
	}
	const struct sockaddr_in6 *in6 = (const void *)a;
	if (len < SIN6_LEN_MIN)
		return -EINVAL;
	if (in6->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(addr, &in6->sin6_addr, sizeof *addr);
	*port = ntoh16(in6->sin6_port);
	if (ifindex && len >= sizeof *in6)
		*ifindex = inet_scope_of(addr, (int)in6->sin6_scope_id);
	return 0;
}

int inet_scope_of(const struct ip_addr *addr, int ifindex)
{
	/* Link-local unicast, and multicast of interface-local and link-local scope. */
	bool local = ip_is_linklocal6(addr) ||
		     (addr->b[0] == 0xff && ((addr->b[1] & 15) == 1 || (addr->b[1] & 15) == 2));
	return local ? ifindex : 0;
}

int inet_set_scope(struct inet_sock *s, const struct ip_addr *addr, int ifindex)
{
	bool needed = ip_is_linklocal6(addr);
	if (ifindex) {
		if (s->so.bound_ifindex && s->so.bound_ifindex != ifindex)
			return -EINVAL;
		if (!needed && !ip_is_multicast(addr))
			return 0;
		if (s->so.bound_ifindex != ifindex)
			s->route.generation = 0;
		s->so.bound_ifindex = ifindex;
	}
	return needed && !s->so.bound_ifindex ? -EINVAL : 0;
}

void inet_any_to_loopback(struct ip_addr *dst)
{
	if (!ip_is_any(dst))
		return;
	*dst = ip_is_v4(dst) ? ip_from_v4(IP4(127, 0, 0, 1))
			     : (struct ip_addr){.w = {0, 0, 0, hton32(1)}};
}

int inet_to_sockaddr(const struct inet_sock *s, const struct ip_addr *addr, uint16_t port,
		     int ifindex, struct __kernel_sockaddr_storage *a)
{
	if (!s->v6) {
		struct sockaddr_in *in = (void *)a;
		in->sin_family = AF_INET;
		in->sin_port = hton16(port);
		in->sin_addr.s_addr = addr->w[3];
		memset(in->__pad, 0, sizeof in->__pad);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (void *)a;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = hton16(port);
	in6->sin6_flowinfo = 0;
	memcpy(&in6->sin6_addr, addr, sizeof *addr);
	in6->sin6_scope_id = (uint32_t)inet_scope_of(addr, ifindex);
	return sizeof *in6;
}

uint16_t inet_name_port(const struct __kernel_sockaddr_storage *a)
{
	return ntoh16(((const struct sockaddr_in *)(const void *)a)->sin_port);
}

int inet_bind_name(struct inet_table *t, struct inet_sock *s,
		   const struct __kernel_sockaddr_storage *a, unsigned len)
{
	const struct sockaddr_in *in = (const void *)a;
	struct ip_addr addr;
	uint16_t port;
	int ifindex, err;

	/* "Any address" of no family is allowed for the sake of old programs. */
	if (!s->v6 && len >= sizeof *in && in->sin_family == AF_UNSPEC && !in->sin_addr.s_addr) {
		addr = any4;
		port = ntoh16(in->sin_port);
		ifindex = 0;
		err = 0;
	} else {
		err = inet_from_sockaddr(s, a, len, &addr, &port, &ifindex);
	}
	if (err)
		return err;
	if (s->v6 && ip_is_v4(&addr) && s->v6only)
		return -EINVAL;
	if (s->bound || s->local_port)
		return -EINVAL;
	if (s->v6)
		err = inet_set_scope(s, &addr, ifindex);
	return err ? err : inet_bind(t, s, &addr, port);
}

int inet_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer)
{
	struct inet_sock *s = inet_of(so);
	if (!peer)
		return inet_to_sockaddr(s, &s->local, s->local_port, so->bound_ifindex, a);
	if (!s->connected || !s->remote_port)
		return -ENOTCONN;
	return inet_to_sockaddr(s, &s->remote, s->remote_port, so->bound_ifindex, a);
}

/* The interface that the options of s name for dst; 0: any. */
static int chosen_interface(const struct inet_sock *s, const struct ip_addr *dst)
{
	if (s->so.bound_ifindex)
		return s->so.bound_ifindex;
	if (ip_is_multicast(dst))
		return ip_is_v4(dst) ? s->mc_ifindex : s->mc_ifindex6;
	return s->unicast_ifindex;
}

int inet_route(struct inet_sock *s, const struct ip_addr *dst)
{
	if (route_valid(&s->route) && ip_equal(&s->route_dst, dst))
		return 0;
	const struct ip_addr *src = &s->local;
	if (ip_is_any(src))
		src = NULL;
	if (ip_is_multicast(dst) && ip_is_v4(dst) && !ip_is_any(&s->mc_addr) && !src)
		src = &s->mc_addr;
	if (src && ip_is_v4(src) != ip_is_v4(dst))
		return -ENETUNREACH;
	if (s->v6only && s->v6 && ip_is_v4(dst))
		return -ENETUNREACH;
	int err = route_lookup(&s->route, dst, src, chosen_interface(s, dst));
	if (!err && s->so.dontroute && !s->route.local && !ip_equal(&s->route.next_hop, dst))
		err = -ENETUNREACH;
	if (err) {
		s->route.generation = 0;
		return err;
	}
	s->route_dst = *dst;
	/* RFC 6437: a label that nobody can guess, one for all that the socket sends. */
	if (s->autoflowlabel && !s->flow_label && !ip_is_v4(dst)) {
		random_bytes(&s->flow_label, sizeof s->flow_label);
		s->flow_label &= 0xfffff;
	}
	return 0;
}

void inet_fill_tx(const struct inet_sock *s, const struct ip_addr *dst, uint8_t protocol,
		  struct ip_tx *tx)
{
	tx->src = ip_is_any(&s->local) ? s->route.src : s->local;
	tx->dst = *dst;
	tx->protocol = protocol;
	tx->flow_label = 0;
	tx->options = NULL;
	tx->options_len = 0;
	tx->first_header = 0;
	tx->no_loop = false;
	if (ip_is_v4(dst)) {
		bool mc = ip_is_multicast(dst);
		tx->ttl = mc ? s->mc_ttl : s->ttl;
		tx->tos = s->tos;
		tx->df = s->pmtudisc == IP_PMTUDISC_DO || s->pmtudisc == IP_PMTUDISC_WANT ||
			 s->pmtudisc == IP_PMTUDISC_PROBE;
		tx->no_loop = mc && !s->mc_loop;
		if (s->options_len) {
			tx->options = s->options;
			tx->options_len = s->options_len;
		}
	} else {
		bool mc = ip_is_multicast(dst);
		tx->ttl = mc ? s->mc_hops : s->hops_set ? s->hops : 0;
		tx->tos = s->tclass_set ? s->tclass : 0;
		tx->df = s->pmtudisc6 == IPV6_PMTUDISC_DO || s->pmtudisc6 == IPV6_PMTUDISC_PROBE;
		tx->no_loop = mc && !s->mc_loop6;
		tx->flow_label = s->autoflowlabel ? s->flow_label : 0;
	}
}

void inet_destroy(struct inet_sock *s)
{
	inet_leave_all(s);
	inet_purge_errors(s);
}
