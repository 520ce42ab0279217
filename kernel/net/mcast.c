#include "net/internal.h"
#include "net/mcast.h"
#include <asm/errno.h>
#include "mm/kmalloc.h"
#include "net/frame.h"
#include "net/mcast_report.h"
#include "net/netif.h"

/* Sockets and addresses of ours make them; a program that leaks them is stopped here. */
#define GROUPS_MAX 4096
static unsigned groups;

static struct netif_mcast *find(const struct netif *n, const struct ip_addr *group)
{
	list_for_each_entry (m, &n->multicast, struct netif_mcast, link)
		if (ip_equal(&m->group, group))
			return m;
	return NULL;
}

int mcast_join(struct netif *n, const struct ip_addr *group)
{
	uint8_t mac[ETH_ALEN];

	if (!ip_is_multicast(group))
		return -EINVAL;
	struct netif_mcast *m = find(n, group);
	if (m) {
		m->users++;
		return 0;
	}
	m = groups < GROUPS_MAX ? kzalloc(sizeof *m) : NULL;
	if (!m)
		return -ENOMEM;
	m->group = *group;
	m->users = 1;
	if (!(n->flags & IFF_LOOPBACK)) {
		ethernet_multicast(group, mac);
		int err = netif_link_mcast(n, mac, true);
		if (err) {
			kfree(m);
			return err;
		}
	}
	list_add_tail(&n->multicast, &m->link);
	groups++;
	mcast_report_join(n, m);
	return 0;
}

int mcast_leave(struct netif *n, const struct ip_addr *group)
{
	struct netif_mcast *m = find(n, group);
	uint8_t mac[ETH_ALEN];

	if (!m)
		return -EADDRNOTAVAIL;
	if (--m->users)
		return 0;
	list_remove(&m->link);
	mcast_report_leave(n, m);
	if (!(n->flags & IFF_LOOPBACK)) {
		ethernet_multicast(group, mac);
		netif_link_mcast(n, mac, false);
	}
	kfree(m);
	groups--;
	return 0;
}

bool mcast_member(const struct netif *n, const struct ip_addr *group)
{
	return find(n, group) != NULL;
}
