/* Options of SOL_IPV6: ipv6(7), RFC 3493, RFC 3542, RFC 5014. What has no effect here answers
 * -ENOPROTOOPT. */
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include "lib/string.h"
#include "net/inet_mcast.h"
#include "net/inet_sockopt.h"
#include "net/netif.h"

#define IPV6_MIN_MTU 1280

static bool *flag6(struct inet_sock *s, int name)
{
	switch (name) {
	case IPV6_RECVPKTINFO:
		return &s->pktinfo6;
	case IPV6_RECVHOPLIMIT:
		return &s->recvhops;
	case IPV6_RECVTCLASS:
		return &s->recvtclass;
	case IPV6_FLOWINFO:
		return &s->recvflowinfo;
	case IPV6_RECVORIGDSTADDR:
		return &s->recvorigdstaddr6;
	case IPV6_RECVERR:
		return &s->recverr6;
	case IPV6_DONTFRAG:
		return &s->dontfrag6;
	case IPV6_AUTOFLOWLABEL:
		return &s->autoflowlabel;
	case IPV6_FREEBIND:
		return &s->freebind;
	case IPV6_TRANSPARENT:
		return &s->transparent;
	default:
		return NULL;
	}
}

static int set_mc_interface(struct inet_sock *s, int ifindex)
{
	if (s->so.type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (ifindex) {
		if (!netif_by_index(ifindex))
			return -ENODEV;
		if (s->so.bound_ifindex && s->so.bound_ifindex != ifindex)
			return -EINVAL;
	}
	s->mc_ifindex6 = ifindex;
	s->route.generation = 0;
	return 0;
}

static int set_unicast_if(struct inet_sock *s, be32_t index)
{
	int ifindex = (int)ntoh32(index);
	if (ifindex && !netif_by_index(ifindex))
		return -EADDRNOTAVAIL;
	if (ifindex && s->so.bound_ifindex)
		return -EINVAL;
	s->unicast_ifindex = ifindex;
	s->route.generation = 0;
	return 0;
}

/* IPV6_CHECKSUM: where a raw socket's checksum lies; even, or -1 for none. */
static int set_checksum(struct inet_sock *s, int offset)
{
	if (s->so.type != SOCK_RAW)
		return -ENOPROTOOPT;
	if (s->so.protocol == IPPROTO_ICMPV6 || (offset > 0 && (offset & 1)))
		return -EINVAL; /* ICMPv6's is where it is (RFC 3542, 3.1) */
	s->checksum_offset = offset < 0 ? -1 : offset;
	return 0;
}

/* IPV6_PKTINFO as an option: from where, and over what, all that follows is sent. */
static int set_pktinfo(struct inet_sock *s, const void *val, unsigned len)
{
	struct in6_pktinfo info;
	if (len == 0) {
		s->unicast_ifindex = 0;
		return 0;
	}
	if (len < sizeof info)
		return -EINVAL;
	memcpy(&info, val, sizeof info);
	struct ip_addr a;
	memcpy(&a, &info.ipi6_addr, sizeof a);
	if (!ip_is_any(&a))
		return -EINVAL; /* only by control message */
	s->unicast_ifindex = (int)info.ipi6_ifindex;
	s->route.generation = 0;
	return 0;
}

static int set_preferences(int v)
{
	/* Addresses here are neither temporary nor mobile nor generated with keys: asking for what
	 * is given anyway succeeds. */
	const int given = IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_PUBTMP_DEFAULT |
			  IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_NONCGA;
	return v & ~given ? -EINVAL : 0;
}

static int set_number(struct inet_sock *s, int name, int v)
{
	switch (name) {
	case IPV6_V6ONLY:
		if (s->local_port || s->bound)
			return -EINVAL;
		s->v6only = v != 0;
		return 0;
	case IPV6_UNICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->hops_set = v >= 0;
		s->hops = v < 0 ? 0 : (uint8_t)v;
		return 0;
	case IPV6_MULTICAST_HOPS:
		if (s->so.type == SOCK_STREAM)
			return -ENOPROTOOPT;
		if (v < -1 || v > 255)
			return -EINVAL;
		s->mc_hops = v < 0 ? 1 : (uint8_t)v;
		return 0;
	case IPV6_MULTICAST_LOOP:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->mc_loop6 = v;
		return 0;
	case IPV6_MULTICAST_ALL:
		s->mc_all6 = v != 0;
		return 0;
	case IPV6_MULTICAST_IF:
		return set_mc_interface(s, v);
	case IPV6_UNICAST_IF:
		return set_unicast_if(s, (be32_t)v);
	case IPV6_MTU_DISCOVER:
		if (v < IPV6_PMTUDISC_DONT || v > IPV6_PMTUDISC_OMIT)
			return -EINVAL;
		s->pmtudisc6 = (uint8_t)v;
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		if (s->so.type == SOCK_STREAM && v >= 0) /* the ECN bits are TCP's */
			v = (v & ~3) | (s->tclass & 3);
		s->tclass_set = v >= 0;
		s->tclass = v < 0 ? 0 : (uint8_t)v;
		return 0;
	case IPV6_MTU: /* what datagrams are cut to */
		if (v && (v < 0 || v < IPV6_MIN_MTU))
			return -EINVAL;
		s->frag_size6 = (uint32_t)v;
		return 0;
	case IPV6_CHECKSUM:
		return set_checksum(s, v);
	case IPV6_ADDR_PREFERENCES:
		return set_preferences(v);
	case IPV6_HDRINCL:
		if (s->so.type != SOCK_RAW)
			return -ENOPROTOOPT;
		s->hdrincl = v != 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* IPV6_ADDRFORM: a connected dual-stack socket that talks IPv4 cannot turn into an AF_INET one
 * here. */
int inet6_setsockopt(struct inet_sock *s, int name, const void *val, unsigned len)
{
	int v = 0, err = inet_mcast_setsockopt(s, true, name, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (name == IPV6_PKTINFO)
		return set_pktinfo(s, val, len);
	if (len >= sizeof v)
		memcpy(&v, val, sizeof v);
	bool *flag = flag6(s, name);
	if (flag) {
		if (len < sizeof v && name != IPV6_DONTFRAG)
			return -EINVAL;
		*flag = v != 0;
		if (name == IPV6_RECVERR && !v)
			inet_purge_errors(s);
		inet_update_wants(s);
		return 0;
	}
	if (len < sizeof v)
		return set_number(s, name, 0) == -ENOPROTOOPT ? -ENOPROTOOPT : -EINVAL;
	return set_number(s, name, v);
}

static int get_mtuinfo(struct inet_sock *s, void *val, unsigned *len)
{
	struct ip6_mtuinfo info;
	uint32_t mtu;
	if (*len < sizeof info)
		return -EINVAL;
	int err = inet_path_mtu(s, &mtu);
	if (err)
		return err;
	memset(&info, 0, sizeof info);
	info.ip6m_addr.sin6_family = AF_INET6;
	memcpy(&info.ip6m_addr.sin6_addr, &s->remote, sizeof s->remote);
	info.ip6m_mtu = mtu;
	return inet_answer(val, len, &info, sizeof info);
}

static int answer(void *val, unsigned *len, int v)
{
	return inet_answer(val, len, &v, sizeof v);
}

int inet6_getsockopt(struct inet_sock *s, int name, void *val, unsigned *len)
{
	int err = inet_mcast_getsockopt(s, true, name, val, len);
	uint32_t mtu;

	if (err != -ENOPROTOOPT)
		return err;
	bool *flag = flag6(s, name);
	if (flag)
		return answer(val, len, *flag);
	switch (name) {
	case IPV6_V6ONLY:
		return answer(val, len, s->v6only);
	case IPV6_UNICAST_HOPS:
		return answer(val, len, s->hops_set ? s->hops : 64);
	case IPV6_MULTICAST_HOPS:
		return answer(val, len, s->mc_hops);
	case IPV6_MULTICAST_LOOP:
		return answer(val, len, s->mc_loop6);
	case IPV6_MULTICAST_ALL:
		return answer(val, len, s->mc_all6);
	case IPV6_MULTICAST_IF:
		return answer(val, len, s->mc_ifindex6);
	case IPV6_UNICAST_IF:
		return answer(val, len, (int)hton32((uint32_t)s->unicast_ifindex));
	case IPV6_MTU_DISCOVER:
		return answer(val, len, s->pmtudisc6);
	case IPV6_MTU:
		err = inet_path_mtu(s, &mtu);
		return err ? err : answer(val, len, (int)mtu);
	case IPV6_PATHMTU:
		return get_mtuinfo(s, val, len);
	case IPV6_TCLASS:
		return answer(val, len, s->tclass_set ? s->tclass : 0);
	case IPV6_CHECKSUM:
		return s->so.type == SOCK_RAW ? answer(val, len, s->checksum_offset) : -ENOPROTOOPT;
	case IPV6_ADDR_PREFERENCES:
		return answer(val, len,
			      IPV6_PREFER_SRC_PUBTMP_DEFAULT | IPV6_PREFER_SRC_HOME |
				  IPV6_PREFER_SRC_NONCGA);
	case IPV6_HDRINCL:
		return s->so.type == SOCK_RAW ? answer(val, len, s->hdrincl) : -ENOPROTOOPT;
	default:
		return -ENOPROTOOPT;
	}
}
