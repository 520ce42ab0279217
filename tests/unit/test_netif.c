/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <string.h>
#include "net/checksum.h"
#include "net/mcast.h"

static int start(void **state)
{
	(void)state;
	host_start();
	host_resolve("10.0.0.9");
	host_drop_sent();
	return 0;
}

static struct packet *tcp_packet(uint32_t payload, uint8_t gso)
{
	struct packet *p = packet_alloc(20);
	uint8_t *h = packet_put(p, 20);

	memset(h, 0, 20);
	h[12] = 5 << 4;
	while (payload) {
		uint32_t n = payload < 4000 ? payload : 4000;
		struct netbuf *b = netbuf_alloc(n);
		memset(b->data, 0x5a, n);
		assert_int_equal(packet_add_frag(p, b, 0, n), 0);
		payload -= n;
	}
	p->gso = gso;
	p->gso_size = gso ? 1448 : 0;
	p->csum = CSUM_PARTIAL;
	p->csum_start = h;
	p->csum_offset = 16;
	return p;
}

static int send_tcp(const char *to, uint32_t payload, uint8_t gso)
{
	struct ip_addr dst = host_addr(to);
	struct route rt;
	int err;

	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 6, .df = true};
	struct packet *p = tcp_packet(payload, gso);
	uint16_t sum = checksum_fold(checksum_pseudo(&tx.src, &dst, 6, p->len));
	memcpy(p->data + 16, &sum, 2);
	err = ip_output(p, &rt, &tx);
	net_leave();
	return err;
}

static void right(const struct frame *r)
{
	struct ip_addr s, d;
	be32_t a[2];

	memcpy(a, r->b + 26, 8);
	s = ip_from_v4(a[0]);
	d = ip_from_v4(a[1]);
	uint64_t pseudo = checksum_pseudo(&s, &d, 6, r->len - 34);
	assert_int_equal(checksum_fold(checksum_add(r->b + 34, r->len - 34, checksum_fold(pseudo))),
			 0xffff);
}

/* What a driver lacks is done for it. */
static void test_features(void **state)
{
	unsigned all = host_eth.features;
	struct frame *r;

	(void)state;
	assert_int_equal(send_tcp("10.0.0.9", 20000, GSO_TCP4), 0);
	r = host_sent();
	assert_int_equal(r->len, 14 + 40 + 20000);
	assert_int_equal(r->gso, GSO_TCP4);
	assert_int_equal(r->csum, CSUM_PARTIAL);
	assert_null(host_sent());
	static const unsigned lacking[] = {NETIF_TSO4, NETIF_TSO4 | NETIF_CSUM,
					   NETIF_TSO4 | NETIF_CSUM | NETIF_SG};
	for (unsigned i = 0; i < 3; i++) {
		unsigned n = 0;
		uint32_t bytes = 0;
		host_eth.features = all & ~lacking[i];
		assert_int_equal(send_tcp("10.0.0.9", 20000, GSO_TCP4), 0);
		while ((r = host_sent())) {
			assert_int_equal(get_be32(r->b + 38), bytes);
			bytes += r->len - 54;
			n++;
			if (i)
				right(r);
			else
				assert_int_equal(r->csum, CSUM_PARTIAL);
		}
		assert_int_equal(bytes, 20000);
		assert_int_equal(n, 14);
		assert_int_equal(send_tcp("10.0.0.9", 1000, 0), 0);
		r = host_sent();
		if (i)
			right(r);
	}
	host_eth.features = all;
	assert_int_equal(send_tcp("10.0.0.9", 3000, 0), -90); /* DF and no segmentation asked for */
	host_no_leaks();
}

static void test_states(void **state)
{
	uint64_t dropped = host_eth.stats.tx_dropped;

	(void)state;
	/* No cable: lost, as on any wire; the neighbour is forgotten. */
	net_enter();
	netif_set_link(&host_eth, false);
	net_leave();
	assert_int_equal(send_tcp("10.0.0.9", 100, 0), 0);
	assert_null(host_sent());
	assert_true(host_eth.stats.tx_dropped > dropped);
	net_enter();
	netif_set_link(&host_eth, true);
	net_leave();
	host_advance(3 * SECOND);
	host_drop_sent();
	host_resolve("10.0.0.9");
	host_drop_sent();
	assert_int_equal(send_tcp("10.0.0.9", 100, 0), 0);
	assert_non_null(host_sent());
	net_enter();
	assert_int_equal(netif_set_mtu(&host_eth, 60), -22);
	assert_int_equal(netif_set_mtu(&host_eth, 9000), 0);
	net_leave();
	assert_int_equal(send_tcp("10.0.0.9", 3000, 0), 0);
	assert_int_equal(host_sent()->len, 3054);
	net_enter();
	assert_int_equal(netif_set_mtu(&host_eth, 1500), 0);
	net_leave();
	host_no_leaks();
}

/* Frames for others, with tags, too short. */
static void test_input(void **state)
{
	uint8_t f[100], m[40] = {0};
	uint32_t len;

	(void)state;
	host_udp_count = 0;
	len = host_ip4(f, "10.0.0.9", "10.0.0.2", 17, 1, 0, m, 40);
	f[5] ^= 1;
	host_receive(f, len);
	assert_int_equal(host_udp_count, 0);
	f[5] ^= 1;
	host_receive(f, len);
	assert_int_equal(host_udp_count, 1);
	put_be16(f + 12, 0x8100);
	host_receive(f, len);
	put_be16(f + 12, 0x0800);
	for (uint32_t n = 0; n < len; n++)
		host_receive(f, n);
	assert_int_equal(host_udp_count, 1);
	/* Padding goes; a length beyond the frame is no datagram. */
	memset(f + len, 0xee, 10);
	host_receive(f, len + 10);
	assert_int_equal(host_udp_count, 2);
	assert_int_equal(host_udp->len, 40);
	host_eth.raw = true;
	host_receive(f, len);
	assert_int_equal(host_udp_count, 2);
	host_eth.raw = false;
	host_no_leaks();
}

/* Groups and everybody: members on this machine get what we send, unless they do not want it. */
static void test_loops(void **state)
{
	struct ip_addr group = host_addr("239.1.2.3"), all = host_addr("10.0.0.255");
	struct route rt;

	(void)state;
	for (int i = 0; i < 4; i++) {
		net_enter();
		if (i == 1)
			assert_int_equal(mcast_join(&host_eth, &group), 0);
		assert_int_equal(route_lookup(&rt, i == 3 ? &all : &group, NULL, 0), 0);
		struct ip_tx tx = {
		    .src = rt.src, .dst = i == 3 ? all : group, .protocol = 17, .no_loop = i == 2};
		struct packet *p = packet_alloc(20);
		memset(packet_put(p, 20), 1, 20);
		host_udp_count = 0;
		assert_int_equal(ip_output(p, &rt, &tx), 0);
		net_leave();
		assert_int_equal(host_udp_count, i == 1 || i == 3);
		if (host_udp_count) {
			assert_ptr_equal(host_udp->netif, &host_eth);
			assert_true(host_udp->looped);
			assert_int_equal(host_udp->multicast, i == 1);
			assert_int_equal(host_udp->broadcast, i == 3);
		}
		host_drop_sent();
	}
	net_enter();
	assert_int_equal(mcast_leave(&host_eth, &group), 0);
	net_leave();
	host_advance(60 * SECOND);
	host_no_leaks();
}

/* A dialogue of two that never ends does not keep the caller. */
static unsigned answers;
static void answer(struct packet *p)
{
	struct ip_tx tx = {.src = p->dst, .dst = p->src, .protocol = 99};
	struct route rt;

	answers++;
	route_lookup(&rt, &tx.dst, NULL, 0);
	struct packet *q = packet_alloc(20);
	memset(packet_put(q, 20), 1, 20);
	ip_output(q, &rt, &tx);
}

bool raw_input(const struct packet *p)
{
	if (p->protocol != 99 || !p->looped)
		return false;
	struct packet *c = packet_copy(p);
	answer(c);
	packet_free(c);
	return true;
}

static void test_endless(void **state)
{
	struct ip_addr a = host_addr("127.0.0.1");
	struct ip_tx tx = {.src = a, .dst = a, .protocol = 99};
	struct route rt;

	(void)state;
	net_enter();
	route_lookup(&rt, &a, NULL, 0);
	struct packet *q = packet_alloc(20);
	memset(packet_put(q, 20), 1, 20);
	ip_output(q, &rt, &tx);
	net_leave();
	assert_in_range(answers, 1000, 100000);
	unsigned before = answers;
	host_advance(2000);
	assert_true(answers > before);
	net_enter();
	netif_set_up(netif_loopback, false); /* the only way to end it */
	net_leave();
	host_advance(SECOND);
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_features), cmocka_unit_test(test_states),
	    cmocka_unit_test(test_input),    cmocka_unit_test(test_loops),
	    cmocka_unit_test(test_endless),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
