/* The options by which programs join groups: RFC 3678 for filters, ip(7) and RFC 3493 for the older
 * forms. */
#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include "lib/string.h"
#include "net/inet_mcast.h"

/* ip_mreq or ip_mreqn. */
static int membership4(struct inet_sock *s, int name, const void *val, unsigned len)
{
	struct ip_mreqn r = {.imr_ifindex = 0};

	if (s->so.type == SOCK_STREAM)
		return -EPROTO;
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&r, val, len < sizeof r ? sizeof(struct ip_mreq) : sizeof r);
	struct ip_addr group = ip_from_v4(r.imr_multiaddr.s_addr);
	struct ip_addr via = ip_from_v4(r.imr_address.s_addr);
	return name == IP_ADD_MEMBERSHIP ? inet_join(s, &group, &via, r.imr_ifindex)
					 : inet_leave(s, &group, &via, r.imr_ifindex);
}

static int source4(struct inet_sock *s, int name, const void *val, unsigned len)
{
	struct ip_mreq_source r;
	enum inet_source_op op = name == IP_ADD_SOURCE_MEMBERSHIP    ? SOURCE_JOIN
				 : name == IP_DROP_SOURCE_MEMBERSHIP ? SOURCE_LEAVE
				 : name == IP_BLOCK_SOURCE	     ? SOURCE_BLOCK
								     : SOURCE_UNBLOCK;
	if (len != sizeof r)
		return -EINVAL;
	memcpy(&r, val, sizeof r);
	struct ip_addr group = ip_from_v4(r.imr_multiaddr), via = ip_from_v4(r.imr_interface);
	struct ip_addr source = ip_from_v4(r.imr_sourceaddr);
	return inet_source(s, op, &group, &source, &via, 0);
}

static int membership6(struct inet_sock *s, int name, const void *val, unsigned len)
{
	struct ipv6_mreq r;
	struct ip_addr group;

	if (len < sizeof r)
		return -EINVAL;
	if (s->so.type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&r, val, sizeof r);
	memcpy(&group, &r.ipv6mr_multiaddr, sizeof group);
	if (ip_is_v4(&group))
		return -EINVAL;
	return name == IPV6_ADD_MEMBERSHIP ? inet_join(s, &group, NULL, r.ipv6mr_ifindex)
					   : inet_leave(s, &group, NULL, r.ipv6mr_ifindex);
}

/* A group or source in either family's form; it must be that of the level. */
static bool address_of(bool v6, const void *sockaddr, struct ip_addr *a)
{
	const struct sockaddr_in *in = sockaddr;
	const struct sockaddr_in6 *in6 = sockaddr;

	if (in->sin_family != (v6 ? AF_INET6 : AF_INET))
		return false;
	if (v6)
		memcpy(a, &in6->sin6_addr, sizeof *a);
	else
		*a = ip_from_v4(in->sin_addr.s_addr);
	return true;
}

static int group_request(struct inet_sock *s, bool v6, int name, const void *val, unsigned len)
{
	struct group_req r;
	struct ip_addr group;

	if (len < sizeof r)
		return -EINVAL;
	memcpy(&r, val, sizeof r);
	if (!address_of(v6, &r.gr_group, &group))
		return v6 ? -EADDRNOTAVAIL : -EINVAL;
	if (s->so.type == SOCK_STREAM)
		return -EPROTO;
	return name == MCAST_JOIN_GROUP ? inet_join(s, &group, NULL, (int)r.gr_interface)
					: inet_leave(s, &group, NULL, (int)r.gr_interface);
}

static int source_request(struct inet_sock *s, bool v6, int name, const void *val, unsigned len)
{
	struct group_source_req r;
	struct ip_addr group, source;
	enum inet_source_op op = name == MCAST_JOIN_SOURCE_GROUP    ? SOURCE_JOIN
				 : name == MCAST_LEAVE_SOURCE_GROUP ? SOURCE_LEAVE
				 : name == MCAST_BLOCK_SOURCE	    ? SOURCE_BLOCK
								    : SOURCE_UNBLOCK;
	if (len < sizeof r)
		return -EINVAL;
	memcpy(&r, val, sizeof r);
	if (!address_of(v6, &r.gsr_group, &group) || !address_of(v6, &r.gsr_source, &source))
		return -EADDRNOTAVAIL;
	return inet_source(s, op, &group, &source, NULL, (int)r.gsr_interface);
}

/* struct ip_msfilter: five words and the sources. */
static int filter4(struct inet_sock *s, const uint8_t *val, unsigned len)
{
	struct ip_addr sources[INET_MAX_SOURCES];
	uint32_t w[4];

	if (len < sizeof w)
		return -EINVAL;
	memcpy(w, val, sizeof w); /* group, interface, mode, number */
	if (w[3] > INET_MAX_SOURCES)
		return -ENOBUFS;
	if (len < sizeof w + w[3] * sizeof(be32_t))
		return -EINVAL;
	for (unsigned i = 0; i < w[3]; i++) {
		be32_t a;
		memcpy(&a, val + sizeof w + i * sizeof a, sizeof a);
		sources[i] = ip_from_v4(a);
	}
	struct ip_addr group = ip_from_v4(w[0]), via = ip_from_v4(w[1]);
	return inet_set_filter(s, &group, &via, 0, w[2], sources, w[3]);
}

#define GROUP_FILTER_HEAD offsetof(struct group_filter, gf_slist)

static int group_filter(struct inet_sock *s, bool v6, const uint8_t *val, unsigned len)
{
	struct ip_addr group, sources[INET_MAX_SOURCES];
	struct group_filter f;

	if (len < GROUP_FILTER_HEAD)
		return -EINVAL;
	memcpy(&f, val, GROUP_FILTER_HEAD);
	if (f.gf_numsrc > INET_MAX_SOURCES)
		return -ENOBUFS;
	if (len < GROUP_FILTER_HEAD + f.gf_numsrc * sizeof f.gf_slist[0])
		return -EINVAL;
	if (!address_of(v6, &f.gf_group, &group))
		return -EADDRNOTAVAIL;
	for (unsigned i = 0; i < f.gf_numsrc; i++)
		if (!address_of(v6, val + GROUP_FILTER_HEAD + i * sizeof f.gf_slist[0],
				&sources[i]))
			return -EADDRNOTAVAIL;
	return inet_set_filter(s, &group, NULL, (int)f.gf_interface, f.gf_fmode, sources,
			       f.gf_numsrc);
}

int inet_mcast_setsockopt(struct inet_sock *s, bool v6, int name, const void *val, unsigned len)
{
	switch (name) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return group_request(s, v6, name, val, len);
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		return source_request(s, v6, name, val, len);
	case MCAST_MSFILTER:
		return group_filter(s, v6, val, len);
	default:
		break;
	}
	if (v6)
		return name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP
			   ? membership6(s, name, val, len)
			   : -ENOPROTOOPT;
	switch (name) {
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return membership4(s, name, val, len);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		return source4(s, name, val, len);
	case IP_MSFILTER:
		return filter4(s, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int get_filter4(struct inet_sock *s, uint8_t *val, unsigned *len)
{
	struct ip_addr sources[INET_MAX_SOURCES];
	uint32_t w[4], mode;

	if (*len < sizeof w)
		return -EINVAL;
	memcpy(w, val, sizeof w);
	struct ip_addr group = ip_from_v4(w[0]), via = ip_from_v4(w[1]);
	unsigned room = w[3] < INET_MAX_SOURCES ? w[3] : INET_MAX_SOURCES, n = room;
	int err = inet_get_filter(s, &group, &via, 0, &mode, sources, &n);
	if (err)
		return err;
	w[2] = mode;
	w[3] = n;
	if (n > room)
		n = room;
	if (n > (*len - sizeof w) / sizeof(be32_t))
		n = (unsigned)((*len - sizeof w) / sizeof(be32_t));
	memcpy(val, w, sizeof w);
	for (unsigned i = 0; i < n; i++)
		memcpy(val + sizeof w + i * sizeof(be32_t), &sources[i].w[3], sizeof(be32_t));
	*len = (unsigned)(sizeof w + n * sizeof(be32_t));
	return 0;
}

static int get_group_filter(struct inet_sock *s, bool v6, uint8_t *val, unsigned *len)
{
	struct ip_addr group, sources[INET_MAX_SOURCES];
	struct group_filter f;
	uint32_t mode;

	if (*len < GROUP_FILTER_HEAD)
		return -EINVAL;
	memcpy(&f, val, GROUP_FILTER_HEAD);
	if (!address_of(v6, &f.gf_group, &group))
		return -EADDRNOTAVAIL;
	unsigned room = f.gf_numsrc < INET_MAX_SOURCES ? f.gf_numsrc : INET_MAX_SOURCES, n = room;
	int err = inet_get_filter(s, &group, NULL, (int)f.gf_interface, &mode, sources, &n);
	if (err)
		return err;
	f.gf_fmode = mode;
	f.gf_numsrc = n;
	if (n > room)
		n = room;
	const unsigned each = sizeof f.gf_slist[0];
	if (n > (*len - GROUP_FILTER_HEAD) / each)
		n = (*len - (unsigned)GROUP_FILTER_HEAD) / each;
	memcpy(val, &f, GROUP_FILTER_HEAD);
	for (unsigned i = 0; i < n; i++) {
		struct __kernel_sockaddr_storage a = {.ss_family = v6 ? AF_INET6 : AF_INET};
		if (v6)
			memcpy(&((struct sockaddr_in6 *)(void *)&a)->sin6_addr, &sources[i], 16);
		else
			((struct sockaddr_in *)(void *)&a)->sin_addr.s_addr = sources[i].w[3];
		memcpy(val + GROUP_FILTER_HEAD + i * each, &a, sizeof a);
	}
	*len = (unsigned)GROUP_FILTER_HEAD + n * each;
	return 0;
}

int inet_mcast_getsockopt(struct inet_sock *s, bool v6, int name, void *val, unsigned *len)
{
	if (name == MCAST_MSFILTER)
		return get_group_filter(s, v6, val, len);
	return !v6 && name == IP_MSFILTER ? get_filter4(s, val, len) : -ENOPROTOOPT;
}
