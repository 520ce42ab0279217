/*
 * dev/xen/netfront.h: what is agreed on in the store (io/netif.h).
 *
 * Segmentation of received frames is offered with extra slots only: backends refuse frontends that
 * ask for the old prefix slots as well. There is no control ring: the hash it sets up spreads
 * frames over queues, and there is one queue.
 */
#include <asm/errno.h>
#include "dev/xen/netfront.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

static bool offers(const struct netfront *f, const char *node)
{
	return xs_read_default(f->device->backend, node, 1, 0) != 0;
}

int netfront_read_features(struct netfront *f)
{
	struct netfront_features *o = &f->features;

	if (!offers(f, "feature-rx-copy")) {
		printk("unigornel: %s: the backend cannot copy (feature-rx-copy)\n", f->netif.name);
		return -EOPNOTSUPP;
	}
	o->sg = offers(f, "feature-sg");
	o->csum4 = !offers(f, "feature-no-csum-offload");
	o->csum6 = offers(f, "feature-ipv6-csum-offload");
	/* Segments have checksums, and the whole more than one slot. */
	o->tso4 = o->sg && o->csum4 && offers(f, "feature-gso-tcpv4");
	o->tso6 = o->sg && o->csum6 && offers(f, "feature-gso-tcpv6");
	o->split = offers(f, "feature-split-event-channels");
	o->mcast = offers(f, "feature-dynamic-multicast-control");
	o->queues = 1;
	if (NETFRONT_QUEUES > 1)
		o->queues = (unsigned)xs_read_default(f->device->backend, "multi-queue-max-queues",
						      UINT32_MAX, 1);
	if (!o->queues)
		o->queues = 1;
	if (o->queues > NETFRONT_QUEUES)
		o->queues = NETFRONT_QUEUES;
	return 0;
}

static int publish_queue(struct netfront *f, const struct netfront_queue *q, const char *dir)
{
	int err = xs_printf(XS_NONE, dir, "tx-ring-ref", "%u", q->tx.shared.ref);

	if (!err)
		err = xs_printf(XS_NONE, dir, "rx-ring-ref", "%u", q->rx.shared.ref);
	if (err)
		return err;
	if (!f->features.split)
		return xs_printf(XS_NONE, dir, "event-channel", "%u", q->rx_port);
	err = xs_printf(XS_NONE, dir, "event-channel-tx", "%u", q->tx_port);
	if (!err)
		err = xs_printf(XS_NONE, dir, "event-channel-rx", "%u", q->rx_port);
	return err;
}

static int publish_queues(struct netfront *f)
{
	const char *dir = f->device->dir;
	int err;

	if (f->nqueues == 1)
		return publish_queue(f, &f->queues[0], dir);
	err = xs_printf(XS_NONE, dir, "multi-queue-num-queues", "%u", f->nqueues);
	for (unsigned i = 0; i < f->nqueues && !err; i++) {
		char sub[sizeof f->device->dir + 16];

		ksnprintf(sub, sizeof sub, "%s/queue-%u", dir, i);
		err = publish_queue(f, &f->queues[i], sub);
	}
	return err;
}

int netfront_publish(struct netfront *f)
{
	static const char *const features[] = {
	    "request-rx-copy",	 "feature-rx-notify", "feature-sg",
	    "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
	};
	int err = publish_queues(f);

	for (unsigned i = 0; i < sizeof features / sizeof *features && !err; i++)
		err = xs_write(XS_NONE, f->device->dir, features[i], "1");
	/* Of a connection before this one. */
	if (!err && f->features.mcast)
		err = xs_write(XS_NONE, f->device->dir, "request-multicast-control", "0");
	return err;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool netfront_parse_mac(const char *text, uint8_t mac[ETH_ALEN])
{
	for (unsigned i = 0; i < ETH_ALEN; i++, text += 3) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i + 1 < ETH_ALEN ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
