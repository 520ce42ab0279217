/* net/icmp.h: limits, and errors on their way to sockets. */
#include "net/icmp.h"
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include "lib/random.h"
#include "lib/siphash.h"
#include "net/internal.h"
#include "net/net.h"

#define SECOND	   1000000000ull
#define ALL_RATE   1000 /* messages a second in all, */
#define ALL_BURST  50
#define PEER_BURST 6 /* and to one destination, at one a second */
#define PEERS	   512

static uint64_t all_tokens, all_stamp; /* tokens in ns of credit */
static struct {
	uint32_t tag;
	uint64_t full_at; /* when its bucket is full again */
} peers[PEERS];
static uint64_t secret[2];

void icmp_init(void)
{
	random_bytes(secret, sizeof secret);
}

bool icmp_allowed(const struct ip_addr *dst)
{
	uint64_t now = net_now(), hash;
	uint64_t full = ALL_BURST * (SECOND / ALL_RATE);

	if (ip_is_loopback(dst))
		return true;
	hash = siphash(secret, dst, sizeof *dst);
	unsigned i = (unsigned)(hash % PEERS);
	uint32_t tag = (uint32_t)(hash >> 32);
	/* A bucket that is full again belongs to nobody. */
	if (peers[i].full_at <= now || (peers[i].tag != tag && peers[i].full_at <= now + SECOND)) {
		peers[i].tag = tag;
		peers[i].full_at = now;
	}
	if (peers[i].full_at + SECOND > now + PEER_BURST * SECOND)
		return false;
	/* A common limit that can be observed from outside betrays ports (CVE-2020-25705): the
	 * credit is taken in amounts that vary. */
	all_tokens += now - all_stamp;
	all_stamp = now;
	if (all_tokens > full)
		all_tokens = full;
	uint64_t price = SECOND / ALL_RATE;
	price += price * (hash >> 24 & 3) / 8;
	if (all_tokens < price)
		return false;
	all_tokens -= price;
	peers[i].full_at += SECOND;
	return true;
}

uint32_t icmp_quote(const struct packet *p, void *dst, uint32_t n)
{
	uint32_t linear = (uint32_t)(p->tail - p->l3), rest = p->len - packet_linear(p);
	uint32_t head = n < linear ? n : linear;

	if (n > linear + rest)
		n = linear + rest;
	memcpy(dst, p->l3, head);
	packet_read(p, packet_linear(p), (uint8_t *)dst + head, n - head);
	return n;
}

void icmp_deliver_error(const struct icmp_error *e)
{
	if (e->protocol == IPPROTO_TCP)
		tcp_icmp_error(e);
	else if (e->protocol == IPPROTO_UDP)
		udp_icmp_error(e);
	raw_icmp_error(e);
}

void icmp_local_error(struct packet *p, int error)
{
	uint32_t len = p->len < 576 ? p->len : 576;
	struct icmp_error e = {.error = error};

	if (packet_need_linear(p, len))
		return;
	if (p->data[0] >> 4 == 4) {
		e.type = ICMP_DEST_UNREACH;
		e.code = ICMP_HOST_UNREACH;
		if (!icmp4_quoted(p->data, len, &e))
			return;
	} else {
		e.type = ICMPV6_DEST_UNREACH;
		e.code = ICMPV6_ADDR_UNREACH;
		if (!icmp6_quoted(p->data, len, &e))
			return;
	}
	e.offender = e.local;
	icmp_deliver_error(&e);
}

void icmp_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info)
{
	if (p->l3[0] >> 4 == 4)
		icmp4_send_error(p, type, code, info);
	else
		icmp6_send_error(p, type, code, info);
}

void icmp_send_port_unreachable(const struct packet *p)
{
	if (p->l3[0] >> 4 == 4)
		icmp4_send_error(p, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		icmp6_send_error(p, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
}
