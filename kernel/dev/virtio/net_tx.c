/*
 * dev/virtio/net.h: sending (virtio 1.2, section 5.1.6.2).
 *
 * The header goes into the packet's headroom, so a linear packet takes one descriptor and nothing
 * is allocated. There are no transmit interrupts: what has been sent is freed when there is
 * something to send or to receive. Only when the ring is full is one asked for, and packets wait in
 * a bounded queue.
 */
#include <asm/errno.h>
#include "dev/virtio/net.h"
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "vfs/epoll.h"

#define TX_QUEUE   1
#define TX_ENTRIES 256u
#define WAIT_MAX   256u
/* What may wait for the program to finish its batch of events. */
#define HOLD_FRAMES 6u
#define HOLD_BYTES  16384u

int net_tx_init(struct virtio_net *v)
{
	int err = virtio_queue(v->device, &v->tx, TX_QUEUE, TX_ENTRIES);

	if (err)
		return err;
	virtqueue_disable_interrupts(&v->tx);
	return 0;
}

/* Checksum and segmentation as the device is to do them. */
static void fill_header(struct virtio_net_hdr_v1 *to, const struct packet *p, bool ecn)
{
	static const uint8_t types[] = {
	    [GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
	    [GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
	    [GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
	    [GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	struct virtio_net_hdr_v1 h = {0};

	if (p->csum == CSUM_PARTIAL) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = (uint16_t)(p->csum_start - p->data);
		h.csum_offset = p->csum_offset;
	}
	if (p->gso) {
		bool tcp = p->gso == GSO_TCP4 || p->gso == GSO_TCP6;
		/* TCP's header says how long it is, and whether it has the CWR flag. */
		unsigned transport = tcp ? (unsigned)(p->csum_start[12] >> 4) * 4 : 8;

		h.gso_type = types[p->gso];
		if (tcp && ecn && p->csum_start[13] & 0x80)
			h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		h.hdr_len = (uint16_t)(h.csum_start + transport);
		h.gso_size = p->gso_size;
	}
	__builtin_memcpy(to, &h, sizeof h); /* at any address */
}

/* Offers p to the device. 0, -ENOSPC, -EIO. p becomes the ring's only on 0. */
static int add(struct virtio_net *v, struct packet *p)
{
	struct vq_segment s[PACKET_MAX_FRAGS + 2];
	bool ecn = virtio_has(v->device, VIRTIO_NET_F_HOST_ECN);
	unsigned n = 0;

	/* The headroom is the packet's alone, even if others share buf. */
	if ((size_t)(p->data - p->head) >= NET_HEADER) {
		uint64_t addr = virt_to_phys(p->data) - NET_HEADER;
		uint32_t len = packet_linear(p) + NET_HEADER;

		fill_header((void *)(p->data - NET_HEADER), p, ecn);
		if (!p->nfrags)
			return virtqueue_add_one(&v->tx, addr, len, false, p);
		s[n++] = (struct vq_segment){addr, len};
	} else {
		/* A header in the layer's scratch space, which is the driver's while it has p. */
		_Static_assert(sizeof p->cb >= sizeof(struct virtio_net_hdr_v1), "room in cb");
		fill_header((void *)p->cb, p, ecn);
		s[n++] = (struct vq_segment){virt_to_phys(p->cb), NET_HEADER};
		if (packet_linear(p))
			s[n++] = (struct vq_segment){virt_to_phys(p->data), packet_linear(p)};
	}
	for (unsigned i = 0; i < p->nfrags; i++)
		s[n++] = (struct vq_segment){
		    virt_to_phys(p->frags[i].buf->data) + p->frags[i].offset, p->frags[i].len};
	return virtqueue_add(&v->tx, s, n, 0, p);
}

static bool free_sent(struct virtio_net *v)
{
	struct packet *p;
	bool any = false;

	while ((p = virtqueue_get(&v->tx, NULL))) {
		packet_free(p);
		any = true;
	}
	return any;
}

static void drop_waiting(struct virtio_net *v)
{
	list_for_each_entry_safe (p, &v->waiting, struct packet, link) {
		list_remove(&p->link);
		packet_free(p);
		v->netif.stats.tx_dropped++;
	}
	v->nwaiting = 0;
}

/* Moves what waits into the ring; asks for an interrupt while there is more. */
static void send_waiting(struct virtio_net *v)
{
	bool moved = false;

	while (v->nwaiting) {
		struct packet *p = list_entry(v->waiting.next, struct packet, link);

		if (add(v, p)) {
			if (virtqueue_enable_interrupts_late(&v->tx) && free_sent(v))
				continue;
			break;
		}
		list_remove(&p->link);
		v->nwaiting--;
		moved = true;
	}
	if (!v->nwaiting)
		virtqueue_disable_interrupts(&v->tx);
	if (moved)
		netif_want_flush(&v->netif);
}

bool net_tx_reclaim(struct virtio_net *v)
{
	bool any = virtqueue_more(&v->tx) && free_sent(v);

	if (v->nwaiting)
		send_waiting(v);
	return any;
}

int net_tx_xmit(struct netif *n, struct packet *p)
{
	struct virtio_net *v = n->driver;
	int err;

	if (v->tx.free < v->tx.size / 2u || v->nwaiting)
		net_tx_reclaim(v);
	v->held_bytes += p->len;
	err = v->nwaiting ? -ENOSPC : add(v, p);
	if (!err)
		return 0;
	if (err == -ENOSPC && v->nwaiting < WAIT_MAX) {
		list_add_tail(&v->waiting, &p->link);
		v->nwaiting++;
		if (v->nwaiting == 1) {
			/* The device must know of the ring before an interrupt can come. */
			virtqueue_kick(&v->tx);
			send_waiting(v);
		}
		return 0;
	}
	packet_free(p);
	return err == -ENOSPC ? -ENOBUFS : -ENETDOWN;
}

void net_tx_notify(struct virtio_net *v)
{
	v->held_bytes = 0;
	virtqueue_kick(&v->tx);
}

void net_tx_flush(struct netif *n)
{
	struct virtio_net *v = n->driver;

	if (epoll_busy && v->held_bytes < HOLD_BYTES &&
	    (uint16_t)(v->tx.added - v->tx.notified) < HOLD_FRAMES) {
		net_hold_back(v);
		return;
	}
	net_tx_notify(v);
}

bool net_tx_sending(struct netif *n)
{
	struct virtio_net *v = n->driver;

	net_tx_reclaim(v);
	return !v->tx.broken && (v->nwaiting || virtqueue_pending(&v->tx));
}

void net_tx_drain(struct virtio_net *v)
{
	struct packet *p;

	while (v->tx.slots && (p = virtqueue_detach(&v->tx)))
		packet_free(p);
	drop_waiting(v);
}
