/*
 * dev/xen/netfront.h: the interface and its connections.
 *
 * An interface outlives its backend, and even its device: what is detached and attached again under
 * the same number or address becomes the same interface, with its addresses and the connections
 * over them. In between it has no carrier, and what is sent is lost, as on a wire.
 */
#include "dev/xen/netfront.h"
#include <asm/errno.h>
#include <linux/if_arp.h>
#include "lib/printk.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/net.h"
#include "vfs/epoll.h"

/* Frames a poll hands to the stack before others get their turn, and how long that is. */
#define RX_BUDGET 64u
#define POLL_NS	  50000u
/* How long frames may wait in either direction while the program is busy with others. */
#define HOLD_NS 300000u

static struct list netfronts = LIST_INIT(netfronts);

void netfront_lied(struct netfront_queue *q, const char *why)
{
	if (q->broken)
		return;
	for (unsigned i = 0; i < q->owner->nqueues; i++)
		q->owner->queues[i].broken = true;
	xenbus_fail(q->owner->device, why);
}

/* ---- the data path; net_lock is held ---- */

/* A batch of whatever the backend has for us. */
static void batch(struct netfront_queue *q)
{
	unsigned done = 0;

	q->owner->netif.stats.rx_polls++;
	do {
		done += netfront_rx_poll(q, RX_BUDGET - done);
		netfront_tx_reclaim(q);
		q->polling = true;
		if (done >= RX_BUDGET) {
			/* The rest waits a little, for the program is to get on too; unless it has
			 * nothing to do. */
			epoll_busy = true;
			timer_arm(&q->poll, net_now() + POLL_NS);
			break;
		}
		if (epoll_busy) {
			netfront_hold_back(q);
			break;
		}
		q->polling = false;
	} while (!q->broken && netfront_rx_listen(q));
	netif_input_end();
}

void netfront_hold_back(struct netfront_queue *q)
{
	if (!timer_armed(&q->poll))
		timer_arm(&q->poll, net_now() + HOLD_NS);
}

static bool usable(const struct netfront_queue *q)
{
	return q->owner->running && !q->broken;
}

static void rx_event(void *arg)
{
	struct netfront_queue *q = arg;

	net_enter();
	q->owner->netif.stats.rx_interrupts++;
	/* While polling, received frames are the timer's. */
	if (usable(q) && q->polling)
		netfront_tx_reclaim(q);
	else if (usable(q))
		batch(q);
	net_leave();
}

static void tx_event(void *arg)
{
	struct netfront_queue *q = arg;

	net_enter();
	if (usable(q))
		netfront_tx_reclaim(q);
	net_leave();
}

static void catch_up_queue(struct netfront_queue *q)
{
	if (!usable(q))
		return;
	netfront_tx_notify(q);
	if (q->polling)
		batch(q);
}

static void poll(struct timer *t)
{
	net_enter();
	catch_up_queue(container_of(t, struct netfront_queue, poll));
	net_leave();
}

static int xmit(struct netif *n, struct packet *p)
{
	struct netfront *f = n->driver;

	if (!f->running) {
		packet_free(p);
		return -ENETDOWN;
	}
	/* One queue a CPU: this one's. */
	return netfront_tx_xmit(&f->queues[0], p);
}

static void flush(struct netif *n)
{
	struct netfront *f = n->driver;

	for (unsigned i = 0; i < f->nqueues && f->running; i++)
		netfront_tx_flush(&f->queues[i]);
}

static void catch_up(struct netif *n)
{
	struct netfront *f = n->driver;

	for (unsigned i = 0; i < f->nqueues; i++)
		catch_up_queue(&f->queues[i]);
}

static bool sending(struct netif *n)
{
	struct netfront *f = n->driver;
	bool any = false;

	for (unsigned i = 0; i < f->nqueues && f->running; i++) {
		netfront_tx_reclaim(&f->queues[i]);
		any |= netfront_tx_pending(&f->queues[i]);
	}
	return any;
}

static void set_rx_mode(struct netif *n)
{
	netfront_mcast_update(n->driver);
}

static const struct netif_ops ops = {
    .xmit = xmit,
    .flush = flush,
    .set_rx_mode = set_rx_mode,
    .catch_up = catch_up,
    .sending = sending,
};

/* ---- connections; worker thread or boot ---- */

/* Undoes what connect did, all of it or the part that succeeded. */
static void take_down(struct netfront *f)
{
	struct xenbus_device *d = f->device;
	struct netfront_queue *queues;
	unsigned n;

	net_enter();
	netif_set_link(&f->netif, false);
	queues = f->queues;
	n = f->nqueues;
	for (unsigned i = 0; i < n; i++) {
		queues[i].broken = true;
		timer_cancel(&queues[i].poll);
	}
	net_leave();
	for (unsigned i = 0; i < n; i++) {
		struct netfront_queue *q = &queues[i];

		if (d->resuming) /* the channels went with the machine that we were on */
			break;
		if (q->tx_port && q->tx_port != q->rx_port)
			evtchn_close(q->tx_port);
		if (q->rx_port)
			evtchn_close(q->rx_port);
	}
	net_enter();
	f->running = false;
	f->queues = NULL;
	f->nqueues = 0;
	for (unsigned i = 0; i < n; i++) {
		netfront_rx_free(&queues[i]);
		netfront_tx_free(&queues[i]);
	}
	netfront_pages_free(f);
	net_leave();
	kfree(queues);
}

static int open_channels(struct netfront_queue *q)
{
	struct xenbus_device *d = q->owner->device;
	int port = xenbus_channel(d, rx_event, q);

	if (port < 0)
		return port;
	q->rx_port = q->tx_port = (evtchn_port_t)port;
	if (!q->owner->features.split)
		return 0;
	port = xenbus_channel(d, tx_event, q);
	if (port < 0)
		return port;
	q->tx_port = (evtchn_port_t)port;
	return 0;
}

static int set_up_queue(struct netfront *f, unsigned index)
{
	struct netfront_queue *q = &f->queues[index];
	int err;

	q->owner = f;
	q->index = index;
	timer_setup(&q->poll, poll);
	err = netfront_rx_init(q);
	if (!err)
		err = netfront_tx_init(q);
	if (!err)
		netfront_rx_post(q);
	return err;
}

/* What the interface can do with this backend. */
static void set_features(struct netfront *f)
{
	const struct netfront_features *o = &f->features;
	struct netif *n = &f->netif;

	n->features = 0;
	if (o->sg)
		n->features |= NETIF_SG;
	/* The driver sums what the backend does of one family only. */
	if (o->csum4 || o->csum6)
		n->features |= NETIF_CSUM;
	if (o->tso4)
		n->features |= NETIF_TSO4;
	if (o->tso6)
		n->features |= NETIF_TSO6;
	n->max_mtu = o->sg ? XEN_NETIF_MAX_TX_SIZE - ETH_HLEN : ETH_DATA_LEN;
	if (n->mtu > n->max_mtu)
		netif_set_mtu(n, n->max_mtu);
}

static int connect_device(struct xenbus_device *d)
{
	struct netfront *f = d->driver;
	int err = netfront_read_features(f);

	if (err)
		return err;
	f->queues = kzalloc(f->features.queues * sizeof *f->queues);
	if (!f->queues)
		return -ENOMEM;
	net_enter();
	set_features(f);
	netfront_mcast_init(f);
	f->nqueues = f->features.queues;
	for (unsigned i = 0; i < f->nqueues && !err; i++)
		err = set_up_queue(f, i);
	net_leave();
	for (unsigned i = 0; i < f->nqueues && !err; i++)
		err = open_channels(&f->queues[i]);
	if (!err)
		err = netfront_publish(f);
	if (err)
		take_down(f);
	return err;
}

static void read_carrier(struct netfront *f)
{
	bool up = xs_read_default(f->device->backend, "carrier", 1, 1) != 0;

	net_enter();
	if (f->running)
		netif_set_link(&f->netif, up);
	net_leave();
}

static int ready(struct xenbus_device *d)
{
	struct netfront *f = d->driver;

	net_enter();
	f->running = true;
	net_leave();
	read_carrier(f);
	net_enter();
	netfront_mcast_update(f);
	/* What has come or gone before we listened. */
	for (unsigned i = 0; i < f->nqueues; i++)
		if (usable(&f->queues[i]))
			batch(&f->queues[i]);
	net_leave();
	return 0;
}

static void disconnect(struct xenbus_device *d)
{
	struct netfront *f = d->driver;

	if (f->queues)
		take_down(f);
}

static void changed(struct xenbus_device *d)
{
	read_carrier(d->driver);
}

static void removed(struct xenbus_device *d)
{
	struct netfront *f = d->driver;

	printk("unigornel: %s is unplugged\n", f->netif.name);
	f->device = NULL;
}

/* ---- devices ---- */

static void read_mac(struct xenbus_device *d, uint8_t mac[ETH_ALEN])
{
	char *text = NULL;
	bool ok = !xs_read(XS_NONE, d->dir, "mac", &text, NULL) && netfront_parse_mac(text, mac);

	kfree(text);
	/* None, or one that no card may have: a random one, locally administered. */
	if (ok && !(mac[0] & 1) && memcmp(mac, (uint8_t[ETH_ALEN]){0}, ETH_ALEN))
		return;
	random_bytes(mac, ETH_ALEN);
	mac[0] = (uint8_t)((mac[0] & 0xfe) | 2);
}

/* The interface that the device was, when it was plugged in before. */
static struct netfront *find_old(unsigned id, const uint8_t mac[ETH_ALEN])
{
	struct netfront *found = NULL;

	list_for_each_entry (f, &netfronts, struct netfront, link) {
		if (f->device)
			continue;
		if (!memcmp(f->store_mac, mac, ETH_ALEN))
			return f;
		if (f->id == id)
			found = f;
	}
	return found;
}

static struct netfront *create(struct xenbus_device *d, const uint8_t mac[ETH_ALEN])
{
	struct netfront *f = kzalloc(sizeof *f);
	struct netif *n;

	if (!f)
		return NULL;
	n = &f->netif;
	n->type = ARPHRD_ETHER;
	n->flags = IFF_BROADCAST | IFF_MULTICAST;
	n->min_mtu = ETH_MIN_MTU;
	n->max_mtu = XEN_NETIF_MAX_TX_SIZE - ETH_HLEN;
	n->mtu = (uint32_t)xs_read_default(d->dir, "mtu", n->max_mtu, ETH_DATA_LEN);
	if (n->mtu < n->min_mtu)
		n->mtu = n->min_mtu;
	n->ops = &ops;
	n->driver = f;
	memcpy(n->mac, mac, ETH_ALEN);
	list_add_tail(&netfronts, &f->link);
	net_enter();
	netif_register(n, "eth%d");
	net_leave();
	return f;
}

static int probe(struct xenbus_device *d)
{
	uint8_t mac[ETH_ALEN];
	struct netfront *f;

	read_mac(d, mac);
	f = find_old(d->id, mac);
	if (!f) {
		f = create(d, mac);
		if (!f)
			return -ENOMEM;
	} else {
		printk("unigornel: %s is plugged in again\n", f->netif.name);
		/* A new address is a new card's; the same one may have been changed here. */
		net_enter();
		if (memcmp(f->store_mac, mac, ETH_ALEN))
			netif_set_mac(&f->netif, mac);
		net_leave();
	}
	memcpy(f->store_mac, mac, ETH_ALEN);
	f->id = d->id;
	f->device = d;
	d->driver = f;
	return 0;
}

const struct xenbus_driver xen_netfront = {
    .type = "vif",
    .probe = probe,
    .connect = connect_device,
    .ready = ready,
    .disconnect = disconnect,
    .removed = removed,
    .changed = changed,
};
