/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c */
#include "net/host.h"
#include <stdio.h>
#include <string.h>

static int start(void **state)
{
	(void)state;
	host_start();
	return 0;
}

static uint32_t arp(uint8_t *f, uint16_t op, const uint8_t *sha, const char *spa, const char *tpa,
		    bool everybody)
{
	struct ip_addr s = host_addr(spa), t = host_addr(tpa);

	memcpy(f, host_mac, 6);
	if (everybody)
		memset(f, 0xff, 6);
	memcpy(f + 6, sha, 6);
	memcpy(f + 12, "\x08\x06\0\1\x08\0\6\4", 8);
	put_be16(f + 20, op);
	memcpy(f + 22, sha, 6);
	memcpy(f + 28, &s.w[3], 4);
	memset(f + 32, 0, 6);
	memcpy(f + 38, &t.w[3], 4);
	return 42;
}

static struct neighbour *nb(const char *text)
{
	struct ip_addr a = host_addr(text);
	return neighbour_find(&host_eth, &a);
}

static int send_to(const char *text)
{
	struct ip_addr dst = host_addr(text);
	struct route rt;
	int err;

	net_enter();
	err = route_lookup(&rt, &dst, NULL, 0);
	if (!err) {
		struct ip_tx tx = {.src = rt.src, .dst = dst, .protocol = 17};
		struct packet *p = packet_alloc(16);
		memset(packet_put(p, 16), 0x33, 16);
		err = ip_output(p, &rt, &tx);
	}
	net_leave();
	return err;
}

static bool is_request(const struct frame *r, const char *target, const uint8_t *to)
{
	struct ip_addr t = host_addr(target);
	return r && get_be16(r->b + 12) == 0x806 && r->b[21] == 1 &&
	       !memcmp(r->b + 38, &t.w[3], 4) && !memcmp(r->b, to, 6);
}

static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* The states in order: RFC 4861, 7.3.2. */
static void test_states(void **state)
{
	uint8_t f[60];

	(void)state;
	assert_int_equal(send_to("10.0.0.50"), 0);
	assert_true(is_request(host_sent(), "10.0.0.50", all));
	assert_int_equal(nb("10.0.0.50")->state, NUD_INCOMPLETE);
	assert_int_equal(send_to("10.0.0.50"), 0);
	assert_null(host_sent()); /* not asked again for every packet */
	host_advance(SECOND + 1);
	assert_true(is_request(host_sent(), "10.0.0.50", all));
	host_receive(f, arp(f, 2, peer_mac, "10.0.0.50", "10.0.0.2", false));
	assert_int_equal(nb("10.0.0.50")->state, NUD_REACHABLE);
	assert_int_equal(host_sent()->b[23], 17);
	assert_int_equal(host_sent()->b[23], 17);
	assert_null(host_sent());
	/* Progress keeps it fresh. */
	struct ip_addr dst = host_addr("10.0.0.50");
	struct route rt;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
		assert_non_null(rt.neighbour);
		neighbour_confirm(&rt);
		host_advance(10 * SECOND);
		assert_int_equal(nb("10.0.0.50")->state, NUD_REACHABLE);
	}
	host_advance(100 * SECOND);
	assert_int_equal(nb("10.0.0.50")->state, NUD_STALE);
	assert_null(host_sent());
	send_to("10.0.0.50");
	assert_int_equal(nb("10.0.0.50")->state, NUD_DELAY);
	assert_int_equal(host_sent()->b[23], 17);
	host_advance(5 * SECOND + 1);
	assert_int_equal(nb("10.0.0.50")->state, NUD_PROBE);
	assert_true(is_request(host_sent(), "10.0.0.50", peer_mac)); /* to him alone */
	host_receive(f, arp(f, 2, peer_mac, "10.0.0.50", "10.0.0.2", false));
	assert_int_equal(nb("10.0.0.50")->state, NUD_REACHABLE);
	host_advance(100 * SECOND);
	send_to("10.0.0.50");
	host_advance(20 * SECOND); /* silence */
	assert_int_equal(nb("10.0.0.50")->state, NUD_FAILED);
	host_drop_sent();
	/* The next packet asks everybody anew. */
	send_to("10.0.0.50");
	assert_true(is_request(host_sent(), "10.0.0.50", all));
	host_advance(10 * SECOND);
	host_no_leaks();
}

/* RFC 826: who asks us is entered; who asks others is not; known ones are brought up to date. */
static void test_learning(void **state)
{
	static const uint8_t moved[6] = {2, 0, 0, 0, 0, 0x99};
	uint8_t f[60];
	struct frame *r;

	(void)state;
	host_receive(f, arp(f, 1, peer_mac, "10.0.0.60", "10.0.0.2", true));
	r = host_sent();
	assert_non_null(r);
	assert_int_equal(r->b[21], 2);
	assert_memory_equal(r->b, peer_mac, 6);
	assert_memory_equal(r->b + 22, host_mac, 6);
	assert_int_equal(nb("10.0.0.60")->state, NUD_STALE);
	host_receive(f, arp(f, 1, peer_mac, "10.0.0.61", "10.0.0.3", true));
	assert_null(nb("10.0.0.61"));
	host_receive(f, arp(f, 2, peer_mac, "10.0.0.61", "10.0.0.61", true));
	assert_null(nb("10.0.0.61"));
	host_receive(f, arp(f, 1, moved, "10.0.0.60", "10.0.0.60", true));
	assert_memory_equal(neighbour_mac(nb("10.0.0.60")), moved, 6);
	/* A probe (RFC 5227) is answered, and its sender, who has no address, not entered. */
	host_receive(f, arp(f, 1, peer_mac, "0.0.0.0", "10.0.0.2", true));
	assert_int_equal(host_sent()->b[21], 2);
	assert_null(nb("0.0.0.0"));
	/* Somebody claims our address: defended, once in ten seconds. */
	host_receive(f, arp(f, 1, peer_mac, "10.0.0.2", "10.0.0.2", true));
	assert_true(is_request(host_sent(), "10.0.0.2", all));
	host_receive(f, arp(f, 1, peer_mac, "10.0.0.2", "10.0.0.2", true));
	assert_null(host_sent());
	assert_null(nb("10.0.0.2"));
	/* Nonsense. */
	uint32_t len = arp(f, 1, peer_mac, "10.0.0.62", "10.0.0.2", true);
	f[18] = 8;
	host_receive(f, len);
	arp(f, 1, peer_mac, "10.0.0.62", "10.0.0.2", true);
	for (uint32_t n = 0; n < 42; n++)
		host_receive(f, n);
	assert_null(nb("10.0.0.62"));
	assert_null(host_sent());
	host_no_leaks();
}

/* A flood of strangers does not push out whom we talk to, nor takes memory without end. */
static void test_flood(void **state)
{
	uint8_t f[60], mac[6] = {2, 7};
	struct ip_addr dst = host_addr("10.0.0.70");
	struct route rt;
	char text[20];

	(void)state;
	host_receive(f, arp(f, 1, peer_mac, "10.0.0.70", "10.0.0.2", true));
	host_drop_sent();
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_non_null(rt.neighbour);
	net_leave();
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "10.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		put_be16(mac + 4, (uint16_t)i);
		host_receive(f, arp(f, 1, mac, text, "10.0.0.2", true));
		host_drop_sent();
	}
	assert_true(neighbour_count <= 1024);
	assert_true(route_valid(&rt));
	assert_ptr_equal(nb("10.0.0.70"), rt.neighbour);
	/* Packets to addresses that nobody has. */
	struct route_entry wide = {.dst = host_addr("11.0.0.0"),
				   .prefix = 96 + 8,
				   .type = 1,
				   .netif = &host_eth,
				   .expires = UINT64_MAX};
	net_enter();
	assert_int_equal(route_add(&wide), 0);
	net_leave();
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "11.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		send_to(text);
		send_to(text);
		host_drop_sent();
	}
	assert_true(neighbour_count <= 1024);
	assert_true(packet_stats.packets <= 1024);
	net_enter();
	assert_int_equal(route_del(&wide), 0);
	neighbour_flush(&host_eth);
	net_leave();
	host_advance(10 * SECOND);
	host_no_leaks();
}

/* RFC 4861, 7.2.5: what an advertisement does to an entry, by its flags. */
static void test_advertisements(void **state)
{
	struct ip_addr a = host_addr("2001:db8::80");
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 0x98};

	(void)state;
	net_enter();
	neighbour_learn(&host_eth, &a, peer_mac, false, true, true);
	assert_null(neighbour_find(&host_eth, &a)); /* not asked for: not entered */
	neighbour_learn(&host_eth, &a, peer_mac, true, false, true);
	assert_int_equal(nb("2001:db8::80")->state, NUD_STALE);
	neighbour_learn(&host_eth, &a, peer_mac, false, true, false);
	assert_int_equal(nb("2001:db8::80")->state, NUD_REACHABLE);
	neighbour_learn(&host_eth, &a, other, false, true, false); /* no override */
	assert_int_equal(nb("2001:db8::80")->state, NUD_STALE);
	assert_memory_equal(neighbour_mac(nb("2001:db8::80")), peer_mac, 6);
	neighbour_learn(&host_eth, &a, other, false, false, true);
	assert_int_equal(nb("2001:db8::80")->state, NUD_STALE);
	assert_memory_equal(neighbour_mac(nb("2001:db8::80")), other, 6);
	assert_int_equal(neighbour_set(&host_eth, &a, peer_mac, NUD_PERMANENT), 0);
	neighbour_learn(&host_eth, &a, other, false, true, true);
	assert_memory_equal(neighbour_mac(nb("2001:db8::80")), peer_mac, 6);
	assert_int_equal(neighbour_delete(&host_eth, &a), 0);
	assert_int_equal(neighbour_delete(&host_eth, &a), -2);
	net_leave();
	host_advance(100 * SECOND);
	host_no_leaks();
}

/* RFC 4861, 7.3.3: a gateway that does not answer gives way to another. */
static void test_dead_gateway(void **state)
{
	struct route_entry second = {.dst = host_addr("0.0.0.0"),
				     .prefix = 96,
				     .type = 1,
				     .metric = 100,
				     .gateway = host_addr("10.0.0.100"),
				     .expires = UINT64_MAX};
	struct ip_addr dst = host_addr("8.8.8.8");
	struct route rt;

	(void)state;
	net_enter();
	assert_int_equal(route_add(&second), 0);
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 1);
	net_leave();
	send_to("8.8.8.8");
	host_advance(4 * SECOND);
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 100);
	net_leave();
	send_to("8.8.8.8");
	host_advance(4 * SECOND); /* both: the first again */
	net_enter();
	assert_int_equal(route_lookup(&rt, &dst, NULL, 0), 0);
	assert_int_equal(rt.next_hop.b[15], 1);
	assert_int_equal(route_del(&second), 0);
	net_leave();
	host_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_states),	 cmocka_unit_test(test_learning),
	    cmocka_unit_test(test_flood),	 cmocka_unit_test(test_advertisements),
	    cmocka_unit_test(test_dead_gateway),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
