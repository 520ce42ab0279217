/* Neighbours: rtnetlink(7), RTM_NEWNEIGH and its kin. */
#include <asm/errno.h>
#include <linux/neighbour.h>
#include "net/neighbour.h"
#include "net/net.h"
#include "net/netlink.h"

#define TICK 10000000ull /* clock ticks of USER_HZ, ns */

void netlink_neigh_message(struct netlink_reply *r, uint16_t type, const struct neighbour *nb)
{
	uint64_t now = net_now();
	struct nda_cacheinfo info = {.ndm_used = (uint32_t)((now - nb->used) / TICK),
				     .ndm_confirmed = (uint32_t)((now - nb->updated) / TICK),
				     .ndm_updated = (uint32_t)((now - nb->updated) / TICK)};
	struct ndmsg *m = netlink_begin(r, type, sizeof *m);

	if (!m)
		return;
	m->ndm_family = ip_is_v4(&nb->addr) ? AF_INET : AF_INET6;
	m->ndm_ifindex = nb->netif->index;
	m->ndm_state = nb->state;
	m->ndm_flags = nb->router ? NTF_ROUTER : 0;
	m->ndm_type = RTN_UNICAST;
	netlink_put_addr(r, NDA_DST, &nb->addr);
	if (nb->state & NUD_HAS_MAC)
		netlink_put(r, NDA_LLADDR, neighbour_mac(nb), ETH_ALEN);
	netlink_put_u32(r, NDA_PROBES, nb->probes);
	netlink_put(r, NDA_CACHEINFO, &info, sizeof info);
	netlink_end(r);
}

static int subject(const struct netlink_request *q, struct netif **n, struct ip_addr *addr)
{
	const struct ndmsg *m = q->fixed;

	if (m->ndm_family != AF_INET && m->ndm_family != AF_INET6)
		return -EAFNOSUPPORT;
	*n = netif_by_index(m->ndm_ifindex);
	if (!*n)
		return -ENODEV;
	if (!q->attrs.attr[NDA_DST])
		return -EINVAL;
	return netlink_get_addr(q->attrs.attr[NDA_DST], m->ndm_family, addr);
}

int netlink_neigh_get(const struct netlink_request *q, struct netlink_reply *r)
{
	struct ip_addr addr;
	struct netif *n;
	int err = subject(q, &n, &addr);

	if (err)
		return err;
	const struct neighbour *nb = neighbour_find(n, &addr);
	if (!nb)
		return -ENOENT;
	netlink_neigh_message(r, RTM_NEWNEIGH, nb);
	return 0;
}

int netlink_neigh_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ndmsg *m = q->fixed;
	uint32_t ifindex = 0;

	if (m->ndm_flags & NTF_PROXY)
		return 0; /* there are no proxies */
	if (netlink_get_u32(q->attrs.attr[NDA_IFINDEX], &ifindex))
		return -EINVAL;
	list_for_each_entry (nb, &neighbour_list, struct neighbour, all_link) {
		uint8_t family = ip_is_v4(&nb->addr) ? AF_INET : AF_INET6;
		if ((m->ndm_family == AF_UNSPEC || m->ndm_family == family) &&
		    (!ifindex || (uint32_t)nb->netif->index == ifindex))
			netlink_neigh_message(r, RTM_NEWNEIGH, nb);
	}
	return 0;
}

int netlink_neigh_new(const struct netlink_request *q, struct netlink_reply *r)
{
	const struct ndmsg *m = q->fixed;
	const struct nlattr *a = q->attrs.attr[NDA_LLADDR];
	uint16_t flags = q->h->nlmsg_flags;
	struct ip_addr addr;
	struct netif *n;
	int err = subject(q, &n, &addr);

	(void)r;
	if (err)
		return err;
	if (m->ndm_flags & NTF_PROXY)
		return -EOPNOTSUPP;
	if (a && netlink_attr_len(a) < ETH_ALEN)
		return -EINVAL;
	const struct neighbour *nb = neighbour_find(n, &addr);
	if (!nb && !(flags & NLM_F_CREATE))
		return -ENOENT;
	if (nb && (flags & NLM_F_EXCL))
		return -EEXIST;
	if (!a && !nb)
		return -EINVAL;
	return neighbour_set(n, &addr, a ? netlink_attr_data(a) : neighbour_mac(nb),
			     (uint8_t)m->ndm_state);
}

int netlink_neigh_del(const struct netlink_request *q, struct netlink_reply *r)
{
	struct ip_addr addr;
	struct netif *n;
	int err = subject(q, &n, &addr);

	(void)r;
	return err ? err : neighbour_delete(n, &addr);
}
