/*
 * dev/virtio/net.h: receiving (virtio 1.2, section 5.1.6.4).
 *
 * The device writes into netbufs, which become packets as they are; a frame of 64 KiB arrives in
 * one packet of up to seventeen (mergeable buffers). Small frames are copied: the buffer goes back
 * at once, and a socket that holds many of them does not hold a page for each.
 */
#include <asm/errno.h>
#include "dev/virtio/net.h"
#include "lib/string.h"
#include "mm/page.h"

/* A netbuf with its header fills a page; 64 KiB and a header need 17: packets have place for a
 * linear part and PACKET_MAX_FRAGS. */
#define BUFFER_SIZE	((uint32_t)(PAGE_SIZE - sizeof(struct netbuf)))
#define MERGE_MAX	(1u + PACKET_MAX_FRAGS)
#define COPY_MAX	256u
#define FRAME_EXTRA	4u /* a VLAN tag */
#define RX_QUEUE	0
#define RX_ENTRIES	512u
#define RX_TARGET_MIN	64u
#define RX_PAGES_BUFFER 64u /* pages of RAM that allow one buffer more */

static int add_buffer(struct virtio_net *v, struct netbuf *b)
{
	return virtqueue_add_one(&v->rx, virt_to_phys(b->data), v->rx_buffer, true, b);
}

/* Fills the ring up to its target. False: memory is out, or the device broken. */
static bool refill(struct virtio_net *v)
{
	while (virtqueue_pending(&v->rx) < v->rx_target) {
		struct netbuf *b = netbuf_alloc(v->rx_buffer);

		if (!b)
			return false;
		if (add_buffer(v, b)) {
			netbuf_put(b);
			return false;
		}
	}
	return true;
}

int net_rx_init(struct virtio_net *v)
{
	unsigned by_memory = (unsigned)(page_total() / RX_PAGES_BUFFER);
	int err = virtio_queue(v->device, &v->rx, RX_QUEUE, RX_ENTRIES);

	if (err)
		return err;
	v->rx_buffer = BUFFER_SIZE;
	if (!v->mergeable)
		v->rx_buffer = NET_HEADER + ETH_HLEN + FRAME_EXTRA + v->netif.max_mtu;
	v->rx_target = by_memory < RX_TARGET_MIN ? RX_TARGET_MIN : by_memory;
	if (v->rx_target > v->rx.size)
		v->rx_target = v->rx.size;
	v->rx_floor = v->rx_target < MERGE_MAX ? v->rx_target : MERGE_MAX;
	refill(v);
	return virtqueue_pending(&v->rx) < v->rx_floor ? -ENOMEM : 0;
}

void net_rx_drain(struct virtio_net *v)
{
	struct netbuf *b;

	while (v->rx.slots && (b = virtqueue_detach(&v->rx)))
		netbuf_put(b);
}

/* Lets a buffer that nobody has seen go round again. */
static void recycle(struct virtio_net *v, struct netbuf *b)
{
	if (add_buffer(v, b))
		netbuf_put(b);
}

/*
 * What the header says about checksum and segments, checked against the frame. h is a copy: the
 * device may go on writing into the buffer. False: it makes no sense.
 */
static bool read_header(struct packet *p, const struct virtio_net_hdr_v1 *h, uint64_t features)
{
	static const struct {
		uint8_t gso;
		uint8_t feature;
	} types[] = {
	    [VIRTIO_NET_HDR_GSO_TCPV4] = {GSO_TCP4, VIRTIO_NET_F_GUEST_TSO4},
	    [VIRTIO_NET_HDR_GSO_TCPV6] = {GSO_TCP6, VIRTIO_NET_F_GUEST_TSO6},
	};
	unsigned type = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		uint32_t linear = packet_linear(p);

		if (h->csum_start < ETH_HLEN ||
		    (uint32_t)h->csum_start + h->csum_offset + 2 > linear)
			return false;
		p->csum = CSUM_PARTIAL;
		p->csum_start = p->data + h->csum_start;
		p->csum_offset = h->csum_offset;
		p->netif->stats.rx_csum_offload++;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->csum = CSUM_VERIFIED;
		p->netif->stats.rx_csum_offload++;
	}
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (type >= sizeof types / sizeof *types || !types[type].gso ||
	    !(features & VIRTIO_BIT(types[type].feature)) || !h->gso_size)
		return false;
	p->gso = types[type].gso;
	p->gso_size = h->gso_size;
	p->netif->stats.rx_gro++;
	return true;
}

/* The first buffer of a frame of n bytes as a packet; n is the netbuf's payload in it. Takes b. */
static struct packet *begin(struct virtio_net *v, struct netbuf *b, uint32_t n, bool alone)
{
	struct packet *p;

	if (!alone || n > COPY_MAX)
		return packet_wrap(b, NET_HEADER, n);
	p = packet_alloc(n);
	if (p)
		memcpy(packet_put(p, n), b->data + NET_HEADER, n);
	recycle(v, b);
	return p;
}

/* Drops the rest of a frame: more buffers that belong to it. */
static void skip(struct virtio_net *v, unsigned buffers)
{
	struct netbuf *b;

	while (buffers-- && (b = virtqueue_get(&v->rx, NULL)))
		recycle(v, b);
}

static void drop(struct virtio_net *v, struct netbuf *b, unsigned more, uint64_t *counter)
{
	++*counter;
	recycle(v, b);
	skip(v, more);
}

/* Buffers to replace n that are about to leave the ring. False: not enough memory. */
static bool reserve(struct virtio_net *v, struct netbuf **fresh, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fresh[i] = netbuf_alloc(v->rx_buffer);
		if (fresh[i])
			continue;
		while (i)
			netbuf_put(fresh[--i]);
		return false;
	}
	return true;
}

/* The frame of `buffers` buffers, b of len bytes being the first, as a packet; NULL: dropped. */
static struct packet *gather(struct virtio_net *v, struct netbuf *b, uint32_t len, unsigned buffers)
{
	struct netif_stats *stats = &v->netif.stats;
	struct virtio_net_hdr_v1 h;
	unsigned got = 1;
	struct packet *p;

	__builtin_memcpy(&h, b->data, sizeof h);
	p = begin(v, b, len - NET_HEADER, buffers == 1);
	if (!p) {
		stats->rx_dropped++;
		skip(v, buffers - 1);
		return NULL;
	}
	p->netif = &v->netif;
	for (; got < buffers && (b = virtqueue_get(&v->rx, &len)); got++)
		packet_add_frag(p, b, 0, len);
	if (got == buffers && read_header(p, &h, v->device->features))
		return p;
	stats->rx_errors++;
	packet_free(p);
	return NULL;
}

/* One frame, whose first buffer is b with len bytes in it. */
static void receive(struct virtio_net *v, struct netbuf *b, uint32_t len)
{
	unsigned buffers = 1, fresh_count = 0;
	struct netbuf *fresh[MERGE_MAX];
	struct packet *p;

	if (v->mergeable) {
		const volatile struct virtio_net_hdr_v1 *h = (void *)b->data;

		buffers = h->num_buffers; /* once: the device may change it */
	}
	if (!buffers || buffers > MERGE_MAX || len < NET_HEADER + ETH_HLEN) {
		drop(v, b, buffers ? buffers - 1 : 0, &v->netif.stats.rx_errors);
		return;
	}
	/* The ring must not run dry, or nothing would ever arrive again: where it is low, buffers
	 * leave it only in exchange for others. */
	if (virtqueue_pending(&v->rx) < v->rx_floor + buffers) {
		if (!reserve(v, fresh, buffers)) {
			drop(v, b, buffers - 1, &v->netif.stats.rx_dropped);
			return;
		}
		fresh_count = buffers;
	}
	p = gather(v, b, len, buffers);
	while (fresh_count)
		recycle(v, fresh[--fresh_count]);
	if (p)
		netif_input(&v->netif, p);
}

unsigned net_rx_poll(struct virtio_net *v, unsigned budget)
{
	unsigned done = 0;
	struct netbuf *b;
	uint32_t len;

	while (done < budget && (b = virtqueue_get(&v->rx, &len))) {
		receive(v, b, len);
		done++;
	}
	if (done && !v->rx.broken) {
		refill(v);
		virtqueue_kick(&v->rx);
	}
	return done;
}
