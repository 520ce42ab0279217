/*
 * dev/virtio/net.h: what the device is to receive (virtio 1.2, section 5.1.6.5).
 *
 * Commands are sent and not waited for, since nothing may block under net_lock: each kind has one
 * place; what changes while the device has it is sent again when it comes back.
 */
#include <asm/errno.h>
#include "dev/virtio/net.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/page.h"

#define CONTROL_ENTRIES 8u

static void begin_command(struct virtio_net *v, unsigned kind, uint8_t class, uint8_t cmd,
			  const void *data, uint32_t length)
{
	struct net_command *c = &v->command[kind];

	if (c->length == length && !memcmp(c->data, data, length) && !c->dirty)
		return; /* the device knows */
	/* While the device has it, its bytes are the device's. */
	c->dirty = true;
	if (c->busy)
		return;
	c->head = (struct virtio_net_ctrl_hdr){class, cmd};
	memcpy(c->data, data, length);
	c->length = length;
}

static void send_command(struct virtio_net *v, unsigned kind)
{
	struct net_command *c = &v->command[kind];
	const struct vq_segment s[] = {
	    {virt_to_phys(&c->head), sizeof c->head},
	    {virt_to_phys(c->data), c->length},
	    {virt_to_phys(&c->ack), sizeof c->ack},
	};

	if (!c->dirty || c->busy)
		return;
	c->ack = VIRTIO_NET_ERR;
	if (virtqueue_add(&v->control, s, 2, 1, c))
		return; /* stays dirty: there is a place when another comes back */
	c->busy = true;
	c->dirty = false;
}

/* The multicast addresses as MAC_TABLE_SET takes them: no unicast ones, then these. Returns the
 * length, 0 if they are too many. */
static uint32_t multicast_table(const struct netif *n, uint8_t *table)
{
	uint32_t none = 0, count = 0;

	list_for_each_entry (m, &n->link_mcast, struct netif_link_mcast, link) {
		if (count == NET_MULTICAST_MAX)
			return 0;
		memcpy(table + 8 + count * ETH_ALEN, m->mac, ETH_ALEN);
		count++;
	}
	memcpy(table, &none, 4);
	memcpy(table + 4, &count, 4);
	return 8 + count * ETH_ALEN;
}

static void decide(struct virtio_net *v)
{
	const struct netif *n = &v->netif;
	uint8_t table[8 + NET_MULTICAST_MAX * ETH_ALEN];
	uint32_t length = multicast_table(n, table);
	uint8_t promisc = !!(n->flags & IFF_PROMISC);
	uint8_t allmulti = n->flags & IFF_ALLMULTI || !length;

	if (virtio_has(v->device, VIRTIO_NET_F_CTRL_MAC_ADDR) &&
	    (memcmp(v->device_mac, n->mac, ETH_ALEN) || v->command[COMMAND_MAC].length))
		begin_command(v, COMMAND_MAC, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
			      n->mac, ETH_ALEN);
	else if (memcmp(v->device_mac, n->mac, ETH_ALEN))
		promisc = 1; /* the device knows only the old address */
	if (!virtio_has(v->device, VIRTIO_NET_F_CTRL_RX))
		return;
	if (length)
		begin_command(v, COMMAND_TABLE, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
			      table, length);
	begin_command(v, COMMAND_ALLMULTI, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI,
		      &allmulti, 1);
	begin_command(v, COMMAND_PROMISC, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &promisc,
		      1);
}

static void update(struct virtio_net *v)
{
	decide(v);
	/* The table before the mode that makes it count. */
	send_command(v, COMMAND_MAC);
	send_command(v, COMMAND_TABLE);
	send_command(v, COMMAND_ALLMULTI);
	send_command(v, COMMAND_PROMISC);
	netif_want_flush(&v->netif);
}

void net_ctrl_update(struct netif *n)
{
	struct virtio_net *v = n->driver;

	if (v->has_control && !v->control.broken)
		update(v);
}

bool net_ctrl_reclaim(struct virtio_net *v)
{
	struct net_command *c;
	bool again = false, any = false;

	while ((c = virtqueue_get(&v->control, NULL))) {
		any = true;
		c->busy = false;
		if (c->ack != VIRTIO_NET_OK)
			printk("unigornel: %s: the device refuses command %u.%u\n", v->netif.name,
			       c->head.class, c->head.cmd);
		again |= c->dirty;
	}
	if (any && again)
		update(v);
	return any;
}

int net_ctrl_init(struct virtio_net *v, unsigned index)
{
	int err = virtio_queue(v->device, &v->control, index, CONTROL_ENTRIES);

	v->has_control = !err;
	return err;
}
