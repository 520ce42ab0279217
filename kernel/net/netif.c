/* net/netif.h: the interfaces, and frames on their way through them. */
#include <asm/errno.h>
#include <linux/if_arp.h>
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "net/tap.h"
#include "time/clock.h"

struct list netif_list = LIST_INIT(netif_list);
struct netif *netif_loopback;
unsigned packet_taps;

static struct list flush_list = LIST_INIT(flush_list);

static void choose_name(struct netif *n, const char *pattern)
{
	for (int i = 0;; i++) {
		ksnprintf(n->name, sizeof n->name, pattern, i);
		if (!netif_by_name(n->name))
			return;
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void netif_register(struct netif *n, const char *pattern)
{
	int index = 1;

	choose_name(n, pattern);
	list_for_each_entry (other, &netif_list, struct netif, link) {
		index = other->index + 1;
	}
	n->index = index;
	list_init(&n->addrs);
	list_init(&n->multicast);
	list_init(&n->link_mcast);
	list_init(&n->flush_link);
	if (n->type == ARPHRD_ETHER)
		n->flags |= IFF_BROADCAST | IFF_MULTICAST;
	if (!n->min_mtu)
		n->min_mtu = 68; /* RFC 791 */
	if (!n->max_mtu)
		n->max_mtu = n->mtu > 65535 ? n->mtu : 65535;
	n->hop_limit = 64;
	n->reachable_ms = 30000;
	n->retrans_ms = 1000;
	list_add_tail(&netif_list, &n->link);
	net_notify(NET_LINK, n);
}
#pragma GCC diagnostic pop

struct netif *netif_by_index(int index)
{
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (n->index == index)
			return n;
	}
	return NULL;
}

struct netif *netif_by_name(const char *name)
{
	list_for_each_entry (n, &netif_list, struct netif, link) {
		if (!strcmp(n->name, name))
			return n;
	}
	return NULL;
}

static void rx_mode_changed(struct netif *n)
{
	if (n->ops->set_rx_mode)
		n->ops->set_rx_mode(n);
}

int netif_set_up(struct netif *n, bool up)
{
	if (up == !!(n->flags & IFF_UP))
		return 0;
	if (up) {
		n->flags |= IFF_UP;
		rx_mode_changed(n);
		if (!n->raw)
			ifaddr_netif_up(n);
	} else {
		n->flags &= ~(unsigned)IFF_UP;
		neighbour_flush(n);
		ifaddr_netif_down(n);
		route_netif_down(n);
	}
	route_changed();
	net_notify(NET_LINK, n);
	return 0;
}

int netif_set_mtu(struct netif *n, uint32_t mtu)
{
	int err = 0;

	if (mtu < n->min_mtu || mtu > n->max_mtu)
		return -EINVAL;
	if (n->ops->set_mtu)
		err = n->ops->set_mtu(n, mtu);
	if (err)
		return err;
	n->mtu = mtu;
	route_changed();
	net_notify(NET_LINK, n);
	return 0;
}

int netif_set_mac(struct netif *n, const uint8_t mac[ETH_ALEN])
{
	if (n->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	if (mac[0] & 1)
		return -EADDRNOTAVAIL;
	memcpy(n->mac, mac, ETH_ALEN);
	/* Prebuilt headers have the old one. */
	neighbour_flush(n);
	rx_mode_changed(n);
	net_notify(NET_LINK, n);
	return 0;
}

void netif_set_link(struct netif *n, bool running)
{
	if (running == !!(n->flags & IFF_RUNNING))
		return;
	if (running)
		n->flags |= IFF_RUNNING;
	else
		n->flags &= ~(unsigned)IFF_RUNNING;
	if (!running)
		neighbour_flush(n); /* the peers behind the next cable are others */
	else
		neighbour_link_up(n);
	route_changed();
	net_notify(NET_LINK, n);
}

static void count_mode(struct netif *n, unsigned *users, int delta, unsigned flag)
{
	bool was = *users != 0;

	assert(delta >= 0 || *users >= (unsigned)-delta);
	*users += (unsigned)delta;
	if (was == (*users != 0))
		return;
	n->flags ^= flag;
	rx_mode_changed(n);
}

void netif_promiscuous(struct netif *n, int delta)
{
	count_mode(n, &n->promiscuous, delta, IFF_PROMISC);
}

void netif_allmulti(struct netif *n, int delta)
{
	count_mode(n, &n->allmulti, delta, IFF_ALLMULTI);
}

int netif_link_mcast(struct netif *n, const uint8_t mac[ETH_ALEN], bool add)
{
	struct netif_link_mcast *m;

	list_for_each_entry_safe (e, &n->link_mcast, struct netif_link_mcast, link) {
		if (memcmp(e->mac, mac, ETH_ALEN))
			continue;
		e->users += add ? 1u : -1u;
		if (!e->users) {
			list_remove(&e->link);
			kfree(e);
			rx_mode_changed(n);
		}
		return 0;
	}
	if (!add)
		return 0;
	m = kzalloc(sizeof *m);
	if (!m)
		return -ENOMEM;
	memcpy(m->mac, mac, ETH_ALEN);
	m->users = 1;
	list_add_tail(&n->link_mcast, &m->link);
	rx_mode_changed(n);
	return 0;
}

static int transmit(struct netif *n, struct packet *p)
{
	uint32_t len = p->len;

	if (packet_taps)
		packet_socket_tap(n, p, true);
	if (p->gso)
		n->stats.tx_gso++;
	int err = n->ops->xmit(n, p);
	if (err) {
		n->stats.tx_dropped++;
		return err;
	}
	n->stats.tx_packets++;
	n->stats.tx_bytes += len;
	return 0;
}

static const uint8_t gso_feature[] = {[GSO_TCP4] = NETIF_TSO4,
				      [GSO_TCP6] = NETIF_TSO6,
				      [GSO_UDP4] = NETIF_USO,
				      [GSO_UDP6] = NETIF_USO};

/* Does in software what the interface lacks. Takes p. */
static int transmit_slowly(struct netif *n, struct packet *p)
{
	struct list segments;
	int err = 0;

	if (p->gso && !(n->features & gso_feature[p->gso])) {
		err = packet_segment(p, n->features & NETIF_CSUM, &segments);
		if (err) {
			n->stats.tx_errors++;
			return err == -ENOMEM ? -ENOBUFS : err;
		}
		list_for_each_entry_safe (s, &segments, struct packet, link) {
			list_remove(&s->link);
			if (s->nfrags && !(n->features & NETIF_SG) && packet_linearize(s)) {
				packet_free(s);
				err = -ENOBUFS;
			} else {
				int e = transmit(n, s);
				err = err ? err : e;
			}
		}
		return err;
	}
	if (p->csum == CSUM_PARTIAL && !(n->features & NETIF_CSUM))
		err = packet_finish_csum(p);
	if (!err && p->nfrags && !(n->features & NETIF_SG))
		err = packet_linearize(p);
	if (err) {
		n->stats.tx_errors++;
		packet_free(p);
		return -ENOBUFS;
	}
	return transmit(n, p);
}

int netif_xmit(struct netif *n, struct packet *p)
{
	unsigned need = gso_feature[p->gso];

	if (!(n->flags & IFF_UP)) {
		packet_free(p);
		return -ENETDOWN;
	}
	if (!(n->flags & IFF_RUNNING)) { /* no cable: as if it were lost on the way */
		n->stats.tx_dropped++;
		packet_free(p);
		return 0;
	}
	p->netif = n;
	if (p->csum == CSUM_PARTIAL)
		need |= NETIF_CSUM;
	if (p->nfrags)
		need |= NETIF_SG;
	netif_want_flush(n);
	if (__builtin_expect((need & ~n->features) != 0, 0))
		return transmit_slowly(n, p);
	return transmit(n, p);
}

void netif_want_flush(struct netif *n)
{
	if (n->flush_pending)
		return;
	n->flush_pending = true;
	list_add_tail(&flush_list, &n->flush_link);
}

void netif_flush(void)
{
	/* Loopback's flush delivers, and what it delivers to may send again. */
	while (!list_empty(&flush_list)) {
		struct netif *n = list_entry(flush_list.next, struct netif, flush_link);
		list_remove(&n->flush_link);
		n->flush_pending = false;
		n->ops->flush(n);
	}
}

void netif_input(struct netif *n, struct packet *p)
{
	if (!(n->flags & IFF_UP) || packet_linear(p) < ETHER_HEADER) {
		if (packet_need_linear(p, ETHER_HEADER) || !(n->flags & IFF_UP)) {
			n->stats.rx_dropped++;
			packet_free(p);
			return;
		}
	}
	n->stats.rx_packets++;
	n->stats.rx_bytes += p->len;
	p->netif = n;
	p->l2 = p->data;
	if (net_timestamps)
		p->timestamp = clock_realtime();
	ethernet_input(p);
}

void netif_input_end(void)
{
	tcp_input_end();
}
