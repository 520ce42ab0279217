#include "host.h"
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>
#include "net/checksum.h"
#include "time/clock.h"

uint64_t host_now = SECOND;

uint64_t net_now(void)
{
	return host_now;
}

uint64_t clock_monotonic(void)
{
	return host_now;
}

uint64_t clock_realtime(void)
{
	return host_now + 1700000000 * SECOND;
}

void clock_event_set(uint64_t deadline)
{
	(void)deadline;
}

void random_bytes(void *p, size_t n);
void random_bytes(void *p, size_t n)
{
	static uint64_t state = 88172645463325252ull;
	for (uint8_t *b = p; n--; b++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*b = (uint8_t)(state >> 24);
	}
}

struct uio;
size_t uio_put(struct uio *u, const void *src, size_t n);
__attribute__((weak)) size_t uio_put(struct uio *u, const void *src, size_t n)
{
	(void)u;
	(void)src;
	return n;
}

static int depth;
void net_enter(void)
{
	assert_int_equal(depth++, 0);
}

void net_leave(void)
{
	netif_flush();
	depth--;
}

void host_advance(uint64_t ns)
{
	uint64_t until = host_now + ns;
	while (timer_next() <= until) {
		if (timer_next() > host_now)
			host_now = timer_next();
		timer_run();
	}
	host_now = until;
}

struct netif host_eth;
const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 2}, peer_mac[6] = {2, 0, 0, 0, 0, 1};
static struct list sent = LIST_INIT(sent);
static struct frame frame;

static int xmit(struct netif *n, struct packet *p)
{
	(void)n;
	list_add_tail(&sent, &p->link);
	return 0;
}

static void flush(struct netif *n)
{
	(void)n;
}

static const struct netif_ops ops = {.xmit = xmit, .flush = flush};

struct ip_addr host_addr(const char *text)
{
	struct ip_addr a;
	assert_true(ip_parse(text, &a));
	return a;
}

void host_start(void)
{
	struct ip_addr a4 = host_addr("10.0.0.2"), a6 = host_addr("2001:db8::2");
	struct route_entry gw = {.dst = host_addr("0.0.0.0"),
				 .prefix = 96,
				 .type = 1,
				 .gateway = host_addr("10.0.0.1"),
				 .expires = UINT64_MAX};
	struct route_entry gw6 = {.prefix = 0,
				  .type = 1,
				  .gateway = host_addr("fe80::1"),
				  .expires = UINT64_MAX,
				  .netif = &host_eth};

	ip_init();
	loopback_init();
	net_enter();
	host_eth.type = ARPHRD_ETHER;
	memcpy(host_eth.mac, host_mac, 6);
	host_eth.mtu = 1500;
	host_eth.flags = IFF_RUNNING;
	host_eth.features = NETIF_CSUM | NETIF_SG | NETIF_TSO4 | NETIF_TSO6;
	host_eth.ops = &ops;
	netif_register(&host_eth, "eth%d");
	assert_string_equal(host_eth.name, "eth0");
	assert_int_equal(netif_set_up(&host_eth, true), 0);
	assert_int_equal(ifaddr_add(&host_eth, &a4, 24, IFADDR_STATIC, UINT64_MAX, UINT64_MAX), 0);
	assert_int_equal(ifaddr_add(&host_eth, &a6, 64, IFADDR_STATIC, UINT64_MAX, UINT64_MAX), 0);
	assert_int_equal(route_add(&gw), 0);
	assert_int_equal(route_add(&gw6), 0);
	net_leave();
	host_advance(3 * SECOND); /* DAD, announcements */
	host_drop_sent();
}

struct frame *host_sent(void)
{
	if (list_empty(&sent))
		return NULL;
	struct packet *p = list_entry(sent.next, struct packet, link);
	list_remove(&p->link);
	frame.len = p->len;
	assert_true(p->len <= sizeof frame.b);
	packet_read(p, 0, frame.b, p->len);
	frame.csum = p->csum;
	frame.gso = p->gso;
	packet_free(p);
	return &frame;
}

void host_drop_sent(void)
{
	while (host_sent())
		;
}

void host_receive(const void *f, uint32_t len)
{
	struct netbuf *b = netbuf_alloc(len ? len : 1);
	struct packet *p;

	net_enter();
	memcpy(b->data, f, len);
	p = packet_wrap(b, 0, len);
	netif_input(&host_eth, p);
	netif_input_end();
	net_leave();
}

uint32_t host_ip4(uint8_t *out, const char *src, const char *dst, uint8_t protocol, uint16_t id,
		  uint16_t fragment, const void *payload, uint32_t len)
{
	struct ip_addr s = host_addr(src), d = host_addr(dst);
	uint8_t *h = out + 14;

	memcpy(out, host_mac, 6);
	memcpy(out + 6, peer_mac, 6);
	if (ip_is_multicast(&d))
		ethernet_multicast(&d, out);
	if (ip_v4(&d) == 0xffffffff)
		memset(out, 0xff, 6);
	put_be16(out + 12, 0x800);
	memset(h, 0, 20);
	h[0] = 0x45;
	put_be16(h + 2, (uint16_t)(20 + len));
	put_be16(h + 4, id);
	put_be16(h + 6, fragment);
	h[8] = 64;
	h[9] = protocol;
	memcpy(h + 12, &s.w[3], 4);
	memcpy(h + 16, &d.w[3], 4);
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(h, 20, 0));
	memcpy(h + 10, &sum, 2);
	memcpy(h + 20, payload, len);
	return 34 + len;
}

uint32_t host_ip6(uint8_t *out, const char *src, const char *dst, uint8_t next, const void *payload,
		  uint32_t len)
{
	struct ip_addr s = host_addr(src), d = host_addr(dst);
	uint8_t *h = out + 14;

	memcpy(out, host_mac, 6);
	memcpy(out + 6, peer_mac, 6);
	if (ip_is_multicast(&d))
		ethernet_multicast(&d, out);
	put_be16(out + 12, 0x86dd);
	memset(h, 0, 40);
	h[0] = 0x60;
	put_be16(h + 4, (uint16_t)len);
	h[6] = next;
	h[7] = 255;
	memcpy(h + 8, &s, 16);
	memcpy(h + 24, &d, 16);
	memcpy(h + 40, payload, len);
	return 54 + len;
}

void host_resolve(const char *text)
{
	struct ip_addr a = host_addr(text);

	net_enter();
	neighbour_learn(&host_eth, &a, peer_mac, true, true, true);
	net_leave();
}

struct packet *host_udp, *host_tcp;
unsigned host_udp_count, host_error_count;
struct icmp_error host_error;
uint8_t host_error_payload[1500];

void udp_input(struct packet *p)
{
	packet_free(host_udp);
	host_udp = p;
	host_udp_count++;
}

void tcp_input(struct packet *p)
{
	packet_free(host_tcp);
	host_tcp = p;
}

static void record(const struct icmp_error *e)
{
	host_error = *e;
	assert_true(e->payload_len >= 8 && e->payload_len <= sizeof host_error_payload);
	memcpy(host_error_payload, e->payload, e->payload_len);
	host_error_count++;
}

void udp_icmp_error(const struct icmp_error *e)
{
	record(e);
}

void tcp_icmp_error(const struct icmp_error *e)
{
	record(e);
}

void host_no_leaks(void)
{
	packet_free(host_udp);
	packet_free(host_tcp);
	host_udp = host_tcp = NULL;
	host_drop_sent();
	assert_int_equal(packet_stats.packets, 0);
	assert_int_equal(packet_stats.netbufs, 0);
	assert_int_equal(packet_stats.bytes, 0);
}

__attribute__((weak)) void slaac_link_local(const struct netif *n, struct ip_addr *addr)
{
	*addr = (struct ip_addr){.b = {0xfe, 0x80, [8] = n->mac[0] ^ 2, n->mac[1], n->mac[2], 0xff,
				       0xfe, n->mac[3], n->mac[4], n->mac[5]}};
}
