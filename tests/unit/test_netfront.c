/* unit: kernel/dev/xen/netfront.c kernel/dev/xen/netfront_store.c kernel/dev/xen/netfront_rx.c kernel/dev/xen/netfront_tx.c kernel/dev/xen/netfront_mcast.c kernel/dev/xen/netfront_headers.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/checksum.c */
/* Xen's network frontend against a backend that keeps the rules, and against one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sanitizer/lsan_interface.h>
#include "netfront_backend.h"

static struct netfront *start(void)
{
	clean();
	offer_all();
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_int_equal(plug(), 0);
	return front();
}

/* Ends the test: the device is gone for good. */
static void stop(unsigned leaked)
{
	unplug(leaked);
	xen_netfront.removed(&device);
	assert_null(failure);
	if (!leaked) {
		assert_int_equal(live_pages, 0);
		assert_int_equal(packet_stats.netbufs, 0);
		assert_int_equal(packet_stats.bytes, 0);
	}
}

/* As stop, where the backend has been caught. */
static void stop_liar(unsigned leaked)
{
	assert_non_null(failure);
	failure = NULL;
	stop(leaked);
}

/* ---- the backend's half of receiving ---- */

static uint16_t frame_id(uint32_t i)
{
	return (uint16_t)(i % NETFRONT_ENTRIES);
}

/* Requests that the backend may use. */
static uint32_t rx_room(void)
{
	return backend.rx->req_prod - backend.rx_cons;
}

static void answer_rx(struct netif_rx_response r)
{
	rx_slot(backend.rx->rsp_prod)->rsp = r;
	backend.rx->rsp_prod++;
}

/* The page of the next request. */
static uint8_t *take_rx(void)
{
	uint32_t i = backend.rx_cons++;
	uint8_t *page;

	assert_in_range(backend.rx->req_prod - i, 1, NETFRONT_ENTRIES);
	page = granted(rx_slot(i)->req.gref, true);
	assert_non_null(page);
	return page;
}

/* Puts a frame of n bytes, byte i being i + seed (but for the first bytes, if given), into pages
 * from `offset` on. */
static void put_frame(const uint8_t *head, uint32_t nhead, uint32_t n, uint8_t seed, uint16_t flags,
		      uint16_t offset, const struct netif_extra_info *extra)
{
	uint32_t done = 0;

	for (unsigned i = 0; done < n || !i; i++) {
		uint8_t *page = take_rx();
		uint32_t len = 0;
		uint16_t f = i ? 0 : flags;

		for (; len < PAGE_SIZE - offset && done < n; len++, done++)
			page[offset + len] = done < nhead ? head[done] : (uint8_t)(done + seed);
		if (done < n)
			f |= NETRXF_more_data;
		if (!i && extra)
			f |= NETRXF_extra_info;
		answer_rx((struct netif_rx_response){frame_id(backend.rx_cons - 1), offset, f,
						     (int16_t)len});
		if (!i && extra) {
			take_rx();
			memcpy(rx_slot(backend.rx->rsp_prod), extra, sizeof *extra);
			backend.rx->rsp_prod++;
		}
	}
}

static void plain_frame(uint32_t n, uint8_t seed)
{
	put_frame(NULL, 0, n, seed, 0, 0, NULL);
}

static void rx_event_now(void)
{
	event(backend.rx_port);
}

static void expect_frame(unsigned i, const uint8_t *head, uint32_t nhead, uint32_t n, uint8_t seed)
{
	uint8_t *bytes = malloc(n);

	assert_in_range(ngot, i + 1, GOT_MAX);
	assert_int_equal(got[i]->len, n);
	packet_read(got[i], 0, bytes, n);
	for (uint32_t k = 0; k < n; k++)
		assert_int_equal(bytes[k], k < nhead ? head[k] : (uint8_t)(k + seed));
	free(bytes);
}

/* ---- and of sending ---- */

struct sent {
	uint8_t bytes[65536];
	uint32_t len;
	uint16_t flags;
	unsigned slots, whole_pages;
	struct netif_extra_info extra;
	bool has_extra;
	uint16_t ids[32];
};

static uint32_t tx_room(void)
{
	return backend.tx->req_prod - backend.tx_cons;
}

/* Takes the next frame off the ring; it is answered for by answer_tx. False: there is none. */
static bool take_tx(struct sent *s)
{
	struct netif_tx_request r;
	uint32_t total, rest = 0, first = 0;
	unsigned n = 0;

	s->len = s->flags = 0;
	s->slots = s->whole_pages = 0;
	s->has_extra = false;
	if (!tx_room())
		return false;
	do {
		const uint8_t *page;

		r = tx_slot(backend.tx_cons++)->req;
		s->ids[n] = r.id;
		if (!n) {
			total = r.size;
			s->flags = r.flags;
			if (r.flags & NETTXF_extra_info) {
				assert_true(tx_room());
				memcpy(&s->extra, tx_slot(backend.tx_cons++), sizeof s->extra);
				s->has_extra = true;
			}
			if (!r.size) { /* for the backend itself */
				s->slots = 1;
				return true;
			}
			/* The first slot's own size is what the others leave. */
			for (uint32_t k = backend.tx_cons, more = r.flags & NETTXF_more_data; more;
			     k++) {
				assert_true(k != backend.tx->req_prod);
				rest += tx_slot(k)->req.size;
				more = tx_slot(k)->req.flags & NETTXF_more_data;
			}
			assert_true(rest < total);
			first = total - rest;
		}
		uint32_t len = n ? r.size : first;
		page = granted(r.gref, false);
		assert_non_null(page);
		assert_true(grants[r.gref].readonly);
		assert_true(r.offset + len <= PAGE_SIZE);
		memcpy(s->bytes + s->len, page + r.offset, len);
		s->whole_pages += len == PAGE_SIZE;
		s->len += len;
		n++;
	} while (r.flags & NETTXF_more_data);
	assert_int_equal(s->len, total);
	s->slots = n;
	return true;
}

static void answer_tx(const struct sent *s, int16_t status)
{
	for (unsigned i = 0; i < s->slots; i++) {
		tx_slot(backend.tx->rsp_prod++)->rsp =
		    (struct netif_tx_response){s->ids[i], status};
		if (!i && s->has_extra)
			tx_slot(backend.tx->rsp_prod++)->rsp.status = NETIF_RSP_NULL;
	}
}

/* A packet of n bytes, byte i being i + seed; linear as far as it is short. */
static struct packet *make(uint32_t n, uint8_t seed)
{
	struct packet *p = packet_alloc(n < 1514 ? n : 1514);
	uint32_t linear = n < 1514 ? n : 1514, done = 0;
	uint8_t *to = packet_put(p, linear);

	for (; done < linear; done++)
		to[done] = (uint8_t)(done + seed);
	while (done < n) {
		uint32_t take = n - done < 32768 ? n - done : 32768;
		struct netbuf *b = netbuf_alloc(take < 5000 ? 5000 : take);
		for (uint32_t i = 0; i < take; i++, done++)
			b->data[i] = (uint8_t)(done + seed);
		assert_int_equal(packet_add_frag(p, b, 0, take), 0);
	}
	return p;
}

static int send_packet(struct packet *p)
{
	int err;

	net_enter();
	want_flush = true;
	err = interface->ops->xmit(interface, p);
	net_leave();
	return err;
}

static void expect_sent(const struct sent *s, uint32_t n, uint8_t seed)
{
	assert_int_equal(s->len, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(s->bytes[i], (uint8_t)(i + seed));
}

/* ---- frames with headers ---- */

static const uint8_t tcp4[54] = {
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, [23] = 6, [46] = 0x50,
};
static const uint8_t udp4[42] = {
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, [23] = 17,
};
static const uint8_t tcp6[74] = {
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, [20] = 6, [66] = 0x50,
};

static struct packet *with_headers(const uint8_t *head, uint32_t nhead, uint32_t n, uint8_t gso)
{
	struct packet *p = make(n, 0);
	bool v6 = head == tcp6;

	memcpy(p->data, head, nhead);
	p->csum = CSUM_PARTIAL;
	p->l2 = p->data;
	p->l3 = p->data + 14;
	p->l4 = p->csum_start = p->data + (v6 ? 54 : 34);
	p->csum_offset = head == udp4 ? 6 : 16;
	p->gso = gso;
	p->gso_size = gso ? 1448 : 0;
	return p;
}

/* ---- tests ---- */

static void test_negotiation(void **state)
{
	struct netfront *f = start();

	(void)state;
	assert_int_equal(f->netif.features, NETIF_SG | NETIF_CSUM | NETIF_TSO4 | NETIF_TSO6);
	assert_int_equal(f->netif.mtu, 1500);
	assert_int_equal(f->netif.max_mtu, 65521);
	assert_memory_equal(f->netif.mac, ((uint8_t[]){0, 0x16, 0x3e, 0, 1, 1}), ETH_ALEN);
	assert_true(f->netif.flags & IFF_RUNNING);
	assert_int_equal(number("request-rx-copy"), 1);
	assert_int_equal(number("feature-rx-notify"), 1);
	assert_int_equal(number("feature-sg"), 1);
	assert_int_equal(number("feature-gso-tcpv4"), 1);
	assert_int_equal(number("feature-gso-tcpv6"), 1);
	assert_int_equal(number("feature-ipv6-csum-offload"), 1);
	assert_int_not_equal(backend.rx_port, backend.tx_port);
	assert_null(node(FRONTEND, "event-channel"));
	assert_null(node(FRONTEND, "feature-gso-tcpv4-prefix"));
	assert_int_equal(rx_room(), 256);
	stop(0);

	clean();
	offer("feature-rx-copy", "1");
	offer("feature-no-csum-offload", "1");
	offer("feature-gso-tcpv4", "1");
	set_node(FRONTEND, "mtu", "9000");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_int_equal(plug(), 0);
	assert_int_equal(front()->netif.features, 0);
	assert_int_equal(front()->netif.mtu, 1500); /* one slot is not enough */
	assert_int_equal(backend.rx_port, backend.tx_port);
	stop(0);

	clean(); /* no feature-rx-copy */
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_true(plug() < 0);
	xen_netfront.removed(&device);
	assert_int_equal(grants_reserved(), 0);
	assert_int_equal(live_pages, 0);
}

static void test_mac(void **state)
{
	static const char *const bad[] = {"",
					  "00:16:3e:00:00",
					  "00:16:3e:00:00:0g",
					  "00:16:3e:00:00:01:",
					  "001:6:3e:00:00:01",
					  "00 16 3e 00 00 01"};
	uint8_t mac[ETH_ALEN];

	(void)state;
	assert_true(netfront_parse_mac("aB:Cd:eF:01:23:99", mac));
	assert_memory_equal(mac, ((uint8_t[]){0xab, 0xcd, 0xef, 1, 0x23, 0x99}), ETH_ALEN);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(netfront_parse_mac(bad[i], mac));
	clean();
	offer_all();
	set_node(FRONTEND, "mac", "ff:ff:ff:ff:ff:ff");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_int_equal(front()->netif.mac[0] & 3, 2);
	xen_netfront.removed(&device);
}

static void test_receive(void **state)
{
	static const uint32_t sizes[] = {14,   60,   255,  256,	  257,	1514,
					 4096, 4097, 9014, 20000, 65535};

	(void)state;
	start();
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			plain_frame(sizes[i], (uint8_t)(i + round));
			rx_event_now();
			assert_int_equal(ngot, 1);
			expect_frame(0, NULL, 0, sizes[i], (uint8_t)(i + round));
			assert_int_equal(got[0]->csum, CSUM_NONE);
			if (sizes[i] <= 256)
				assert_in_range(got[0]->truesize, 1, 1100);
			free_got();
			assert_int_equal(rx_room(), 256);
		}
	/* Kept for the next frames, no more than the ring has. */
	assert_in_range(front()->npages, 1, 256);
	assert_int_equal(front()->netif.stats.rx_errors, 0);
	stop(0);
}

/* Packets may live longer than the connection that their pages came by. */
static void test_receive_outlives(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 40; i++)
		plain_frame(4096, 3);
	rx_event_now();
	assert_int_equal(ngot, 40);
	xen_netfront.disconnect(&device);
	expect_frame(39, NULL, 0, 4096, 3);
	assert_int_equal(plug(), 0);
	expect_frame(0, NULL, 0, 4096, 3);
	free_got();
	assert_int_equal(front()->npages, 0);
	stop(0);
}

static void test_budget(void **state)
{
	struct netfront *f = start();

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		plain_frame(100, (uint8_t)i);
	rx_event_now();
	assert_int_equal(ngot, 64);
	assert_int_equal(batches, 2); /* one when the link came */
	rx_event_now();
	assert_int_equal(ngot, 64);
	run_timer(&f->queues[0].poll);
	assert_int_equal(ngot, 128);
	epoll_busy = false;
	run_timer(&f->queues[0].poll);
	assert_int_equal(ngot, 150);
	for (unsigned i = 0; i < 150; i++)
		expect_frame(i, NULL, 0, 100, (uint8_t)i);
	assert_int_equal(backend.rx->rsp_event, backend.rx->rsp_prod + 1);
	stop(0);
}

/* A frame whose slots come one by one. */
static void test_pieces_of_a_frame(void **state)
{
	uint32_t end;

	(void)state;
	start();
	plain_frame(20000, 9);
	end = backend.rx->rsp_prod;
	for (backend.rx->rsp_prod -= 4; backend.rx->rsp_prod != end; backend.rx->rsp_prod++) {
		rx_event_now();
		assert_int_equal(ngot, 0);
	}
	rx_event_now();
	expect_frame(0, NULL, 0, 20000, 9);
	plain_frame(20000, 9);
	backend.rx->rsp_prod -= 2;
	rx_event_now();
	assert_int_equal(ngot, 1); /* what there is of it goes with the connection */
	stop(0);
}

static void test_receive_offloads(void **state)
{
	struct netif_extra_info gso = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
	const uint16_t blank = NETRXF_csum_blank | NETRXF_data_validated;

	(void)state;
	start();
	put_frame(tcp4, sizeof tcp4, 100, 0, NETRXF_data_validated, 0, NULL);
	put_frame(tcp4, sizeof tcp4, 100, 0, blank, 64, NULL);
	put_frame(udp4, sizeof udp4, 3000, 0, blank, 0, NULL);
	gso.u.gso.size = 1448;
	gso.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	put_frame(tcp4, sizeof tcp4, 60000, 1, blank, 0, &gso);
	gso.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV6;
	put_frame(tcp6, sizeof tcp6, 65500, 2, blank, 0, &gso);
	put_frame(tcp6, sizeof tcp6, 2000, 2, blank, 0, &gso); /* all in one slot but the extra */
	rx_event_now();
	assert_int_equal(ngot, 6);
	assert_int_equal(got[0]->csum, CSUM_VERIFIED);
	assert_int_equal(got[1]->csum, CSUM_PARTIAL);
	assert_ptr_equal(got[1]->csum_start, got[1]->data + 34);
	assert_int_equal(got[1]->csum_offset, 16);
	assert_int_equal(got[2]->csum_offset, 6);
	assert_int_equal(got[3]->gso, GSO_TCP4);
	assert_int_equal(got[3]->gso_size, 1448);
	assert_int_equal(got[4]->gso, GSO_TCP6);
	assert_ptr_equal(got[4]->csum_start, got[4]->data + 54);
	expect_frame(3, tcp4, sizeof tcp4, 60000, 1);
	expect_frame(4, tcp6, sizeof tcp6, 65500, 2);
	expect_frame(5, tcp6, sizeof tcp6, 2000, 2);
	stop(0);
}

/* Frames that are wrong, and do no harm. */
static void test_bad_frames(void **state)
{
	struct netif_extra_info gso = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
	struct netfront *f = start();

	(void)state;
	gso.u.gso.size = 1448;
	gso.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV6;
	plain_frame(13, 0);
	plain_frame(0, 0);
	put_frame(NULL, 0, 100, 0, NETRXF_csum_blank, 0, NULL); /* no headers */
	put_frame(tcp4, sizeof tcp4, 40, 0, NETRXF_csum_blank, 0, NULL);
	put_frame(tcp4, sizeof tcp4, 3000, 0, NETRXF_csum_blank, 0, &gso); /* the other family */
	put_frame(udp4, sizeof udp4, 3000, 0, NETRXF_csum_blank, 0, &gso);
	put_frame(NULL, 0, 3000, 0, NETRXF_gso_prefix, 0, NULL);
	plain_frame(PAGE_SIZE * 19, 0); /* too many slots */
	take_rx();
	answer_rx((struct netif_rx_response){0, 0, NETRXF_more_data, NETIF_RSP_ERROR});
	take_rx();
	answer_rx((struct netif_rx_response){0, 0, 0, 10});
	plain_frame(100, 1);
	rx_event_now();
	assert_int_equal(f->netif.stats.rx_errors, 9 - 1); /* an empty one is none */
	assert_int_equal(ngot, 1);
	expect_frame(0, NULL, 0, 100, 1);
	assert_null(failure);
	assert_int_equal(rx_room(), 256);
	stop(0);
}

static void test_no_memory(void **state)
{
	struct netfront *f = start();

	(void)state;
	page_limit = live_pages;
	for (unsigned i = 0; i < 20; i++)
		plain_frame(3000, 0);
	rx_event_now();
	assert_int_equal(f->netif.stats.rx_dropped, 20);
	assert_int_equal(rx_room(), 256);
	page_limit = BLOCKS_MAX;
	packet_stats.bytes_limit = 20000; /* the stack's share */
	for (unsigned i = 0; i < 20; i++)
		plain_frame(3000, 0);
	rx_event_now();
	assert_in_range(ngot, 3, 4);
	assert_int_equal(rx_room(), 256);
	packet_stats.bytes_limit = 64 << 20;
	stop(0);

	for (unsigned limit = 0; limit < 300; limit += 7) {
		clean();
		offer_all();
		assert_int_equal(xen_netfront.probe(&device), 0);
		page_limit = limit;
		if (!plug()) {
			plain_frame(100, 0);
			rx_event_now();
			assert_int_equal(ngot, 1);
			unplug(0);
		}
		xen_netfront.removed(&device);
		assert_int_equal(live_pages, 0);
		assert_int_equal(grants_reserved(), 0);
	}
}

static void test_rx_notify(void **state)
{
	(void)state;
	start();
	ports[backend.rx_port].notified = 0;
	plain_frame(100, 0);
	rx_event_now();
	ports[backend.rx_port].notified = 0;
	plain_frame(100, 0);
	rx_event_now();
	assert_int_equal(ports[backend.rx_port].notified, 0);
	backend.rx->req_event = backend.rx->req_prod + 1;
	plain_frame(100, 0);
	rx_event_now();
	assert_int_equal(ports[backend.rx_port].notified, 1);
	stop(0);
}

static void test_send(void **state)
{
	static const uint32_t sizes[] = {14, 42, 60, 1514, 2000, 4096, 9014, 30000, 65535};
	static struct sent s;
	struct netfront *f = start();

	(void)state;
	for (unsigned round = 0; round < 300; round++)
		for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			uint8_t seed = (uint8_t)(i + round);
			assert_int_equal(send_packet(make(sizes[i], seed)), 0);
			assert_true(take_tx(&s));
			expect_sent(&s, sizes[i], seed);
			assert_in_range(s.slots, 1, 18);
			/* Large frames are not copied, small ones share pages. */
			if (sizes[i] == 65535)
				assert_in_range(s.whole_pages, 14, 16);
			assert_int_equal(tx_room(), 0);
			answer_tx(&s, NETIF_RSP_OKAY);
		}
	assert_in_range(f->queues[0].tx.nbounce, 1, 36);
	assert_int_equal(f->netif.stats.tx_errors, 0);
	/* What was answered for is taken back when it is asked for. */
	net_enter();
	assert_false(interface->ops->sending(interface));
	net_leave();
	assert_int_equal(packet_stats.netbufs, 0);
	stop(0);
}

/* Only what a frame says is to be seen by the backend. */
static void test_nothing_else_granted(void **state)
{
	static const uint32_t cuts[][2] = {{0, 4096}, {1, 4096}, {100, 8192}, {4000, 200}};
	static struct sent s;

	(void)state;
	start();
	for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct packet *p = make(100, 0);
		struct netbuf *b = netbuf_alloc(16384);
		unsigned before = 0, after = 0;
		for (uint32_t k = 0; k < 16384; k++)
			b->data[k] = (uint8_t)(k - cuts[i][0] + 100);
		packet_add_frag(p, b, cuts[i][0], cuts[i][1]);
		for (unsigned k = 0; k < GRANTS_MAX; k++)
			before += grants[k].active;
		assert_int_equal(send_packet(p), 0);
		for (unsigned k = 0; k < GRANTS_MAX; k++)
			after += grants[k].active;
		assert_true(take_tx(&s));
		expect_sent(&s, cuts[i][1] + 100, 0);
		/* Without the page that was there already, there may be one more to copy into. */
		assert_in_range(after - before, 0, s.whole_pages + 1);
		answer_tx(&s, NETIF_RSP_OKAY);
	}
	stop(0);
}

static void test_many_fragments(void **state)
{
	static struct sent s;

	(void)state;
	start();
	for (uint32_t piece = 1; piece < 3600; piece += 33) {
		struct packet *p = make(66, 0);
		for (unsigned i = 0; i < PACKET_MAX_FRAGS; i++) {
			struct netbuf *b = netbuf_alloc(8192);
			for (uint32_t k = 0; k < piece; k++)
				b->data[k + 7 * i] = (uint8_t)(66 + i * piece + k);
			packet_add_frag(p, b, 7 * i, piece);
		}
		assert_int_equal(send_packet(p), 0);
		assert_true(take_tx(&s));
		expect_sent(&s, 66 + PACKET_MAX_FRAGS * piece, 0);
		assert_in_range(s.slots, 1, 18);
		answer_tx(&s, NETIF_RSP_OKAY);
	}
	/* Whole pages between bits: more slots than there may be, so all is copied. */
	struct packet *p = make(66, 0);
	for (unsigned i = 0; i < 12; i++) {
		struct netbuf *b = netbuf_alloc(8192);
		for (uint32_t k = 0; k < 4200; k++)
			b->data[k] = (uint8_t)(66 + i * 4200 + k);
		packet_add_frag(p, b, 0, 4200);
	}
	assert_int_equal(send_packet(p), 0);
	assert_true(take_tx(&s));
	expect_sent(&s, 66 + 12 * 4200, 0);
	assert_int_equal(s.whole_pages + 1, s.slots);
	answer_tx(&s, NETIF_RSP_OKAY);
	stop(0);
}

static void test_send_offloads(void **state)
{
	const uint16_t blank = NETTXF_csum_blank | NETTXF_data_validated;
	static struct sent s;
	struct packet *p;

	(void)state;
	start();
	assert_int_equal(send_packet(with_headers(tcp4, sizeof tcp4, 100, 0)), 0);
	assert_true(take_tx(&s));
	assert_int_equal(s.flags, blank);
	answer_tx(&s, 0);
	assert_int_equal(send_packet(with_headers(tcp6, sizeof tcp6, 60000, GSO_TCP6)), 0);
	assert_true(take_tx(&s));
	assert_int_equal(s.flags, blank | NETTXF_extra_info | NETTXF_more_data);
	assert_int_equal(s.extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(s.extra.flags, 0);
	assert_int_equal(s.extra.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
	assert_int_equal(s.extra.u.gso.size, 1448);
	answer_tx(&s, 0);
	/* A sum elsewhere than the backend would look for it is made here. */
	p = with_headers(udp4, sizeof udp4, 100, 0);
	p->csum_offset = 8;
	assert_int_equal(send_packet(p), 0);
	assert_true(take_tx(&s));
	assert_int_equal(s.flags, 0);
	answer_tx(&s, 0);
	/* Longer than a frame may be: it is cut here. */
	p = with_headers(tcp4, sizeof tcp4, 65535, GSO_TCP4);
	struct netbuf *b = netbuf_alloc(500);
	memset(b->data, 1, 300);
	packet_add_frag(p, b, 0, 300);
	assert_int_equal(send_packet(p), 0);
	for (unsigned i = 0; i < (65835 - 54 + 1447) / 1448; i++) {
		assert_true(take_tx(&s));
		assert_int_equal(s.flags & ~NETTXF_more_data, blank);
		assert_false(s.has_extra);
		answer_tx(&s, 0);
	}
	assert_false(take_tx(&s));
	stop(0);

	clean(); /* a backend that sums IPv6 only */
	offer_all();
	offer("feature-no-csum-offload", "1");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_int_equal(plug(), 0);
	assert_int_equal(front()->netif.features, NETIF_SG | NETIF_CSUM | NETIF_TSO6);
	assert_int_equal(send_packet(with_headers(tcp4, sizeof tcp4, 100, 0)), 0);
	assert_true(take_tx(&s));
	assert_int_equal(s.flags, 0);
	answer_tx(&s, 0);
	assert_int_equal(send_packet(with_headers(tcp6, sizeof tcp6, 100, 0)), 0);
	assert_true(take_tx(&s));
	assert_int_equal(s.flags, blank);
	stop(0);
}

/* A full ring: packets wait in order, an event is asked for once, nothing is lost within limits. */
static void test_full_ring(void **state)
{
	static struct sent s;
	struct netfront *f = start();
	unsigned sent = 0;

	(void)state;
	for (unsigned i = 0; i < 256 + 256; i++)
		assert_int_equal(send_packet(make(100, (uint8_t)i)), 0);
	assert_int_equal(send_packet(make(100, 0)), -ENOBUFS);
	assert_int_equal(tx_room(), 256);
	while (take_tx(&s)) {
		expect_sent(&s, 100, (uint8_t)sent++);
		uint32_t before = backend.tx->rsp_prod;
		answer_tx(&s, NETIF_RSP_OKAY);
		if (backend.tx->rsp_event - before - 1 < backend.tx->rsp_prod - before)
			event(backend.tx_port);
	}
	assert_int_equal(sent, 512);
	assert_int_equal(f->netif.stats.tx_dropped, 0);
	net_enter();
	assert_false(interface->ops->sending(interface));
	net_leave();
	stop(0);
}

static void test_tx_notify(void **state)
{
	static struct sent s;

	(void)state;
	start();
	backend.tx->req_event = backend.tx->req_prod + 1;
	send_packet(make(100, 0));
	assert_int_equal(ports[backend.tx_port].notified, 1);
	send_packet(make(100, 0)); /* it is at work */
	assert_int_equal(ports[backend.tx_port].notified, 1);
	while (take_tx(&s))
		answer_tx(&s, 0);
	backend.tx->req_event = backend.tx->req_prod + 1;
	epoll_busy = true; /* several for one notification */
	send_packet(make(100, 0));
	send_packet(make(100, 0));
	assert_int_equal(ports[backend.tx_port].notified, 1);
	run_timer(&front()->queues[0].poll);
	assert_int_equal(ports[backend.tx_port].notified, 2);
	stop(0);
}

static void test_link(void **state)
{
	struct netfront *f = start();

	(void)state;
	offer("carrier", "0");
	xen_netfront.changed(&device);
	assert_false(f->netif.flags & IFF_RUNNING);
	offer("carrier", "1");
	xen_netfront.changed(&device);
	assert_true(f->netif.flags & IFF_RUNNING);
	offer("carrier", "0");
	xen_netfront.disconnect(&device);
	assert_int_equal(plug(), 0);
	assert_false(f->netif.flags & IFF_RUNNING);
	stop(0);
}

/* The backend goes and comes, in the middle of everything; then the device. */
static void test_reconnect(void **state)
{
	static struct sent s;
	struct netfront *f = start();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		send_packet(make(60000, 0));
		send_packet(make(100, 0));
		plain_frame(5000, (uint8_t)i);
		if (i & 1)
			rx_event_now();
		device.resuming = i % 3 == 0;
		if (device.resuming)
			memset(ports, 0, sizeof ports);
		xen_netfront.disconnect(&device);
		device.resuming = false;
		assert_false(f->netif.flags & IFF_RUNNING);
		net_enter();
		assert_int_equal(interface->ops->xmit(interface, make(100, 0)), -ENETDOWN);
		net_leave();
		assert_int_equal(plug(), 0);
		assert_true(f->netif.flags & IFF_RUNNING);
		assert_int_equal(rx_room(), 256);
		assert_int_equal(send_packet(make(100, 7)), 0);
		assert_true(take_tx(&s));
		expect_sent(&s, 100, 7);
		free_got();
	}
	xen_netfront.disconnect(&device);
	xen_netfront.removed(&device);
	set_node(FRONTEND, "mac", "00:16:3e:ff:00:02");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_ptr_equal(front(), f); /* the same interface */
	assert_int_equal(f->netif.mac[5], 2);
	assert_int_equal(plug(), 0);
	stop(0);
	device.id++;
	set_node(FRONTEND, "mac", "00:16:3e:ff:00:03");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_ptr_not_equal(front(), f);
	xen_netfront.removed(&device);
}

static void join(const char *last, bool add)
{
	static struct netif_link_mcast groups[80];
	unsigned i = (unsigned)atoi(last);

	memcpy(groups[i].mac, (uint8_t[]){1, 0, 0x5e, 0, 0, (uint8_t)i}, ETH_ALEN);
	if (add)
		list_add_tail(&interface->link_mcast, &groups[i].link);
	else
		list_remove(&groups[i].link);
	net_enter();
	interface->ops->set_rx_mode(interface);
	net_leave();
}

static void expect_mcast(unsigned type, uint8_t last, int16_t status)
{
	static struct sent s;

	assert_true(take_tx(&s));
	assert_int_equal(s.len, 0);
	assert_int_equal(s.extra.type, type);
	assert_memory_equal(s.extra.u.mcast.addr, ((uint8_t[]){1, 0, 0x5e, 0, 0, last}), ETH_ALEN);
	answer_tx(&s, status);
}

static void test_multicast(void **state)
{
	struct netfront *f;
	char name[8];

	(void)state;
	clean();
	offer_all();
	offer("feature-dynamic-multicast-control", "1");
	assert_int_equal(xen_netfront.probe(&device), 0);
	assert_int_equal(plug(), 0);
	f = front();
	run_work();
	assert_int_equal(number("request-multicast-control"), 1);
	join("1", true);
	join("2", true);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, 0);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, 0);
	join("1", false);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, 0);
	run_work();
	assert_int_equal(number("request-multicast-control"), 1);
	/* Somebody wants to see everything. */
	f->netif.flags |= IFF_PROMISC;
	join("3", true);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 3, 0);
	run_work();
	assert_int_equal(number("request-multicast-control"), 0);
	f->netif.flags &= ~(unsigned)IFF_PROMISC;
	join("4", true);
	run_work();
	assert_int_equal(number("request-multicast-control"), 1);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 4, 0);
	/* The new backend knows nothing of them. */
	xen_netfront.disconnect(&device);
	assert_int_equal(plug(), 0);
	for (uint8_t i = 2; i <= 4; i++)
		expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, i, 0);
	run_work();
	assert_int_equal(number("request-multicast-control"), 1);
	/* It has no room for more. */
	join("5", true);
	expect_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 5, NETIF_RSP_ERROR);
	send_packet(make(100, 0));
	event(backend.tx_port);
	run_work();
	assert_int_equal(number("request-multicast-control"), 0);
	for (unsigned i = 6; i < 75; i++) {
		snprintf(name, sizeof name, "%u", i);
		join(name, true);
	}
	assert_int_equal(f->mcast.n, 64);
	stop(0);
}

/* ---- a backend that lies ---- */

static void test_lies(void **state)
{
	static const struct netif_rx_response lies[] = {
	    {0, 4096, 0, 1}, {0, 4097, 0, 0},	 {0, 0, 0, 4097},
	    {0, 1, 0, 4096}, {0, 65535, 0, 100}, {0, 0, NETRXF_more_data, 32767},
	};
	static struct sent s;

	(void)state;
	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		start();
		take_rx();
		answer_rx(lies[i]);
		plain_frame(100, 0);
		rx_event_now();
		assert_int_equal(ngot, 0);
		assert_non_null(failure);
		rx_event_now(); /* hands off */
		event(backend.tx_port);
		assert_int_equal(send_packet(make(100, 0)), -ENETDOWN);
		stop_liar(0);
	}
	for (int by = -1; by <= 257; by += 258) { /* more than was asked for; backwards */
		start();
		backend.rx->rsp_prod += (uint32_t)by;
		rx_event_now();
		stop_liar(0);
		start();
		send_packet(make(60000, 0));
		backend.tx->rsp_prod += (uint32_t)by;
		event(backend.tx_port);
		stop_liar(0);
	}
	start(); /* answers twice */
	send_packet(make(100, 0));
	send_packet(make(100, 0));
	take_tx(&s);
	answer_tx(&s, 0);
	answer_tx(&s, 0);
	event(backend.tx_port);
	stop_liar(0);

	start(); /* an id that there is not */
	send_packet(make(100, 0));
	backend.tx->rsp_prod++;
	tx_slot(0)->rsp = (struct netif_tx_response){256, 0};
	event(backend.tx_port);
	stop_liar(0);

	start(); /* extra information of an unknown kind */
	put_frame(NULL, 0, 100, 0, 0, 0, &(struct netif_extra_info){.type = 9});
	rx_event_now();
	stop_liar(0);
}

/* It keeps pages mapped that it has answered for: they are lost, and nobody gets them again. */
static void test_pages_kept(void **state)
{
	static struct sent s;
	uint8_t *page;

	(void)state;
	start();
	grants[rx_slot(backend.rx_cons)->req.gref].held = true;
	plain_frame(3000, 0);
	rx_event_now();
	assert_int_equal(ngot, 0);
	stop_liar(1);

	start();
	__lsan_disable(); /* it is meant to be lost */
	send_packet(make(60000, 0));
	__lsan_enable();
	assert_true(take_tx(&s));
	for (unsigned i = 0; i < GRANTS_MAX; i++)
		if (grants[i].active && grants[i].readonly)
			grants[i].held = true;
	answer_tx(&s, 0);
	event(backend.tx_port);
	assert_int_equal(grant_leaked, 1);
	assert_non_null(failure);
	failure = NULL;
	free_got();
	xen_netfront.disconnect(&device);
	assert_in_range(grant_leaked, 14, 20);

	start(); /* at the end */
	page = granted(rx_slot(3)->req.gref, true);
	grants[rx_slot(3)->req.gref].held = true;
	xen_netfront.disconnect(&device);
	assert_int_equal(grant_leaked, 1);
	assert_true(block_at(virt_to_phys(page)) < BLOCKS_MAX);
	xen_netfront.removed(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_negotiation),
	    cmocka_unit_test(test_mac),
	    cmocka_unit_test(test_receive),
	    cmocka_unit_test(test_receive_outlives),
	    cmocka_unit_test(test_budget),
	    cmocka_unit_test(test_pieces_of_a_frame),
	    cmocka_unit_test(test_receive_offloads),
	    cmocka_unit_test(test_bad_frames),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_rx_notify),
	    cmocka_unit_test(test_send),
	    cmocka_unit_test(test_nothing_else_granted),
	    cmocka_unit_test(test_many_fragments),
	    cmocka_unit_test(test_send_offloads),
	    cmocka_unit_test(test_full_ring),
	    cmocka_unit_test(test_tx_notify),
	    cmocka_unit_test(test_link),
	    cmocka_unit_test(test_reconnect),
	    cmocka_unit_test(test_multicast),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_pages_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
