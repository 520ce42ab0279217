/* unit: kernel/dev/virtio/virtqueue.c kernel/dev/virtio/virtio.c kernel/arch/x86_64/emulated.c kernel/dev/virtio/rng.c kernel/dev/virtio/net.c kernel/dev/virtio/net_rx.c kernel/dev/virtio/net_tx.c kernel/dev/virtio/net_ctrl.c kernel/net/packet.c kernel/net/netbuf.c kernel/net/checksum.c */
/* The network driver against a device that keeps the rules, and against one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <cmocka.h>
#include "virtio_net_device.h"

static struct virtio_net *start(void)
{
	return start_with(ALL, 256);
}

/* Writes a frame of n bytes, byte i being i + seed, into as many receive buffers as it takes;
 * num_buffers is lie if that is not negative. Returns the number of buffers. */
static unsigned put_frame(struct virtio_net_hdr_v1 h, uint32_t n, uint8_t seed, int lie)
{
	uint32_t total = n + NET_HEADER, done = 0, lens[64];
	struct virtio_net_hdr_v1 *first = NULL;
	unsigned count = 0;
	uint16_t ids[64];

	do {
		struct vring_desc s[64];
		uint8_t *to;
		uint32_t room;

		assert_int_equal(take(0, &ids[count], s), 1);
		assert_true(s[0].flags & VRING_DESC_F_WRITE);
		to = (void *)(uintptr_t)s[0].addr;
		room = s[0].len;
		if (!first)
			first = (void *)to;
		for (lens[count] = 0; lens[count] < room && done < total; lens[count]++, done++)
			to[lens[count]] = (uint8_t)(done - NET_HEADER + seed);
		count++;
	} while (done < total);
	h.num_buffers = lie >= 0 ? (uint16_t)lie : (uint16_t)count;
	memcpy(first, &h, sizeof h < total ? sizeof h : total);
	for (unsigned i = 0; i < count; i++)
		use(0, ids[i], lens[i]);
	return count;
}

static void expect_frame(unsigned i, uint32_t n, uint8_t seed)
{
	uint8_t *bytes = malloc(n);

	assert_in_range(ngot, i + 1, GOT_MAX);
	assert_int_equal(got[i]->len, n);
	packet_read(got[i], 0, bytes, n);
	for (uint32_t k = 0; k < n; k++)
		assert_int_equal(bytes[k], (uint8_t)(k + seed));
	free(bytes);
}

static const struct virtio_net_hdr_v1 plain;

/* ---- tests ---- */

static void test_features(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	assert_int_equal(v->netif.features, NETIF_CSUM | NETIF_TSO4 | NETIF_TSO6 | NETIF_SG);
	assert_int_equal(v->netif.mtu, 1500);
	assert_memory_equal(v->netif.mac, config.mac, ETH_ALEN);
	assert_true(v->netif.flags & IFF_RUNNING);
	assert_int_equal(dev.kicks[0], 1);
	assert_int_equal(virtqueue_pending(&v->rx), 256);
	stop(v);

	v = start_with((ALL | F(MTU)) & ~F(MRG_RXBUF) & ~F(CSUM), 64);
	assert_int_equal(v->netif.features, NETIF_SG);
	assert_int_equal(v->netif.mtu, 9000);
	assert_int_equal(v->netif.max_mtu, 9000);
	assert_false(virtio_has(&dev.d, VIRTIO_NET_F_GUEST_TSO4));
	assert_in_range(v->rx_buffer, 9000 + 14 + 12, 10000);
	put_frame(plain, 9014, 5, 0); /* num_buffers means nothing here */
	interrupt();
	expect_frame(0, 9014, 5);
	stop(v);

	assert_null(start_with(ALL & ~VIRTIO_BIT(VIRTIO_F_VERSION_1), 256));
	assert_true(dev.status & VIRTIO_CONFIG_S_FAILED);
	assert_null(start_with(ALL, 0)); /* no queues */
	assert_int_equal(packet_stats.netbufs, 0);
}

static void test_no_mac(void **state)
{
	struct virtio_net *v = start_with(ALL & ~F(MAC), 256);

	(void)state;
	assert_int_equal(v->netif.mac[0] & 3, 2); /* local, unicast */
	stop(v);
}

static void test_little_memory(void **state)
{
	struct virtio_net *v;

	(void)state;
	v = start();
	stop(v);
	pages = 20 << 8;
	v = start();
	(void)v;
	stop(v);
}

static void test_link(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	config.status = 0;
	virtio_config_interrupt(&dev.d);
	assert_false(v->netif.flags & IFF_RUNNING);
	config.status = VIRTIO_NET_S_LINK_UP;
	virtio_config_interrupt(&dev.d);
	assert_true(v->netif.flags & IFF_RUNNING);
	dev.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_interrupt(&dev.d);
	assert_non_null(dev.d.broken);
	stop(v);
}

static void test_receive(void **state)
{
	static const uint32_t sizes[] = {14,   60,   64,   255,	 256,	257,   1514, 4051,
					 4052, 4053, 8000, 9014, 20000, 65535, 65549};
	struct virtio_net *v = start();

	(void)state;
	for (unsigned round = 0; round < 200; round++)
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			put_frame(plain, sizes[i], (uint8_t)(i + round), -1);
			interrupt();
			assert_int_equal(ngot, 1);
			expect_frame(0, sizes[i], (uint8_t)(i + round));
			assert_ptr_equal(got[0]->netif, &v->netif);
			assert_int_equal(got[0]->csum, CSUM_NONE);
			assert_int_equal(got[0]->gso, GSO_NONE);
			/* Small ones do not hold a page. */
			if (sizes[i] <= 256)
				assert_in_range(got[0]->truesize, 1, 1100);
			free_got();
			assert_int_equal(virtqueue_pending(&v->rx), 256);
		}
	assert_int_equal(v->netif.stats.rx_errors, 0);
	stop(v);
}

/* One batch hands over its budget; the rest waits for the timer, and no interrupt is asked for. */
static void test_budget(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		put_frame(plain, 100, (uint8_t)i, -1);
	interrupt();
	assert_int_equal(ngot, 64);
	assert_int_equal(batches, 1);
	interrupt(); /* somebody else's, or late */
	assert_int_equal(ngot, 64);
	run_timer(&v->poll);
	assert_int_equal(ngot, 128);
	run_timer(&v->poll);
	assert_int_equal(ngot, 150);
	run_timer(&v->poll);
	assert_in_range(batches, 3, 4);
	for (unsigned i = 0; i < 150; i++)
		expect_frame(i, 100, (uint8_t)i);
	stop(v);
}

static void test_offloads(void **state)
{
	struct virtio_net *v = start();
	struct virtio_net_hdr_v1 h = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};

	(void)state;
	put_frame(h, 100, 0, -1);
	h = (struct virtio_net_hdr_v1){
	    .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	put_frame(h, 100, 0, -1);
	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN;
	h.gso_size = 1448;
	put_frame(h, 60000, 0, -1);
	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	h.csum_start = 54;
	put_frame(h, 60000, 0, -1);
	interrupt();
	assert_int_equal(ngot, 4);
	assert_int_equal(got[0]->csum, CSUM_VERIFIED);
	assert_int_equal(got[1]->csum, CSUM_PARTIAL);
	assert_ptr_equal(got[1]->csum_start, got[1]->data + 34);
	assert_int_equal(got[1]->csum_offset, 16);
	assert_int_equal(got[2]->gso, GSO_TCP4);
	assert_int_equal(got[2]->gso_size, 1448);
	assert_int_equal(got[3]->gso, GSO_TCP6);
	assert_int_equal(v->netif.stats.rx_errors, 0);
	stop(v);
}

static void expect_error(struct virtio_net *v, struct virtio_net_hdr_v1 h, uint32_t n, int lie)
{
	uint64_t before = v->netif.stats.rx_errors;

	free_got();
	put_frame(h, n, 0, lie);
	interrupt();
	assert_int_equal(ngot, 0);
	assert_int_equal(v->netif.stats.rx_errors, before + 1);
	assert_null(dev.d.broken);
	/* The next one arrives. */
	put_frame(plain, 100, 7, -1);
	interrupt();
	assert_int_equal(ngot, 1);
	expect_frame(0, 100, 7);
	assert_int_equal(virtqueue_pending(&v->rx), 256);
}

static void test_wrong_headers(void **state)
{
	struct virtio_net *v = start();
	struct virtio_net_hdr_v1 sum = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM}, h;

	(void)state;
	expect_error(v, sum, 100, -1); /* inside the link header */
	h = sum, h.csum_start = 90, h.csum_offset = 9;
	expect_error(v, h, 100, -1);
	h.csum_start = 0xffff;
	expect_error(v, h, 100, -1);
	h.csum_start = 34, h.csum_offset = 0xffff;
	expect_error(v, h, 100, -1);
	h = sum, h.csum_start = 4060, h.csum_offset = 16; /* not in the first buffer */
	expect_error(v, h, 9000, -1);
	h = (struct virtio_net_hdr_v1){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4};
	expect_error(v, h, 5000, -1); /* no size */
	h.gso_size = 1448;
	for (unsigned type = 0; type < 256; type++) {
		h.gso_type = (uint8_t)type;
		type &= 0x7f;
		if (type != 0 && type != VIRTIO_NET_HDR_GSO_TCPV4 &&
		    type != VIRTIO_NET_HDR_GSO_TCPV6)
			expect_error(v, h, 5000, -1);
		type = h.gso_type;
	}
	expect_error(v, plain, 13, -1);
	expect_error(v, plain, 0, -1);
	expect_error(v, plain, 100, 0);
	expect_error(v, plain, 100, 2); /* there is no second one */
	expect_error(v, plain, 100, 0xffff);
	stop(v);

	/* Segments that were not agreed upon. */
	v = start_with(ALL & ~F(GUEST_TSO4), 256);
	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	expect_error(v, h, 5000, -1);
	stop(v);
}

/* More buffers than a packet can have: all of them are skipped. */
static void test_too_many_buffers(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	expect_error(v, plain, 20 * 4064 - 12, -1);
	stop(v);
}

static void test_no_memory(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	packet_stats.bytes_limit = packet_stats.bytes + 20000;
	for (unsigned i = 0; i < 200; i++) {
		put_frame(plain, 1500, (uint8_t)i, -1);
		interrupt();
		run_timer(&v->poll);
		/* A frame of 64 KiB still fits. */
		assert_in_range(virtqueue_pending(&v->rx), 19, 256);
		if (i % 10 == 0) {
			put_frame(plain, 60000, (uint8_t)i, -1);
			interrupt();
			assert_in_range(virtqueue_pending(&v->rx), 19, 256);
			if (ngot > 10)
				packet_free(got[--ngot]);
		}
	}
	assert_true(v->netif.stats.rx_dropped > 0);
	assert_true(ngot > 0);
	free_got();
	packet_stats.bytes_limit = 64u << 20;
	put_frame(plain, 1500, 1, -1);
	interrupt();
	expect_frame(0, 1500, 1);
	assert_int_equal(virtqueue_pending(&v->rx), 256);
	stop(v);
}

/* A frame with n bytes of payload in frags fragments. */
static struct packet *make_frame(uint32_t linear, unsigned frags, uint32_t each)
{
	struct packet *p = packet_alloc(linear);

	memset(packet_put(p, linear), 0x11, linear);
	for (unsigned i = 0; i < frags; i++) {
		struct netbuf *b = netbuf_alloc(each + i);

		assert_int_equal(packet_add_frag(p, b, i, each), 0);
	}
	return p;
}

static int xmit(struct virtio_net *v, struct packet *p)
{
	int err;

	net_enter();
	err = v->netif.ops->xmit(&v->netif, p);
	want_flush = true;
	net_leave();
	return err;
}

static void sent(unsigned n)
{
	struct vring_desc s[64];
	uint16_t id;

	while (n-- && take(1, &id, s))
		use(1, id, 0);
}

static void test_transmit(void **state)
{
	struct virtio_net *v = start();
	struct virtio_net_hdr_v1 h;
	struct vring_desc s[64];
	struct packet *p;
	uint16_t id;

	(void)state;
	assert_int_equal(xmit(v, make_frame(60, 0, 0)), 0);
	assert_int_equal(dev.kicks[1], 1);
	assert_int_equal(take(1, &id, s), 1); /* the header in front of it */
	assert_int_equal(s[0].len, NET_HEADER + 60);
	assert_int_equal(*(uint8_t *)(uintptr_t)(s[0].addr + NET_HEADER), 0x11);
	memcpy(&h, (void *)(uintptr_t)s[0].addr, sizeof h);
	assert_memory_equal(&h, &plain, sizeof h);
	use(1, id, 0);

	p = make_frame(14 + 20 + 32, 3, 4000);
	p->csum = CSUM_PARTIAL;
	p->csum_start = p->data + 34;
	p->csum_offset = 16;
	p->csum_start[12] = 0x80;
	p->csum_start[13] = 0;
	p->gso = GSO_TCP4;
	p->gso_size = 1448;
	assert_int_equal(xmit(v, p), 0);
	assert_int_equal(take(1, &id, s), 4);
	memcpy(&h, (void *)(uintptr_t)s[0].addr, sizeof h);
	assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(h.hdr_len, 66);
	assert_int_equal(h.gso_size, 1448);
	assert_int_equal(h.csum_start, 34);
	assert_int_equal(h.csum_offset, 16);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s[i + 1].len, 4000);
		assert_ptr_equal((uint8_t *)(uintptr_t)s[i + 1].addr, p->frags[i].buf->data + i);
	}
	use(1, id, 0);
	interrupt();
	assert_int_equal(packet_stats.packets, 0);
	stop(v);
}

/* Headroom that is not the packet's to write into: the header comes from elsewhere. */
static void test_transmit_shared(void **state)
{
	struct virtio_net *v = start();
	struct netbuf *b = netbuf_alloc(2000);
	struct vring_desc s[64];
	struct packet *p;
	uint16_t id;

	(void)state;
	memset(b->data, 0x22, 2000);
	p = packet_wrap(netbuf_get(b), 100, 900);
	assert_int_equal(xmit(v, p), 0);
	assert_int_equal(take(1, &id, s), 2);
	assert_int_equal(s[0].len, NET_HEADER);
	assert_ptr_equal((uint8_t *)(uintptr_t)s[1].addr, b->data + 100);
	assert_int_equal(s[1].len, 900);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(b->data[i], 0x22);
	use(1, id, 0);
	netbuf_put(b);
	interrupt();
	stop(v);
}

static void test_transmit_full(void **state)
{
	struct virtio_net *v = start_with(ALL, 16);
	unsigned queued = 0, order = 0;
	struct vring_desc s[64];
	uint16_t id;
	int err;

	(void)state;
	for (;;) {
		struct packet *p = make_frame(60 + queued % 900, queued % 3, 100);

		err = xmit(v, p);
		if (err)
			break;
		queued++;
		assert_in_range(queued, 1, 1000);
	}
	assert_int_equal(err, -ENOBUFS);
	/* Some take several places in the ring, but few: there are tables. */
	assert_in_range(queued, 8 + 256, 16 + 256);
	/* All that was taken leaves, in order, by interrupts alone. */
	while (order < queued) {
		uint16_t old = dev.queues[1].vq->used->idx;
		uint16_t event = dev.queues[1].vq->avail->ring[16];
		unsigned n = 0;

		while (take(1, &id, s)) {
			assert_int_equal(s[0].len, NET_HEADER + 60 + order % 900);
			use(1, id, 0);
			order++;
			n++;
		}
		assert_in_range(n, 1, 16);
		if (order < queued)
			assert_true(vring_need_event(event, dev.queues[1].vq->used->idx, old));
		interrupt();
	}
	interrupt();
	assert_int_equal(packet_stats.packets, 0);
	assert_int_equal(v->nwaiting, 0);
	assert_int_equal(xmit(v, make_frame(60, 0, 0)), 0);
	sent(1);
	stop(v);
}

/* Without an interrupt and without anything to receive, the ring serves any number of packets. */
static void test_transmit_reclaims(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint16_t old = dev.queues[1].vq->used->idx;

		assert_int_equal(xmit(v, make_frame(60, i % 4, 500)), 0);
		sent(1);
		assert_false(vring_need_event(dev.queues[1].vq->avail->ring[256],
					      dev.queues[1].vq->used->idx, old));
		assert_in_range(packet_stats.packets, 1, 200);
	}
	stop(v);
}

static void run_commands(uint8_t ack, unsigned expected)
{
	struct vring_desc s[64];
	uint16_t id;

	while (take(2, &id, s) == 3) {
		*(uint8_t *)(uintptr_t)s[2].addr = ack;
		use(2, id, 1);
		expected--;
	}
	assert_int_equal(expected, 0);
	interrupt();
}

static void update(struct virtio_net *v)
{
	net_enter();
	v->netif.ops->set_rx_mode(&v->netif);
	net_leave();
}

static void test_control(void **state)
{
	struct virtio_net *v = start();
	struct netif_link_mcast m[70] = {0};
	struct virtio_net_ctrl_hdr h;
	struct vring_desc s[64];
	uint16_t id;

	(void)state;
	update(v);
	run_commands(VIRTIO_NET_OK, 3); /* table, all multicasts, all */
	update(v);
	run_commands(VIRTIO_NET_OK, 0); /* nothing new */
	v->netif.flags |= IFF_PROMISC;
	update(v);
	assert_int_equal(take(2, &id, s), 3);
	memcpy(&h, (void *)(uintptr_t)s[0].addr, sizeof h);
	assert_int_equal(h.class, VIRTIO_NET_CTRL_RX);
	assert_int_equal(h.cmd, VIRTIO_NET_CTRL_RX_PROMISC);
	assert_int_equal(*(uint8_t *)(uintptr_t)s[1].addr, 1);
	/* Changed while the device has it: sent again afterwards, and not before. */
	v->netif.flags &= ~(unsigned)IFF_PROMISC;
	update(v);
	assert_int_equal(*(uint8_t *)(uintptr_t)s[1].addr, 1);
	*(uint8_t *)(uintptr_t)s[2].addr = VIRTIO_NET_OK;
	use(2, id, 1);
	interrupt();
	assert_int_equal(take(2, &id, s), 3);
	assert_int_equal(*(uint8_t *)(uintptr_t)s[1].addr, 0);
	*(uint8_t *)(uintptr_t)s[2].addr = VIRTIO_NET_OK;
	use(2, id, 1);
	interrupt();

	for (unsigned i = 0; i < 64; i++) {
		m[i].mac[0] = 1, m[i].mac[5] = (uint8_t)i;
		list_add_tail(&v->netif.link_mcast, &m[i].link);
	}
	update(v);
	assert_int_equal(take(2, &id, s), 3);
	assert_int_equal(s[1].len, 8 + 64 * 6);
	assert_int_equal(((uint8_t *)(uintptr_t)s[1].addr)[4], 64);
	assert_int_equal(((uint8_t *)(uintptr_t)s[1].addr)[8 + 6 * 63 + 5], 63);
	*(uint8_t *)(uintptr_t)s[2].addr = VIRTIO_NET_OK;
	use(2, id, 1);
	interrupt();
	list_add_tail(&v->netif.link_mcast, &m[64].link);
	update(v);
	run_commands(VIRTIO_NET_ERR, 1); /* too many: all of them; a refusal is survived */

	v->netif.mac[5] = 9;
	update(v);
	assert_int_equal(take(2, &id, s), 3);
	assert_memory_equal((void *)(uintptr_t)s[1].addr, v->netif.mac, 6);
	*(uint8_t *)(uintptr_t)s[2].addr = VIRTIO_NET_OK;
	use(2, id, 1);
	interrupt();
	assert_int_equal(take(2, &id, s), 0);
	stop(v);
}

/* While the program is busy with several events, little is notified and nothing interrupts; the
 * timer, or the program's return, makes up for it. */
static void test_busy(void **state)
{
	struct virtio_net *v = start();
	struct device_queue *tx = &dev.queues[1];
	unsigned kicks = dev.kicks[1], frames = 0;
	uint16_t old;

	(void)state;
	device_wants(tx, 0);
	epoll_busy = true;
	assert_int_equal(xmit(v, make_frame(60, 0, 0)), 0);
	assert_int_equal(dev.kicks[1], kicks);
	assert_true(v->poll.armed);
	run_timer(&v->poll);
	assert_int_equal(dev.kicks[1], ++kicks);
	for (device_wants(tx, 1); dev.kicks[1] == kicks; frames++)
		assert_int_equal(xmit(v, make_frame(60, 0, 0)), 0);
	assert_in_range(frames, 2, 10);
	kicks++;
	device_wants(tx, tx->vq->avail->idx);
	assert_int_equal(xmit(v, make_frame(60, 8, 4000)), 0); /* much at once */
	assert_int_equal(dev.kicks[1], ++kicks);
	device_wants(tx, tx->vq->avail->idx);
	assert_int_equal(xmit(v, make_frame(60, 0, 0)), 0);
	assert_int_equal(dev.kicks[1], kicks);

	put_frame(plain, 100, 1, -1);
	interrupt();
	assert_int_equal(ngot, 1);
	old = dev.queues[0].vq->used->idx;
	put_frame(plain, 100, 2, -1);
	assert_false(
	    vring_need_event(dev.queues[0].vq->avail->ring[256], dev.queues[0].vq->used->idx, old));
	interrupt(); /* of another queue */
	assert_int_equal(ngot, 1);
	run_timer(&v->poll);
	assert_int_equal(ngot, 2);
	put_frame(plain, 100, 3, -1);
	epoll_busy = false;
	net_enter();
	v->netif.ops->catch_up(&v->netif);
	net_leave();
	assert_int_equal(ngot, 3);
	old = dev.queues[0].vq->used->idx;
	put_frame(plain, 100, 4, -1);
	assert_true(
	    vring_need_event(dev.queues[0].vq->avail->ring[256], dev.queues[0].vq->used->idx, old));
	run_timer(&v->poll); /* left over: does nothing */
	assert_int_equal(ngot, 3);
	interrupt();
	assert_int_equal(ngot, 4);
	sent(100);
	stop(v);
}

static void test_broken_ring(void **state)
{
	struct virtio_net *v = start();

	(void)state;
	assert_int_equal(xmit(v, make_frame(60, 2, 100)), 0);
	put_frame(plain, 1500, 0, -1);
	use(0, 4000, 100);
	interrupt();
	assert_int_equal(ngot, 1); /* what came before the lie */
	assert_non_null(dev.d.broken);
	run_timer(&v->broken);
	assert_false(v->netif.flags & IFF_RUNNING);
	assert_int_equal(xmit(v, make_frame(60, 0, 0)), -ENETDOWN);
	update(v);
	interrupt();
	free_got();
	assert_int_equal(packet_stats.netbufs, 0);
	stop(v);
}

static unsigned random_below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* A device that does anything it can: no memory error, no leak. */
static void test_random_device(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct virtio_net *v =
		    start_with(rand() % 4 ? ALL : ALL & ~F(MRG_RXBUF), 16u << random_below(4));

		for (unsigned step = 0; step < 300; step++) {
			struct vring_desc s[64];
			unsigned q = random_below(3), n = 0;
			uint16_t id;

			switch (random_below(8)) {
			case 0:
			case 1:
				if (dev.d.broken || !(n = take(q, &id, s)) ||
				    !dev.queues[q].vq->slots[id].descriptors)
					break;
				for (unsigned i = 0; i < n; i++)
					if (s[i].flags & VRING_DESC_F_WRITE)
						for (unsigned k = 0; k < s[i].len && k < 16; k++)
							((uint8_t *)(uintptr_t)s[i].addr)[k] =
							    (uint8_t)(rand() % 4 ? 0 : rand() % 64);
				if (q == 0)
					((uint8_t *)(uintptr_t)s[0].addr)[10] =
					    (uint8_t)random_below(rand() % 8 ? 3 : 30);
				use(q, id, q ? 0 : random_below(s[0].len + 1));
				break;
			case 2:
				if (rand() % 40 == 0)
					use(q, random_below(300), random_below(5000));
				break;
			case 3:
				if (rand() % 40 == 0)
					((uint8_t *)dev.queues[q].vq->used)[random_below(60)] =
					    (uint8_t)rand();
				break;
			case 4:
				xmit(v, make_frame(60, random_below(10), 100));
				break;
			case 5:
				v->netif.flags ^= IFF_PROMISC;
				update(v);
				break;
			case 6:
				epoll_busy = rand() % 2;
				run_timer(&v->poll);
				run_timer(&v->broken);
				break;
			case 7:
				interrupt();
				if (rand() % 2)
					free_got();
				break;
			}
			if (ngot > GOT_MAX / 2)
				free_got();
		}
		stop(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_features),	     cmocka_unit_test(test_no_mac),
	    cmocka_unit_test(test_little_memory),    cmocka_unit_test(test_link),
	    cmocka_unit_test(test_receive),	     cmocka_unit_test(test_budget),
	    cmocka_unit_test(test_offloads),	     cmocka_unit_test(test_wrong_headers),
	    cmocka_unit_test(test_too_many_buffers), cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_transmit),	     cmocka_unit_test(test_transmit_shared),
	    cmocka_unit_test(test_transmit_full),    cmocka_unit_test(test_transmit_reclaims),
	    cmocka_unit_test(test_control),	     cmocka_unit_test(test_busy),
	    cmocka_unit_test(test_broken_ring),	     cmocka_unit_test(test_random_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
