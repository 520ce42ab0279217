#include "net/inet_mcast.h"
#include <asm/errno.h>
#include <linux/in.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/mcast.h"
#include "net/netif.h"
#include "net/packet.h"

#define MAX_MEMBERSHIPS 20u /* net.ipv4.igmp_max_memberships */

struct inet_membership {
	struct list link;
	struct ip_addr group;
	struct netif *netif;
	uint32_t mode; /* MCAST_INCLUDE: sources only; MCAST_EXCLUDE: all but sources */
	unsigned nsources;
	struct ip_addr sources[INET_MAX_SOURCES];
};

/* The interface that a request is about. NULL: none fits. */
static struct netif *find_netif(const struct ip_addr *group, const struct ip_addr *via, int ifindex)
{
	struct route r = {.generation = 0};

	if (ifindex)
		return netif_by_index(ifindex);
	if (via && !ip_is_any(via)) {
		struct ifaddr *a = ifaddr_find(NULL, via);
		return a ? a->netif : NULL;
	}
	if (!route_lookup(&r, group, NULL, 0) && !r.local)
		return r.netif;
	/* No route: the first interface that is no loopback. */
	list_for_each_entry (n, &netif_list, struct netif, link)
		if ((n->flags & (IFF_UP | IFF_MULTICAST)) == (IFF_UP | IFF_MULTICAST) &&
		    !(n->flags & IFF_LOOPBACK))
			return n;
	return NULL;
}

static struct inet_membership *find(struct inet_sock *s, const struct ip_addr *group,
				    const struct netif *n)
{
	list_for_each_entry (m, &s->memberships, struct inet_membership, link)
		if (m->netif == n && ip_equal(&m->group, group))
			return m;
	return NULL;
}

static int add(struct inet_sock *s, const struct ip_addr *group, struct netif *n, uint32_t mode,
	       struct inet_membership **out)
{
	unsigned count = 0;
	list_for_each_entry (m, &s->memberships, struct inet_membership, link)
		count++;
	if (count >= MAX_MEMBERSHIPS)
		return -ENOBUFS;
	struct inet_membership *m = kzalloc(sizeof *m);
	if (!m)
		return -ENOBUFS;
	int err = mcast_join(n, group);
	if (err) {
		kfree(m);
		return err;
	}
	m->group = *group;
	m->netif = n;
	m->mode = mode;
	list_add_tail(&s->memberships, &m->link);
	*out = m;
	return 0;
}

static void drop(struct inet_membership *m)
{
	mcast_leave(m->netif, &m->group);
	list_remove(&m->link);
	kfree(m);
}

void inet_leave_all(struct inet_sock *s)
{
	list_for_each_entry_safe (m, &s->memberships, struct inet_membership, link)
		drop(m);
}

int inet_join(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
	      int ifindex)
{
	struct inet_membership *m;
	if (!ip_is_multicast(group))
		return -EINVAL;
	struct netif *n = find_netif(group, via, ifindex);
	if (!n)
		return -ENODEV;
	if (find(s, group, n))
		return -EADDRINUSE;
	return add(s, group, n, MCAST_EXCLUDE, &m);
}

int inet_leave(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
	       int ifindex)
{
	struct netif *n = find_netif(group, via, ifindex);
	bool named = ifindex || (via && !ip_is_any(via));

	if (!n && named)
		return -ENODEV;
	list_for_each_entry (m, &s->memberships, struct inet_membership, link)
		if (ip_equal(&m->group, group) && (!named || m->netif == n)) {
			drop(m);
			return 0;
		}
	return -EADDRNOTAVAIL;
}

static unsigned position(const struct inet_membership *m, const struct ip_addr *source)
{
	unsigned i = 0;
	while (i < m->nsources && !ip_equal(&m->sources[i], source))
		i++;
	return i;
}

static int add_source(struct inet_membership *m, const struct ip_addr *source)
{
	if (position(m, source) < m->nsources)
		return -EADDRNOTAVAIL;
	if (m->nsources >= INET_MAX_SOURCES)
		return -ENOBUFS;
	m->sources[m->nsources++] = *source;
	return 0;
}

static int remove_source(struct inet_membership *m, const struct ip_addr *source)
{
	unsigned i = position(m, source);
	if (i == m->nsources)
		return -EADDRNOTAVAIL;
	m->sources[i] = m->sources[--m->nsources];
	if (!m->nsources && m->mode == MCAST_INCLUDE)
		drop(m); /* from nobody any more */
	return 0;
}

int inet_source(struct inet_sock *s, enum inet_source_op op, const struct ip_addr *group,
		const struct ip_addr *source, const struct ip_addr *via, int ifindex)
{
	uint32_t mode = op == SOURCE_JOIN || op == SOURCE_LEAVE ? MCAST_INCLUDE : MCAST_EXCLUDE;
	bool adding = op == SOURCE_JOIN || op == SOURCE_BLOCK;

	if (!ip_is_multicast(group))
		return -EINVAL;
	struct netif *n = find_netif(group, via, ifindex);
	if (!n)
		return -ENODEV;
	struct inet_membership *m = find(s, group, n);
	if (!m && op == SOURCE_JOIN) {
		int err = add(s, group, n, MCAST_INCLUDE, &m);
		if (err)
			return err;
	}
	if (!m)
		return -EINVAL;
	if (m->mode != mode) {
		if (m->nsources || !adding)
			return -EINVAL;
		m->mode = mode;
	}
	return adding ? add_source(m, source) : remove_source(m, source);
}

int inet_set_filter(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
		    int ifindex, uint32_t mode, const struct ip_addr *sources, unsigned n)
{
	if (!ip_is_multicast(group) || (mode != MCAST_INCLUDE && mode != MCAST_EXCLUDE))
		return -EINVAL;
	if (n > INET_MAX_SOURCES)
		return -ENOBUFS;
	struct netif *netif = find_netif(group, via, ifindex);
	if (!netif)
		return -ENODEV;
	struct inet_membership *m = find(s, group, netif);
	if (!m)
		return -EINVAL;
	if (mode == MCAST_INCLUDE && !n) { /* from nobody: leaves */
		drop(m);
		return 0;
	}
	m->mode = mode;
	m->nsources = n;
	if (n)
		memcpy(m->sources, sources, n * sizeof *sources);
	return 0;
}

int inet_get_filter(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
		    int ifindex, uint32_t *mode, struct ip_addr *sources, unsigned *n)
{
	if (!ip_is_multicast(group))
		return -EINVAL;
	struct netif *netif = find_netif(group, via, ifindex);
	if (!netif)
		return -ENODEV;
	struct inet_membership *m = find(s, group, netif);
	if (!m)
		return -EADDRNOTAVAIL;
	unsigned room = *n;
	*mode = m->mode;
	*n = m->nsources;
	if (room > m->nsources)
		room = m->nsources;
	if (room)
		memcpy(sources, m->sources, room * sizeof *sources);
	return 0;
}

bool inet_mcast_wanted(const struct inet_sock *s, const struct packet *p)
{
	if (!ip_is_multicast(&p->dst))
		return true;
	list_for_each_entry (m, &s->memberships, struct inet_membership, link) {
		if (!ip_equal(&m->group, &p->dst) || m->netif != p->netif)
			continue;
		bool listed = position(m, &p->src) < m->nsources;
		return m->mode == MCAST_INCLUDE ? listed : !listed;
	}
	/* Not its own, but others' on this machine. */
	return ip_is_v4(&p->dst) ? s->mc_all : s->mc_all6;
}
