/*
 * dev/xen/netfront.h: which multicast frames the backend passes (io/netif.h,
 * "feature-multicast-control").
 *
 * Without a filter it passes all of them. With one, those that its list has; the list is changed by
 * requests in the transmit ring, the filter is turned on and off by a node of ours in the store. It
 * is used only where the backend watches that node ("dynamic"), since a packet socket may want to
 * see everything at any time.
 */
#include "dev/xen/netfront.h"
#include "lib/string.h"
#include "net/net.h"

static bool wants(const struct netif *n, const uint8_t mac[ETH_ALEN])
{
	list_for_each_entry (m, &n->link_mcast, struct netif_link_mcast, link) {
		if (!memcmp(m->mac, mac, ETH_ALEN))
			return true;
	}
	return false;
}

static bool knows(const struct netfront_mcast *m, const uint8_t mac[ETH_ALEN])
{
	for (unsigned i = 0; i < m->n; i++)
		if (!memcmp(m->mac[i], mac, ETH_ALEN))
			return true;
	return false;
}

/* Takes out of the list what nobody wants any more, then adds the rest. False: there was no room in
 * the ring. */
static bool change_list(struct netfront *f)
{
	struct netfront_mcast *m = &f->mcast;
	struct netfront_queue *q = &f->queues[0];

	for (unsigned i = m->n; i--;) {
		if (wants(&f->netif, m->mac[i]))
			continue;
		if (!netfront_tx_mcast(q, m->mac[i], false))
			return false;
		memcpy(m->mac[i], m->mac[--m->n], ETH_ALEN);
	}
	list_for_each_entry (a, &f->netif.link_mcast, struct netif_link_mcast, link) {
		if (m->n == NETFRONT_MCAST_MAX)
			return true;
		if (knows(m, a->mac))
			continue;
		if (!netfront_tx_mcast(q, a->mac, true))
			return false;
		memcpy(m->mac[m->n++], a->mac, ETH_ALEN);
	}
	return true;
}

static bool may_filter(const struct netfront *f)
{
	const struct netif *n = &f->netif;
	unsigned count = 0;

	list_for_each_entry (a, &n->link_mcast, struct netif_link_mcast, link) {
		count++;
	}
	return !(n->flags & (IFF_PROMISC | IFF_ALLMULTI)) && !n->raw && !f->mcast.refused &&
	       count <= NETFRONT_MCAST_MAX;
}

/* Worker thread: the store's node, which the backend watches. */
static void write_node(struct work *w)
{
	struct netfront *f = container_of(w, struct netfront, mcast.work);
	bool filter;

	net_enter();
	filter = f->mcast.filter;
	net_leave();
	if (!f->running || filter == f->mcast.written)
		return;
	if (xs_write(XS_NONE, f->device->dir, "request-multicast-control", filter ? "1" : "0"))
		return;
	net_enter();
	f->mcast.written = filter;
	if (f->mcast.filter != filter)
		work_queue(w);
	net_leave();
}

void netfront_mcast_init(struct netfront *f)
{
	struct netfront_mcast *m = &f->mcast;

	m->n = 0;
	m->filter = m->written = m->refused = m->unfinished = false;
	if (!m->work.func)
		work_setup(&m->work, write_node);
}

void netfront_mcast_update(struct netfront *f)
{
	struct netfront_mcast *m = &f->mcast;

	if (!f->running || !f->features.mcast || f->queues[0].broken)
		return;
	m->unfinished = !change_list(f);
	netif_want_flush(&f->netif);
	/* The addresses before the filter that lets only them through. */
	if (m->unfinished && may_filter(f))
		return;
	m->filter = may_filter(f);
	if (m->filter != m->written)
		work_queue(&m->work);
}

void netfront_mcast_refused(struct netfront *f)
{
	f->mcast.refused = true;
	f->mcast.filter = false;
	if (f->mcast.written)
		work_queue(&f->mcast.work);
}
