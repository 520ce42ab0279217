/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <string.h>
#include "net/checksum.h"

/* A packet whose bytes are 0, 1, 2 ...: linear ones, then fragments of the given sizes. */
static struct packet *make(uint32_t linear, const uint32_t *frags, unsigned n)
{
	struct packet *p = packet_alloc(linear);
	uint8_t next = 0, *at;

	assert_non_null(p);
	at = packet_put(p, linear);
	assert_non_null(at);
	for (uint32_t i = 0; i < linear; i++)
		at[i] = next++;
	for (unsigned f = 0; f < n; f++) {
		struct netbuf *b = netbuf_alloc(frags[f] + 5);
		for (uint32_t i = 0; i < frags[f]; i++)
			b->data[5 + i] = next++;
		assert_int_equal(packet_add_frag(p, b, 5, frags[f]), 0);
	}
	return p;
}

static void check(const struct packet *p, uint8_t first, uint32_t len)
{
	uint8_t b[4096];

	assert_int_equal(p->len, len);
	packet_read(p, 0, b, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(b[i], (uint8_t)(first + i));
}

static const uint32_t three[] = {33, 100, 7};

static void test_linear(void **state)
{
	(void)state;
	for (uint32_t n = 0; n <= 190; n++) {
		struct packet *p = make(50, three, 3);
		p->l3 = p->data + 10;
		p->csum_start = p->data + 20;
		assert_int_equal(packet_need_linear(p, n), 0);
		assert_true(packet_linear(p) >= n);
		assert_int_equal(p->l3 - p->data, 10);
		assert_int_equal(*p->l3, 10);
		assert_int_equal(*p->csum_start, 20);
		check(p, 0, 190);
		packet_free(p);
	}
	struct packet *p = make(50, three, 3);
	assert_int_equal(packet_need_linear(p, 191), -22);
	assert_int_equal(packet_linearize(p), 0);
	assert_int_equal(p->nfrags, 0);
	check(p, 0, 190);
	packet_free(p);
	host_no_leaks();
}

static void test_skip_and_trim(void **state)
{
	(void)state;
	for (uint32_t skip = 0; skip <= 190; skip++)
		for (uint32_t keep = 0; keep <= 190 - skip; keep += 3) {
			struct packet *p = make(50, three, 3);
			packet_skip(p, skip);
			check(p, (uint8_t)skip, 190 - skip);
			packet_trim(p, keep);
			check(p, (uint8_t)skip, keep);
			packet_free(p);
		}
	host_no_leaks();
}

static void test_sum(void **state)
{
	uint8_t b[190];

	(void)state;
	for (unsigned i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)i;
	struct packet *p = make(50, three, 3);
	for (uint32_t at = 0; at <= 190; at += 2)
		for (uint32_t n = 0; n <= 190 - at; n++)
			assert_int_equal(packet_sum(p, at, n, 77),
					 checksum_fold(checksum_add(b + at, n, 77)));
	packet_free(p);
	host_no_leaks();
}

static void test_clone(void **state)
{
	(void)state;
	for (uint32_t copy = 0; copy <= 60; copy += 5) {
		struct packet *p = make(50, three, 3);
		p->l3 = p->data;
		packet_pull(p, 20);
		p->l4 = p->data;
		struct packet *c = packet_clone(p, copy), *d = packet_copy(p);
		check(c, 20, 170);
		check(d, 20, 170);
		assert_int_equal(d->nfrags, 0);
		assert_int_equal(c->data - c->l3, 20);
		assert_int_equal(*c->l3, 0);
		assert_int_equal(c->l4 - c->data, 0);
		assert_int_equal(d->data - d->l3, 20);
		/* The copy's headers are its own; the rest outlives the original. */
		if (copy) {
			*c->data = 99;
			assert_int_equal(*p->data, 20);
			*c->data = 20;
		}
		packet_free(p);
		check(c, 20, 170);
		assert_int_equal(packet_unshare(c), 0);
		assert_int_equal(packet_need_headroom(c, 150), 0);
		memset(packet_push(c, 150), 1, 150);
		packet_pull(c, 150);
		check(c, 20, 170);
		packet_free(c);
		packet_free(d);
	}
	host_no_leaks();
}

static void test_fragments_full(void **state)
{
	(void)state;
	struct packet *p = packet_alloc(10);
	memset(packet_put(p, 10), 0, 10);
	for (unsigned i = 0; i < PACKET_MAX_FRAGS; i++)
		assert_int_equal(packet_add_frag(p, netbuf_alloc(100), 0, 10), 0);
	assert_int_equal(packet_add_frag(p, netbuf_alloc(100), 0, 10), -28);
	/* Bytes that follow in the same memory need no new fragment. */
	struct netbuf *last = p->frags[PACKET_MAX_FRAGS - 1].buf;
	assert_int_equal(packet_add_frag(p, netbuf_get(last), 10, 5), 0);
	assert_int_equal(p->frags[PACKET_MAX_FRAGS - 1].len, 15);
	struct packet *c = packet_clone(p, 4); /* one fragment too many: copies */
	assert_non_null(c);
	assert_int_equal(c->len, p->len);
	packet_free(c);
	packet_free(p);
	host_no_leaks();
}

/* The stack's share of memory is a wall; acknowledgements find a little more behind it. */
static void test_limit(void **state)
{
	static struct netbuf *b[4096];
	unsigned n = 0;

	(void)state;
	uint64_t before = packet_stats.bytes_limit;
	packet_stats.bytes_limit = 1 << 20;
	while (n < 4096 && (b[n] = netbuf_alloc(4000)))
		n++;
	assert_in_range(n, 200, 256);
	assert_true(packet_memory_pressure());
	assert_null(packet_alloc(1500));
	struct packet *p = packet_alloc(60);
	assert_non_null(p);
	packet_free(p);
	while (n)
		netbuf_put(b[--n]);
	assert_false(packet_memory_pressure());
	packet_stats.bytes_limit = before;
	host_no_leaks();
}

static void test_sizes(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 65536; n = n * 5 / 4 + 1) {
		struct netbuf *b = netbuf_alloc(n);
		assert_true(b->size >= n);
		memset(b->data, 1, b->size);
		netbuf_put(b);
		struct packet *p = packet_alloc(n > 65000 ? 65000 : n);
		assert_int_equal(p->data - p->head, PACKET_HEADROOM);
		assert_non_null(packet_put(p, n > 65000 ? 65000 : n));
		packet_free(p);
	}
	assert_null(netbuf_alloc(65537));
	host_no_leaks();
}

/* A TCP packet of 5000 bytes, cut for a device that cannot. */
static void test_segmentation(void **state)
{
	static const uint32_t big[] = {2000, 3000};
	struct ip_addr s = host_addr("10.0.0.2"), d = host_addr("10.0.0.9");
	struct list out;

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		uint32_t l4 = udp ? 8 : 32;
		struct packet *p = make(0, big, 2);
		uint8_t *h = packet_push(p, l4);
		memset(h, 0, l4);
		if (!udp) {
			h[12] = 8 << 4;
			h[13] = 0x80 | 0x18 | 1; /* CWR PSH ACK FIN */
			put_be32(h + 4, 0xfffffff0);
		}
		p->l4 = p->csum_start = h;
		p->csum_offset = udp ? 6 : 16;
		p->csum = CSUM_PARTIAL;
		p->gso = udp ? GSO_UDP4 : GSO_TCP4;
		p->gso_size = 1400;
		h = packet_push(p, 20);
		memset(h, 0, 20);
		h[0] = 0x45;
		h[9] = udp ? 17 : 6;
		put_be16(h + 4, 0xffff);
		memcpy(h + 12, &s.w[3], 4);
		memcpy(h + 16, &d.w[3], 4);
		p->l3 = h;
		memset(packet_push(p, 14), 0, 14);
		assert_int_equal(packet_segment(p, false, &out), 0);
		uint32_t at = 0, count = 0;
		list_for_each_entry_safe (q, &out, struct packet, link) {
			uint8_t b[2000];
			uint32_t payload = at + 1400 < 5000 ? 1400 : 5000 - at;
			bool last = at + payload == 5000;
			assert_int_equal(q->len, 14 + 20 + l4 + payload);
			packet_read(q, 0, b, q->len);
			assert_int_equal(get_be16(b + 16), 20 + l4 + payload);
			assert_int_equal(get_be16(b + 18), (uint16_t)(0xffff + count));
			assert_int_equal(checksum_fold(checksum_add(b + 14, 20, 0)), 0xffff);
			uint64_t pseudo = checksum_pseudo(&s, &d, udp ? 17 : 6, l4 + payload);
			assert_int_equal(checksum_fold(checksum_add(b + 34, l4 + payload,
								    checksum_fold(pseudo))),
					 0xffff);
			if (udp) {
				assert_int_equal(get_be16(b + 38), 8 + payload);
			} else {
				assert_int_equal(get_be32(b + 38), 0xfffffff0 + at);
				assert_int_equal(b[47], (count ? 0 : 0x80) | 0x10 | (last ? 9 : 0));
			}
			for (uint32_t i = 0; i < payload; i++)
				assert_int_equal(b[34 + l4 + i], (uint8_t)(at + i));
			list_remove(&q->link);
			packet_free(q);
			at += payload;
			count++;
		}
		assert_int_equal(count, 4);
	}
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_linear),
	    cmocka_unit_test(test_skip_and_trim),
	    cmocka_unit_test(test_sum),
	    cmocka_unit_test(test_clone),
	    cmocka_unit_test(test_fragments_full),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_segmentation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
