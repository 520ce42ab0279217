/* dev/virtio/net.h: setting a network device up, its interrupts, its link. */
#include "dev/virtio/net.h"
#include <asm/errno.h>
#include <linux/if_arp.h>
#include "dev/virtio/drivers.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/net.h"
#include "vfs/epoll.h"

#define OFFSET(field) ((unsigned)offsetof(struct virtio_net_config, field))

#define BIT(f) VIRTIO_BIT(VIRTIO_NET_F_##f)
#define WANTED                                                                                     \
	(BIT(CSUM) | BIT(GUEST_CSUM) | BIT(MTU) | BIT(MAC) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) |   \
	 BIT(GUEST_ECN) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_USO) |        \
	 BIT(MRG_RXBUF) | BIT(STATUS) | BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_MAC_ADDR))

/* Frames a poll hands to the stack before others get their turn, and how long that is. */
#define RX_BUDGET 64u
#define POLL_NS	  50000u
/* How long frames may wait in either direction while the program is busy with others. */
#define HOLD_NS 300000u

/* Section 5.1.3.1: what needs what. */
static uint64_t adjust(uint64_t f)
{
	if (!(f & BIT(CSUM)))
		f &= ~(BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_USO));
	if (!(f & (BIT(HOST_TSO4) | BIT(HOST_TSO6))))
		f &= ~BIT(HOST_ECN);
	/* Merged frames of 64 KiB come in buffers of any size; without merging every buffer would
	 * have to be as large. */
	if (!(f & BIT(GUEST_CSUM)) || !(f & BIT(MRG_RXBUF)))
		f &= ~(BIT(GUEST_TSO4) | BIT(GUEST_TSO6));
	if (!(f & (BIT(GUEST_TSO4) | BIT(GUEST_TSO6))))
		f &= ~BIT(GUEST_ECN);
	if (!(f & BIT(CTRL_VQ)))
		f &= ~(BIT(CTRL_RX) | BIT(CTRL_MAC_ADDR));
	return f;
}

static struct virtio_net *net_of(struct virtio_device *d)
{
	return d->driver;
}

/* A batch of whatever the device has finished. True if it had anything. */
static bool work(struct virtio_net *v)
{
	unsigned done = 0;
	bool found = false;

	v->netif.stats.rx_polls++;
	do {
		unsigned n = net_rx_poll(v, RX_BUDGET - done);

		done += n;
		found |= n != 0;
		found |= net_tx_reclaim(v);
		if (v->has_control)
			found |= net_ctrl_reclaim(v);
		v->polling = true;
		if (done >= RX_BUDGET) {
			/* The rest waits a little, for the program is to get on too; unless it has
			 * nothing to do. */
			epoll_busy = true;
			timer_arm(&v->poll, net_now() + POLL_NS);
			break;
		}
		if (epoll_busy) {
			net_hold_back(v);
			break;
		}
		v->polling = false;
	} while (virtqueue_enable_interrupts(&v->rx) && !v->rx.broken);
	netif_input_end();
	return found;
}

static bool interrupt(struct virtio_device *d)
{
	struct virtio_net *v = net_of(d);
	bool found;

	net_enter();
	v->netif.stats.rx_interrupts++;
	if (v->polling) {
		/* Received frames are the timer's; it may be the other queues. */
		found = net_tx_reclaim(v);
		if (v->has_control)
			found |= net_ctrl_reclaim(v);
	} else {
		found = work(v);
	}
	net_leave();
	return found;
}

void net_hold_back(struct virtio_net *v)
{
	if (!timer_armed(&v->poll))
		timer_arm(&v->poll, net_now() + HOLD_NS);
}

static void poll(struct timer *t)
{
	struct virtio_net *v = container_of(t, struct virtio_net, poll);

	net_enter();
	net_tx_notify(v);
	if (v->polling)
		work(v);
	net_leave();
}

static void catch_up(struct netif *n)
{
	struct virtio_net *v = n->driver;

	net_tx_notify(v);
	if (v->polling)
		work(v);
}

static void read_link(struct virtio_net *v)
{
	bool up = true;

	if (virtio_has(v->device, VIRTIO_NET_F_STATUS))
		up = virtio_config16(v->device, OFFSET(status)) & VIRTIO_NET_S_LINK_UP;
	netif_set_link(&v->netif, up);
}

static void config_changed(struct virtio_device *d)
{
	net_enter();
	if (!d->broken)
		read_link(net_of(d));
	net_leave();
}

/* Called wherever the lie was noticed, with net_lock held or not: the rest is done later. */
static void on_broken(struct virtio_device *d)
{
	struct virtio_net *v = net_of(d);

	v->rx.broken = v->tx.broken = v->control.broken = d->broken;
	timer_arm(&v->broken, net_now());
}

static void give_up(struct timer *t)
{
	struct virtio_net *v = container_of(t, struct virtio_net, broken);

	net_enter();
	timer_cancel(&v->poll);
	netif_set_link(&v->netif, false);
	net_rx_drain(v);
	net_tx_drain(v);
	net_leave();
}

static const struct netif_ops ops = {
    .xmit = net_tx_xmit,
    .flush = net_tx_flush,
    .set_rx_mode = net_ctrl_update,
    .catch_up = catch_up,
    .sending = net_tx_sending,
};

static void read_mac(struct virtio_net *v)
{
	uint8_t *mac = v->netif.mac;

	for (unsigned i = 0; i < ETH_ALEN && virtio_has(v->device, VIRTIO_NET_F_MAC); i++)
		mac[i] = virtio_config8(v->device, OFFSET(mac) + i);
	/* Ours to choose, or nothing that a card may have: a random one, locally administered. */
	if (!virtio_has(v->device, VIRTIO_NET_F_MAC) || (mac[0] & 1) ||
	    !memcmp(mac, (uint8_t[ETH_ALEN]){0}, ETH_ALEN)) {
		random_bytes(mac, ETH_ALEN);
		mac[0] = (uint8_t)((mac[0] & 0xfe) | 2);
	}
	memcpy(v->device_mac, mac, ETH_ALEN);
}

static void read_config(struct virtio_net *v)
{
	struct netif *n = &v->netif;
	uint32_t mtu =
	    virtio_has(v->device, VIRTIO_NET_F_MTU) ? virtio_config16(v->device, OFFSET(mtu)) : 0;

	n->type = ARPHRD_ETHER;
	n->flags = IFF_BROADCAST | IFF_MULTICAST;
	n->features = NETIF_SG;
	if (virtio_has(v->device, VIRTIO_NET_F_CSUM))
		n->features |= NETIF_CSUM;
	if (virtio_has(v->device, VIRTIO_NET_F_HOST_TSO4))
		n->features |= NETIF_TSO4;
	if (virtio_has(v->device, VIRTIO_NET_F_HOST_TSO6))
		n->features |= NETIF_TSO6;
	if (virtio_has(v->device, VIRTIO_NET_F_HOST_USO))
		n->features |= NETIF_USO;
	v->mergeable = virtio_has(v->device, VIRTIO_NET_F_MRG_RXBUF);
	n->min_mtu = ETH_MIN_MTU;
	n->max_mtu = mtu >= ETH_MIN_MTU ? mtu : v->mergeable ? ETH_MAX_MTU : ETH_DATA_LEN;
	n->mtu = mtu >= ETH_MIN_MTU ? mtu : ETH_DATA_LEN;
	n->ops = &ops;
	n->driver = v;
	read_mac(v);
}

enum { QUEUE_RX, QUEUE_TX, QUEUE_CONTROL };

static int set_up(struct virtio_net *v)
{
	int err = net_rx_init(v);

	if (!err)
		err = net_tx_init(v);
	if (!err && virtio_has(v->device, VIRTIO_NET_F_CTRL_VQ))
		err = net_ctrl_init(v, QUEUE_CONTROL);
	if (!err)
		err = virtio_ready(v->device);
	return err;
}

static int probe(struct virtio_device *d)
{
	struct virtio_net *v = kzalloc(sizeof *v);
	int err;

	if (!v)
		return -ENOMEM;
	v->device = d;
	list_init(&v->waiting);
	timer_setup(&v->poll, poll);
	timer_setup(&v->broken, give_up);
	d->driver = v;
	err = virtio_negotiate(d, WANTED, adjust);
	if (err) {
		kfree(v);
		return err;
	}
	read_config(v);
	d->interrupt = interrupt;
	d->config_changed = config_changed;
	d->on_broken = on_broken;
	net_enter();
	err = set_up(v);
	if (!err) {
		netif_register(&v->netif, "eth%d");
		read_link(v);
		virtqueue_kick(&v->rx);
		virtqueue_enable_interrupts(&v->rx);
	}
	net_leave();
	if (err) {
		/* Nobody looks any more; the device's memory goes after the reset. */
		d->interrupt = NULL;
		d->config_changed = NULL;
		d->on_broken = NULL;
		virtio_reset(d);
		net_rx_drain(v);
		virtqueue_free(&v->rx);
		virtqueue_free(&v->tx);
		virtqueue_free(&v->control);
		kfree(v);
	}
	return err;
}

const struct virtio_driver virtio_net_driver = {VIRTIO_ID_NET, probe};
