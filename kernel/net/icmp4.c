/* ICMP for IPv4 (RFC 792, RFC 1122 section 3.2.2): echo, errors in both directions. */
#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/internal.h"
#include "net/net.h"
#include "net/route_internal.h"
#include "time/clock.h"

#define ERROR_LENGTH 576 /* of a whole message (RFC 1812, 4.3.2.3) */

/* What Linux reports for the codes of destination unreachable. */
static const struct {
	uint8_t error;
	bool hard;
} unreachable[] = {
    [ICMP_NET_UNREACH] = {ENETUNREACH, false},	  [ICMP_HOST_UNREACH] = {EHOSTUNREACH, false},
    [ICMP_PROT_UNREACH] = {ENOPROTOOPT, true},	  [ICMP_PORT_UNREACH] = {ECONNREFUSED, true},
    [ICMP_FRAG_NEEDED] = {EMSGSIZE, false},	  [ICMP_SR_FAILED] = {EOPNOTSUPP, false},
    [ICMP_NET_UNKNOWN] = {ENETUNREACH, true},	  [ICMP_HOST_UNKNOWN] = {EHOSTDOWN, true},
    [ICMP_HOST_ISOLATED] = {ENONET, true},	  [ICMP_NET_ANO] = {ENETUNREACH, true},
    [ICMP_HOST_ANO] = {EHOSTUNREACH, true},	  [ICMP_NET_UNR_TOS] = {ENETUNREACH, false},
    [ICMP_HOST_UNR_TOS] = {EHOSTUNREACH, false},  [ICMP_PKT_FILTERED] = {EHOSTUNREACH, true},
    [ICMP_PREC_VIOLATION] = {EHOSTUNREACH, true}, [ICMP_PREC_CUTOFF] = {EHOSTUNREACH, true},
};

bool icmp4_quoted(const uint8_t *ip, uint32_t len, struct icmp_error *e)
{
	be32_t a[2];
	uint32_t hl;

	if (len < 28 || ip[0] >> 4 != 4)
		return false;
	hl = (ip[0] & 15u) * 4;
	if (hl < 20 || len < hl + 8 || (get_be16(ip + 6) & 0x1fff))
		return false;
	memcpy(a, ip + 12, 8);
	e->local = ip_from_v4(a[0]);
	e->remote = ip_from_v4(a[1]);
	e->protocol = ip[9];
	e->length = get_be16(ip + 2);
	e->payload = ip + hl;
	e->payload_len = len - hl;
	return true;
}

/* An error about a packet of ours; data at the ICMP header. */
static void input_error(struct packet *p)
{
	struct icmp_error e = {.type = p->data[0], .code = p->data[1], .offender = p->src};
	uint32_t len = p->len < ERROR_LENGTH ? p->len : ERROR_LENGTH;

	if (packet_need_linear(p, len))
		return;
	if (!icmp4_quoted(p->data + 8, len - 8, &e) || !route_is_local(p->netif, &e.local) ||
	    ip_is_multicast(&e.local))
		return;
	switch (e.type) {
	case ICMP_DEST_UNREACH:
		if (e.code >= sizeof unreachable / sizeof unreachable[0])
			return;
		e.error = unreachable[e.code].error;
		e.hard = unreachable[e.code].hard;
		if (e.code != ICMP_FRAG_NEEDED)
			break;
		e.mtu = get_be16(p->data + 6);
		/* TCP first sees whether the quoted bytes are in flight (RFC 5927, 7.2). */
		if (e.protocol != IPPROTO_TCP)
			route_update_pmtu(&e.remote, e.mtu, e.length);
		break;
	case ICMP_TIME_EXCEEDED:
		e.error = EHOSTUNREACH;
		break;
	case ICMP_PARAMETERPROB:
		e.error = EPROTO;
		e.hard = true;
		break;
	default:
		return;
	}
	icmp_deliver_error(&e);
}

/* RFC 1122, 3.2.2.2: from the present gateway, to one on the same link. */
static void input_redirect(struct packet *p)
{
	struct icmp_error e = {0};
	struct ip_addr gateway;
	be32_t w;

	if (packet_need_linear(p, 36) || p->data[1] > ICMP_REDIR_HOSTTOS)
		return;
	if (!icmp4_quoted(p->data + 8, packet_linear(p) - 8, &e) ||
	    !route_is_local(p->netif, &e.local))
		return;
	memcpy(&w, p->data + 4, 4);
	gateway = ip_from_v4(w);
	if (ip_is_any(&gateway) || ip_is_multicast(&gateway) || ip_is_loopback(&gateway) ||
	    route_is_broadcast(p->netif, &gateway) || route_is_local(p->netif, &gateway))
		return;
	list_for_each_entry (a, &p->netif->addrs, struct ifaddr, link) {
		if (ip_is_v4(&a->addr) && ip_prefix_match(&a->addr, &gateway, a->prefix + 96u)) {
			route_redirect(p->netif, &e.remote, &p->src, &gateway);
			return;
		}
	}
}

/* Sends p, which holds a complete ICMP message, back to where the one it answers came from. */
static void reply(struct packet *p, const struct ip_addr *from, const struct ip_addr *to,
		  uint8_t tos)
{
	struct ip_tx tx = {.src = *from, .dst = *to, .protocol = IPPROTO_ICMP, .tos = tos};
	struct route rt;

	if (route_lookup(&rt, to, from, 0) || rt.broadcast || rt.multicast) {
		packet_free(p);
		return;
	}
	ip_output(p, &rt, &tx);
}

/* Turns a request into its reply, in place. Takes p. */
static void input_echo(struct packet *p)
{
	struct ip_addr from = p->dst, to = p->src;
	uint16_t sum;

	if (p->broadcast || p->multicast || ip_is_multicast(&p->dst) ||
	    route_is_broadcast(p->netif, &p->dst)) { /* Linux's icmp_echo_ignore_broadcasts */
		packet_free(p);
		return;
	}
	if (packet_finish_csum(p) || packet_need_headroom(p, OUTPUT_HEADROOM)) {
		packet_free(p);
		return;
	}
	p->data[0] = ICMP_ECHOREPLY;
	if (p->csum == CSUM_PARTIAL) {
		/* From this machine, and not summed yet: whoever sends it does that. */
		p->csum_start = p->data;
	} else {
		/* RFC 1624: the type word went from 0x0800 to 0. */
		memcpy(&sum, p->data + 2, 2);
		uint32_t s = (uint32_t)sum + hton16(ICMP_ECHO << 8);
		sum = (uint16_t)((s & 0xffff) + (s >> 16));
		memcpy(p->data + 2, &sum, 2);
		p->csum = CSUM_NONE;
	}
	reply(p, &from, &to, p->tos);
}

/* RFC 792, RFC 1122 3.2.2.8. */
static void input_timestamp(const struct packet *p)
{
	struct packet *r;
	uint8_t *m;

	if (p->len < 20 || p->broadcast || p->multicast || ip_is_multicast(&p->dst) ||
	    route_is_broadcast(p->netif, &p->dst))
		return;
	r = packet_alloc(20);
	if (!r)
		return;
	m = packet_put(r, 20);
	packet_read(p, 0, m, 20);
	m[0] = ICMP_TIMESTAMPREPLY;
	m[2] = m[3] = 0;
	uint32_t ms = (uint32_t)(clock_realtime() / 1000000 % 86400000);
	put_be32(m + 12, ms);
	put_be32(m + 16, ms);
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(m, 20, 0));
	memcpy(m + 2, &sum, 2);
	reply(r, &p->dst, &p->src, p->tos);
}

void icmp4_input(struct packet *p)
{
	if (p->len < 8 || packet_need_linear(p, 8))
		goto out;
	if (p->csum == CSUM_NONE && packet_sum(p, 0, p->len, 0) != 0xffff)
		goto out;
	switch (p->data[0]) {
	case ICMP_ECHO:
		input_echo(p);
		return;
	case ICMP_ECHOREPLY:
		ping_input(p);
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		input_error(p);
		break;
	case ICMP_REDIRECT:
		input_redirect(p);
		break;
	case ICMP_TIMESTAMP:
		input_timestamp(p);
		break;
	default:
		break;
	}
out:
	packet_free(p);
}

/* RFC 1122, 3.2.2: what no error may be sent about. Fills the addresses. */
static bool may_complain(const struct packet *p, struct ip_addr *src, struct ip_addr *dst)
{
	const uint8_t *ip = p->l3;
	be32_t a[2];
	uint32_t hl = (ip[0] & 15u) * 4;

	memcpy(a, ip + 12, 8);
	*src = ip_from_v4(a[0]);
	*dst = ip_from_v4(a[1]);
	if (p->broadcast || p->multicast || (get_be16(ip + 6) & 0x1fff))
		return false;
	if (ip_is_any(src) || ip_is_multicast(src) || ip_is_multicast(dst) ||
	    (!p->looped && ip_is_loopback(src)) ||
	    (ip_v4(src) & hton32(0xf0000000)) == hton32(0xf0000000))
		return false;
	if (route_is_broadcast(p->netif, src) || route_is_broadcast(p->netif, dst))
		return false;
	if (ip[9] == IPPROTO_ICMP) {
		uint8_t type[64];
		if (icmp_quote(p, type, hl + 1) < hl + 1)
			return false;
		switch (type[hl]) {
		case ICMP_ECHOREPLY:
		case ICMP_ECHO:
		case ICMP_TIMESTAMP:
		case ICMP_TIMESTAMPREPLY:
		case ICMP_INFO_REQUEST:
		case ICMP_INFO_REPLY:
		case ICMP_ADDRESS:
		case ICMP_ADDRESSREPLY:
			break;
		default:
			return false;
		}
	}
	return true;
}

void icmp4_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info)
{
	struct ip_addr src, dst;
	struct packet *r;
	struct route rt;
	uint32_t n;
	uint8_t *m;

	if (!may_complain(p, &src, &dst) || !icmp_allowed(&src))
		return;
	if (route_lookup(&rt, &src, route_is_local(p->netif, &dst) ? &dst : NULL, 0) ||
	    rt.broadcast || rt.multicast)
		return;
	r = packet_alloc(ERROR_LENGTH - 20);
	if (!r)
		return;
	m = packet_put(r, 8);
	m[0] = type;
	m[1] = code;
	memset(m + 2, 0, 6);
	if (type == ICMP_PARAMETERPROB)
		m[4] = (uint8_t)info;
	else
		put_be32(m + 4, info);
	n = icmp_quote(p, m + 8, ERROR_LENGTH - 28);
	packet_put(r, n);
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(m, n + 8, 0));
	memcpy(m + 2, &sum, 2);
	struct ip_tx tx = {.src = rt.src,
			   .dst = src,
			   .protocol = IPPROTO_ICMP,
			   .tos = (uint8_t)((p->l3[1] & 0x1e) | 0xc0)};
	ip_output(r, &rt, &tx);
}
