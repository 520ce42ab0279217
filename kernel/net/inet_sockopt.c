/* Options of SOL_IP: ip(7). What has no effect here answers -ENOPROTOOPT, as a kernel built without
 * it. */
#include "net/inet_sockopt.h"
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/ip.h>
#include "lib/string.h"
#include "net/inet_mcast.h"
#include "net/netif.h"
#include "net/packet.h"

#define TOS_ECN 3u

int inet_int_arg(const void *val, unsigned len, int *v)
{
	if (len >= sizeof *v)
		memcpy(v, val, sizeof *v);
	else if (len >= 1)
		*v = *(const uint8_t *)val;
	else
		*v = 0;
	return 0;
}

int inet_answer(void *val, unsigned *len, const void *from, unsigned n)
{
	if (n < *len)
		*len = n;
	memcpy(val, from, *len);
	return 0;
}

int inet_answer_int(void *val, unsigned *len, int v)
{
	if (*len<sizeof v && * len> 0 && v >= 0 && v <= 255) {
		*(uint8_t *)val = (uint8_t)v;
		*len = 1;
		return 0;
	}
	return inet_answer(val, len, &v, sizeof v);
}

void inet_update_wants(struct inet_sock *s)
{
	s->wants_cmsg = s->pktinfo || s->recvttl || s->recvtos || s->recvorigdstaddr ||
			s->recvopts || s->pktinfo6 || s->recvhops || s->recvtclass ||
			s->recvflowinfo || s->recvorigdstaddr6;
}

int inet_path_mtu(struct inet_sock *s, uint32_t *mtu)
{
	if (!s->connected)
		return -ENOTCONN;
	int err = inet_route(s, &s->remote);
	*mtu = s->route.mtu;
	return err ? -ENOTCONN : 0;
}

/*
 * IP_OPTIONS: a list of options (RFC 791, 3.1), padded to words. Source routes are refused, as they
 * would change the destination.
 */
static int set_options(struct inet_sock *s, const uint8_t *val, unsigned len)
{
	uint8_t o[40] = {0};
	if (len > sizeof o)
		return -EINVAL;
	for (unsigned i = 0; i < len && val[i] != 0;) {
		unsigned n = val[i] == 1 ? 1 : i + 1 < len ? val[i + 1] : 0;
		bool source_route = val[i] == 0x83 || val[i] == 0x89;
		if (!n || (n < 2 && val[i] != 1) || i + n > len || source_route)
			return -EINVAL;
		memcpy(o + i, val + i, n);
		i += n;
	}
	memcpy(s->options, o, sizeof o);
	s->options_len = (uint8_t)((len + 3) & ~3u);
	return 0;
}

/* in_addr, ip_mreq or ip_mreqn: the interface that multicasts leave by. */
static int set_mc_interface(struct inet_sock *s, const void *val, unsigned len)
{
	struct ip_mreqn r = {.imr_ifindex = 0};

	if (len >= sizeof r)
		memcpy(&r, val, sizeof r);
	else if (len >= sizeof(struct ip_mreq))
		memcpy(&r, val, sizeof(struct ip_mreq));
	else if (len >= sizeof r.imr_address)
		memcpy(&r.imr_address, val, sizeof r.imr_address);
	else
		return -EINVAL;
	struct ip_addr a = ip_from_v4(r.imr_address.s_addr);
	struct netif *n = NULL;
	if (r.imr_ifindex) {
		n = netif_by_index(r.imr_ifindex);
	} else if (!ip_is_any(&a)) {
		struct ifaddr *found = ifaddr_find(NULL, &a);
		n = found ? found->netif : NULL;
	}
	if (!n && (r.imr_ifindex || !ip_is_any(&a)))
		return -EADDRNOTAVAIL;
	if (n && s->so.bound_ifindex && s->so.bound_ifindex != n->index)
		return -EINVAL;
	s->mc_ifindex = n ? n->index : 0;
	s->mc_addr = a;
	s->route.generation = 0;
	return 0;
}

static int set_unicast_if(struct inet_sock *s, const void *val, unsigned len)
{
	be32_t index;
	if (len != sizeof index)
		return -EINVAL;
	memcpy(&index, val, sizeof index);
	int ifindex = (int)ntoh32(index);
	if (ifindex && !netif_by_index(ifindex))
		return -EADDRNOTAVAIL;
	s->unicast_ifindex = ifindex;
	s->route.generation = 0;
	return 0;
}

/* Options with a plain flag. NULL: it is none of them. */
static bool *flag4(struct inet_sock *s, int name)
{
	switch (name) {
	case IP_PKTINFO:
		return &s->pktinfo;
	case IP_RECVTTL:
		return &s->recvttl;
	case IP_RECVTOS:
		return &s->recvtos;
	case IP_RECVOPTS:
		return &s->recvopts;
	case IP_RECVORIGDSTADDR:
		return &s->recvorigdstaddr;
	case IP_FREEBIND:
		return &s->freebind;
	case IP_TRANSPARENT:
		return &s->transparent;
	case IP_BIND_ADDRESS_NO_PORT:
		return &s->bind_no_port;
	case IP_RECVERR:
		return &s->recverr;
	case IP_MULTICAST_LOOP:
		return &s->mc_loop;
	default:
		return NULL;
	}
}

int inet4_setsockopt(struct inet_sock *s, int name, const void *val, unsigned len)
{
	int v, err = inet_mcast_setsockopt(s, false, name, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	inet_int_arg(val, len, &v);
	bool *flag = flag4(s, name);
	if (flag) {
		if (len < 1 &&
		    (name == IP_MULTICAST_LOOP || name == IP_FREEBIND || name == IP_TRANSPARENT))
			return -EINVAL;
		*flag = v != 0;
		if (name == IP_RECVERR && !v)
			inet_purge_errors(s);
		inet_update_wants(s);
		return 0;
	}
	switch (name) {
	case IP_OPTIONS:
		return set_options(s, val, len);
	case IP_TOS:
		/* The ECN bits of a stream are TCP's. */
		if (s->so.type == SOCK_STREAM)
			v = (v & ~(int)TOS_ECN) | (s->tos & (int)TOS_ECN);
		s->tos = (uint8_t)v;
		return 0;
	case IP_TTL:
		if (len < 1 || (v != -1 && (v < 1 || v > 255)))
			return -EINVAL;
		s->ttl = v == -1 ? 0 : (uint8_t)v;
		return 0;
	case IP_HDRINCL:
		if (s->so.type != SOCK_RAW)
			return -ENOPROTOOPT;
		s->hdrincl = v != 0;
		return 0;
	case IP_NODEFRAG:
		if (s->so.type != SOCK_RAW)
			return -ENOPROTOOPT;
		s->nodefrag = v != 0;
		return 0;
	case IP_MTU_DISCOVER:
		if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
			return -EINVAL;
		s->pmtudisc = (uint8_t)v;
		return 0;
	case IP_MULTICAST_TTL:
		if (s->so.type == SOCK_STREAM || len < 1)
			return -EINVAL;
		if (v == -1)
			v = 1;
		if (v < 0 || v > 255)
			return -EINVAL;
		s->mc_ttl = (uint8_t)v;
		return 0;
	case IP_MULTICAST_IF:
		return s->so.type == SOCK_STREAM ? -EINVAL : set_mc_interface(s, val, len);
	case IP_MULTICAST_ALL:
		if (len < 1 || (v != 0 && v != 1))
			return -EINVAL;
		s->mc_all = v;
		return 0;
	case IP_UNICAST_IF:
		return set_unicast_if(s, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

int inet4_getsockopt(struct inet_sock *s, int name, void *val, unsigned *len)
{
	int err = inet_mcast_getsockopt(s, false, name, val, len);
	uint32_t mtu;

	if (err != -ENOPROTOOPT)
		return err;
	bool *flag = flag4(s, name);
	if (flag)
		return inet_answer_int(val, len, *flag);
	switch (name) {
	case IP_OPTIONS:
		return inet_answer(val, len, s->options, s->options_len);
	case IP_TOS:
		return inet_answer_int(val, len, s->tos);
	case IP_TTL:
		return inet_answer_int(val, len, s->ttl ? s->ttl : 64);
	case IP_HDRINCL:
		return inet_answer_int(val, len, s->hdrincl);
	case IP_NODEFRAG:
		return inet_answer_int(val, len, s->nodefrag);
	case IP_MTU_DISCOVER:
		return inet_answer_int(val, len, s->pmtudisc);
	case IP_MTU:
		err = inet_path_mtu(s, &mtu);
		return err ? err : inet_answer_int(val, len, (int)mtu);
	case IP_MULTICAST_TTL:
		return inet_answer_int(val, len, s->mc_ttl);
	case IP_MULTICAST_IF:
		return inet_answer(val, len, &s->mc_addr.w[3], sizeof s->mc_addr.w[3]);
	case IP_MULTICAST_ALL:
		return inet_answer_int(val, len, s->mc_all);
	case IP_UNICAST_IF:
		return inet_answer_int(val, len, (int)hton32((uint32_t)s->unicast_ifindex));
	case IP_PROTOCOL:
		return inet_answer_int(val, len, s->local_port); /* of raw sockets */
	default:
		return -ENOPROTOOPT;
	}
}

int inet_setsockopt(struct inet_sock *s, int level, int name, const void *val, unsigned len)
{
	if (level == SOL_IP)
		return inet4_setsockopt(s, name, val, len);
	return level == SOL_IPV6 && s->v6 ? inet6_setsockopt(s, name, val, len) : -ENOPROTOOPT;
}

int inet_getsockopt(struct inet_sock *s, int level, int name, void *val, unsigned *len)
{
	if (level == SOL_IP)
		return inet4_getsockopt(s, name, val, len);
	if (!s->v6)
		return -EOPNOTSUPP;
	return level == SOL_IPV6 ? inet6_getsockopt(s, name, val, len) : -ENOPROTOOPT;
}
