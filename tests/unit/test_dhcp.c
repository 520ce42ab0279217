/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c tests/unit/net/config.c kernel/net/dhcp.c kernel/net/dhcp_lease.c kernel/net/dhcp_message.c kernel/net/resolvconf.c kernel/vfs/textbuf.c kernel/lib/printk.c */
/* The DHCP client against a server made of bytes: RFC 2131, 2132, 3397, 3442, 4039, 5227. */
#include "net/host.h"
#include <string.h>
#include "cmdline.h"
#include "net/checksum.h"
#include "net/config.h"
#include "net/dhcp_internal.h"

#define BOOTP 240 /* bytes before the options */

static struct dhcp *client(void)
{
	return host_eth.dhcp;
}

/* The client's last message: its options' type, and where it is. NULL: it has sent none. */
static uint8_t message[1500];
static uint32_t message_len;
static struct frame last;

static bool next_message(void)
{
	for (struct frame *f; (f = host_sent());) {
		if (get_be16(f->b + 12) != 0x800 || f->b[23] != 17 || get_be16(f->b + 36) != 67)
			continue;
		uint32_t udp = get_be16(f->b + 38);
		struct ip_addr s = {.w = {0, 0, hton32(0xffff)}}, d = s;
		memcpy(&s.w[3], f->b + 26, 4);
		memcpy(&d.w[3], f->b + 30, 4);
		assert_int_equal(checksum_fold(checksum_add(f->b + 14, 20, 0)), 0xffff);
		if (f->csum != CSUM_PARTIAL)
			assert_int_equal(checksum_fold(checksum_add(
					     f->b + 34, udp, checksum_pseudo(&s, &d, 17, udp))),
					 0xffff);
		message_len = udp - 8;
		memcpy(message, f->b + 42, message_len);
		last.len = f->len;
		memcpy(last.b, f->b, f->len);
		return true;
	}
	return false;
}

/* The latest of what was sent. */
static bool latest_message(void)
{
	bool any = false;

	while (next_message())
		any = true;
	return any;
}

static const uint8_t *sent_option(uint8_t code, uint8_t *len)
{
	for (uint32_t i = BOOTP; i < message_len && message[i] != 255; i += 2u + message[i + 1]) {
		if (message[i] == code) {
			*len = message[i + 1];
			return message + i + 2;
		}
	}
	return NULL;
}

static unsigned sent_type(void)
{
	uint8_t len;
	const uint8_t *t = sent_option(53, &len);

	return t && len == 1 ? *t : 0;
}

/* An answer, built up option by option. */
static uint8_t answer[4000];
static uint32_t answer_len;

static void option(uint8_t code, const void *v, uint8_t n)
{
	answer[answer_len++] = code;
	answer[answer_len++] = n;
	memcpy(answer + answer_len, v, n);
	answer_len += n;
}

static void option32(uint8_t code, uint32_t v)
{
	uint8_t b[4];

	put_be32(b, v);
	option(code, b, 4);
}

static void begin(uint8_t type, const char *addr)
{
	struct ip_addr a = host_addr(addr);

	memset(answer, 0, sizeof answer);
	answer[0] = 2;
	answer[1] = 1;
	answer[2] = 6;
	memcpy(answer + 4, message + 4, 4);
	memcpy(answer + 16, &a.w[3], 4);
	memcpy(answer + 28, host_mac, 6);
	put_be32(answer + 236, 0x63825363);
	answer_len = BOOTP;
	option(53, &type, 1);
	option(54, "\x0a\1\0\1", 4);
}

static void send_to(const char *dst)
{
	static uint8_t udp[1600], f[2000];
	struct ip_addr s = host_addr("10.1.0.1"), d = host_addr(dst);

	answer[answer_len++] = 255;
	put_be16(udp, 67);
	put_be16(udp + 2, 68);
	put_be16(udp + 4, (uint16_t)(8 + answer_len));
	put_be16(udp + 6, 0);
	memcpy(udp + 8, answer, answer_len);
	uint16_t sum = (uint16_t)~checksum_fold(
	    checksum_add(udp, 8 + answer_len, checksum_pseudo(&s, &d, 17, 8 + answer_len)));
	memcpy(udp + 6, &sum, 2);
	host_receive(f, host_ip4(f, "10.1.0.1", dst, 17, 1, 0, udp, 8 + answer_len));
}

static void usual_options(void)
{
	option32(51, 3600);
	option(1, "\xff\xff\0\0", 4);
	option(3, "\x0a\1\0\1", 4);
	option(6, "\x0a\1\0\1\x08\x08\x08\x08", 8);
	option(15, "one.test", 8);
}

static bool have(const char *addr)
{
	struct ip_addr a = host_addr(addr);

	return ifaddr_find(&host_eth, &a) != NULL;
}

static const struct route_entry *route_of(const char *dst, unsigned prefix)
{
	struct ip_addr a = host_addr(dst);

	list_for_each_entry (e, &route_list, struct route_entry, link)
		if (e->protocol == 16 && e->prefix == 96 + prefix && ip_equal(&e->dst, &a))
			return e;
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	host_start();
	return 0;
}

/* To the state BOUND with 10.1.0.5/16. */
static void bind_lease(void)
{
	if (!client())
		assert_int_equal(dhcp_start(&host_eth), 0);
	host_advance(SECOND / 100);
	while (sent_type() != 1)
		assert_true(next_message());
	begin(2, "10.1.0.5");
	usual_options();
	send_to("255.255.255.255");
	assert_true(next_message());
	assert_int_equal(sent_type(), 3);
	begin(5, "10.1.0.5");
	usual_options();
	send_to("10.1.0.5"); /* not ours yet: many servers do so */
	host_advance(1000);
	assert_true(have("10.1.0.5"));
}

static void test_lease(void **state)
{
	uint8_t len;
	(void)state;
	net_enter();
	assert_int_equal(dhcp_start(&host_eth), 0);
	net_leave();
	assert_true(dhcp_pending(&host_eth));
	assert_true(next_message());
	assert_int_equal(sent_type(), 1);
	assert_memory_equal(last.b, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(last.b + 26, "\0\0\0\0\xff\xff\xff\xff", 8);
	assert_int_equal(message[10], 0x80); /* broadcast */
	assert_true(message_len >= 300);
	assert_memory_equal(sent_option(61, &len), "\1\2\0\0\0\0\2", 7);
	assert_null(sent_option(12, &len)); /* the name is not the program's */
	bind_lease();
	assert_false(dhcp_pending(&host_eth));
	assert_true(config_progress > 0);
	const struct route_entry *r = route_of("0.0.0.0", 0);
	assert_non_null(r);
	assert_true(ip_v4(&r->gateway) == IP4(10, 1, 0, 1));
	assert_string_equal(config_resolv,
			    "search one.test\nnameserver 10.1.0.1\nnameserver 8.8.8.8\n");
	/* The request named the server and the address. */
	assert_memory_equal(sent_option(50, &len), "\x0a\1\0\5", 4);
	assert_memory_equal(sent_option(54, &len), "\x0a\1\0\1", 4);
}

static void test_renew_and_expire(void **state)
{
	(void)state;
	host_drop_sent();
	host_resolve("10.1.0.1");
	/* T1: half of the lease, to the server alone. */
	host_advance(1795 * SECOND);
	assert_false(next_message());
	host_resolve("10.1.0.1");
	host_advance(10 * SECOND);
	host_resolve("10.1.0.1");
	assert_true(next_message());
	assert_int_equal(sent_type(), 3);
	assert_memory_equal(message + 12, "\x0a\1\0\5", 4);
	assert_memory_equal(last.b + 30, "\x0a\1\0\1", 4);
	begin(5, "10.1.0.5");
	usual_options();
	send_to("10.1.0.5");
	assert_int_equal(client()->state, DHCP_BOUND);
	/* Nobody answers any more: renew, rebind by broadcast, end. */
	bool broadcast = false;
	host_advance(3500 * SECOND);
	while (next_message())
		if (last.b[30] == 0xff)
			broadcast = true;
	assert_true(broadcast);
	assert_true(have("10.1.0.5"));
	host_advance(200 * SECOND);
	assert_false(have("10.1.0.5"));
	assert_null(route_of("0.0.0.0", 0));
	assert_string_equal(config_resolv, "");
	assert_int_equal(client()->state, DHCP_SELECTING);
}

static void test_backoff(void **state)
{
	unsigned n = 0;
	(void)state;
	host_drop_sent();
	host_advance(640 * SECOND);
	while (next_message())
		n++;
	assert_in_range(n, 9, 13); /* at most every 64 s */
}

static void test_nak_starts_again(void **state)
{
	(void)state;
	client()->tries = 0;
	host_advance(70 * SECOND);
	while (next_message())
		;
	begin(2, "10.1.0.5");
	usual_options();
	send_to("255.255.255.255");
	assert_true(latest_message());
	assert_int_equal(sent_type(), 3);
	begin(6, "0.0.0.0");
	send_to("255.255.255.255");
	assert_int_equal(client()->state, DHCP_INIT);
	host_advance(3 * SECOND);
	assert_true(latest_message());
	assert_int_equal(sent_type(), 1);
}

static void arp_claim(const char *ip, const uint8_t *mac)
{
	struct ip_addr a = host_addr(ip);

	net_enter();
	dhcp_arp_input(&host_eth, mac, a.w[3]);
	net_leave();
}

static void test_conflict_is_declined(void **state)
{
	(void)state;
	begin(2, "10.1.0.9");
	usual_options();
	send_to("255.255.255.255");
	assert_true(latest_message());
	arp_claim("10.1.0.9", peer_mac);
	begin(5, "10.1.0.9");
	usual_options();
	send_to("255.255.255.255");
	assert_true(latest_message());
	assert_int_equal(sent_type(), 4);
	assert_false(have("10.1.0.9"));
	host_advance(9 * SECOND);
	assert_false(next_message());
	host_advance(2 * SECOND);
	assert_true(latest_message());
	assert_int_equal(sent_type(), 1);
}

static void test_own_arp_is_no_conflict(void **state)
{
	(void)state;
	begin(2, "10.1.0.5");
	usual_options();
	send_to("255.255.255.255");
	arp_claim("10.1.0.5", host_mac);
	assert_true(latest_message());
	begin(5, "10.1.0.5");
	usual_options();
	option(26, "\x05\x78", 2); /* MTU 1400 */
	/* RFC 3442: default by .1, 10.9/16 by .2, 10.8.8/22 on link; the router option is void */
	option(121, "\0\x0a\1\0\1\x10\x0a\x09\x0a\1\0\2\x16\x0a\x08\x08\0\0\0\0", 20);
	option(119, "\3two\4test\0\5three\xc0\x04", 18);
	send_to("255.255.255.255");
	host_advance(1000);
	assert_true(have("10.1.0.5"));
	assert_int_equal(host_eth.mtu, 1400);
	assert_non_null(route_of("0.0.0.0", 0));
	assert_true(ip_v4(&route_of("10.9.0.0", 16)->gateway) == IP4(10, 1, 0, 2));
	assert_true(ip_is_any(&route_of("10.8.8.0", 22)->gateway));
	assert_string_equal(config_resolv, "search two.test three.test\nnameserver 10.1.0.1\n"
					   "nameserver 8.8.8.8\n");
}

static void test_cable(void **state)
{
	(void)state;
	host_drop_sent();
	net_enter();
	netif_set_link(&host_eth, false);
	net_leave();
	host_advance(5 * SECOND);
	assert_true(have("10.1.0.5"));
	net_enter();
	netif_set_link(&host_eth, true);
	net_leave();
	assert_true(latest_message()); /* is the lease still good here? */
	assert_int_equal(sent_type(), 3);
	assert_int_equal(last.b[30], 0xff);
	begin(6, "0.0.0.0"); /* it is not */
	send_to("255.255.255.255");
	assert_false(have("10.1.0.5"));
	host_advance(SECOND);
	assert_true(latest_message());
	assert_int_equal(sent_type(), 1);
}

static void test_cloud(void **state)
{
	(void)state;
	/* A /32 and a router outside of it. */
	begin(2, "10.200.0.7");
	option32(51, UINT32_MAX);
	option(1, "\xff\xff\xff\xff", 4);
	option(3, "\x0a\xc8\0\1", 4);
	send_to("10.200.0.7");
	assert_true(latest_message());
	begin(5, "10.200.0.7");
	option32(51, UINT32_MAX);
	option(1, "\xff\xff\xff\xff", 4);
	option(3, "\x0a\xc8\0\1", 4);
	send_to("10.200.0.7");
	host_advance(1000);
	assert_true(have("10.200.0.7"));
	assert_non_null(route_of("0.0.0.0", 0));
	assert_non_null(route_of("10.200.0.1", 32));
	host_advance(100000 * SECOND); /* for ever */
	assert_true(have("10.200.0.7"));
}

/* Parsing alone. */

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};

static void blank(struct dhcp_answer *a)
{
	memset(message, 0, 8);
	begin(5, "10.1.0.5");
	memset(a, 0, sizeof *a);
}

static bool parse(struct dhcp_answer *a)
{
	return dhcp_parse(answer, answer_len, 0, mac, a);
}

static void test_parse_refuses(void **state)
{
	struct dhcp_answer a;
	(void)state;
	blank(&a);
	assert_true(parse(&a));
	assert_true(dhcp_parse(answer, answer_len, 0, mac, &a));
	for (size_t n = 0; n < BOOTP; n++)
		assert_false(dhcp_parse(answer, n, 0, mac, &a));
	assert_false(dhcp_parse(answer, answer_len, 1, mac, &a));
	assert_false(dhcp_parse(answer, answer_len, 0, peer_mac, &a));
	static const uint8_t at[] = {0, 1, 2, 236, 239};
	for (size_t i = 0; i < sizeof at; i++) {
		answer[at[i]] ^= 0x40;
		assert_false(parse(&a));
		answer[at[i]] ^= 0x40;
	}
	begin(5, "127.0.0.1");
	assert_false(parse(&a));
	begin(5, "0.0.0.0");
	assert_false(parse(&a));
	begin(1, "10.1.0.5");
	assert_false(parse(&a));
}

static void test_parse_overload_and_split(void **state)
{
	struct dhcp_answer a;
	(void)state;
	blank(&a);
	option(52, "\3", 1);
	option(15, "lo", 2);
	memcpy(answer + 108, "\x0f\4ng.t\xff", 7);		/* file */
	memcpy(answer + 44, "\x0f\3est\x1a\2\x05\xdc\xff", 10); /* sname */
	assert_true(parse(&a));
	assert_string_equal(a.search, "long.test");
	assert_int_equal(a.mtu, 1500);
	/* Without the overload option they are names. */
	blank(&a);
	memcpy(answer + 108, "\x0f\4ng.t\xff", 7);
	assert_true(parse(&a));
	assert_string_equal(a.search, "");
}

static void test_parse_malformed_options(void **state)
{
	struct dhcp_answer a;
	uint8_t v[255];
	(void)state;
	/* Lengths that are not the option's. */
	blank(&a);
	option(51, "\1\2\3", 3);
	option(1, "\xff", 1);
	option(26, "\1", 1);
	option(6, "\1\2\3\4\5", 5);
	assert_true(parse(&a));
	assert_int_equal(a.lease, 0);
	assert_int_equal(a.prefix, 8); /* by class */
	assert_int_equal(a.mtu, 0);
	assert_int_equal(a.ndns, 1);
	/* A mask with holes. */
	blank(&a);
	option(1, "\xff\0\xff\0", 4);
	assert_true(parse(&a));
	assert_int_equal(a.prefix, 8);
	/* Routes: too wide, cut short. */
	blank(&a);
	option(121, "\x21\1\2\3\4\5\6\7\x08", 9);
	assert_true(parse(&a));
	assert_int_equal(a.nroutes, 0);
	blank(&a);
	option(121, "\x18\x0a\1\2\x0a", 5);
	assert_true(parse(&a));
	assert_int_equal(a.nroutes, 0);
	/* Names: pointers to themselves, forwards; labels too long; evil characters. */
	static const char *const names[] = {"\xc0\0",	"\xc0\2\1a",   "\5ab",	  "\3a b\0",
					    "\3a\nb\0", "\1a\xc0\x01", "\x40\x01"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		blank(&a);
		option(119, names[i], (uint8_t)(strlen(names[i]) + 1));
		assert_true(parse(&a));
		assert_string_equal(a.search, "");
	}
	blank(&a);
	option(15, "a b\nnameserver", 14);
	assert_true(parse(&a));
	assert_string_equal(a.search, "");
	/* More than there is room for. */
	blank(&a);
	memset(v, 0, sizeof v);
	for (int i = 0; i < 3; i++)
		option(121, v, 255);
	for (int i = 0; i < 2; i++) {
		memset(v, 'a', sizeof v);
		for (size_t j = 0; j < sizeof v; j += 51)
			v[j] = 50;
		option(119, v, 255);
	}
	assert_true(parse(&a));
	assert_int_equal(a.nroutes, DHCP_ROUTES_MAX);
	assert_true(strlen(a.search) < sizeof a.search);
}

static void test_parse_random(void **state)
{
	struct dhcp_answer a;
	(void)state;
	void random_bytes(void *p, size_t n);
	for (int i = 0; i < 20000; i++) {
		uint8_t n;
		blank(&a);
		random_bytes(&n, 1);
		random_bytes(answer + answer_len, n);
		/* Options that matter are more often there. */
		if (n > 4)
			answer[answer_len] = (uint8_t[]){119, 121, 52, 15, 6, 3}[i % 6];
		answer_len += n;
		uint8_t *exact = malloc(answer_len);
		memcpy(exact, answer, answer_len);
		dhcp_parse(exact, answer_len, 0, mac, &a);
		assert_true(memchr(a.search, 0, sizeof a.search) != NULL);
		assert_true(a.nroutes <= DHCP_ROUTES_MAX && a.prefix <= 32);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lease),
	    cmocka_unit_test(test_renew_and_expire),
	    cmocka_unit_test(test_backoff),
	    cmocka_unit_test(test_nak_starts_again),
	    cmocka_unit_test(test_conflict_is_declined),
	    cmocka_unit_test(test_own_arp_is_no_conflict),
	    cmocka_unit_test(test_cable),
	    cmocka_unit_test(test_cloud),
	    cmocka_unit_test(test_parse_refuses),
	    cmocka_unit_test(test_parse_overload_and_split),
	    cmocka_unit_test(test_parse_malformed_options),
	    cmocka_unit_test(test_parse_random),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
