/* ICMPv6 (RFC 4443): echo, errors in both directions; the messages of others are handed on. */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/internal.h"
#include "net/mcast.h"
#include "net/neighbour.h"

#define ERROR_LENGTH		1280 /* of a whole message (RFC 4443, 2.4 c) */
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_SOLICITATION		135
#define ND_ADVERTISEMENT	136
#define ND_REDIRECT		137

/* What Linux reports for the codes of destination unreachable. */
static const struct {
	uint8_t error;
	bool hard;
} unreachable[] = {
    [ICMPV6_NOROUTE] = {ENETUNREACH, false},	    [ICMPV6_ADM_PROHIBITED] = {EACCES, true},
    [ICMPV6_NOT_NEIGHBOUR] = {EHOSTUNREACH, false}, [ICMPV6_ADDR_UNREACH] = {EHOSTUNREACH, false},
    [ICMPV6_PORT_UNREACH] = {ECONNREFUSED, true},   [ICMPV6_POLICY_FAIL] = {EACCES, true},
    [ICMPV6_REJECT_ROUTE] = {EACCES, true},
};

bool icmp6_quoted(const uint8_t *ip, uint32_t len, struct icmp_error *e)
{
	uint32_t fragment, at;

	if (len < 48 || ip[0] >> 4 != 6)
		return false;
	at = ip6_skip_headers(ip, len, &e->protocol, &fragment);
	if (!at || fragment > 1 || len - at < 8)
		return false;
	e->length = 40u + get_be16(ip + 4);
	memcpy(&e->local, ip + 8, 16);
	memcpy(&e->remote, ip + 24, 16);
	if (ip_is_v4(&e->local) || ip_is_v4(&e->remote))
		return false;
	e->payload = ip + at;
	e->payload_len = len - at;
	return true;
}

static void input_error(struct packet *p)
{
	struct icmp_error e = {.type = p->data[0], .code = p->data[1], .offender = p->src};
	uint32_t len = p->len < ERROR_LENGTH ? p->len : ERROR_LENGTH;

	if (len < 8 || packet_need_linear(p, len) || !icmp6_quoted(p->data + 8, len - 8, &e) ||
	    !route_is_local(p->netif, &e.local))
		return;
	switch (e.type) {
	case ICMPV6_DEST_UNREACH:
		if (e.code >= sizeof unreachable / sizeof unreachable[0])
			e.error = EPROTO;
		else
			e.error = unreachable[e.code].error;
		e.hard = e.error == EPROTO || unreachable[e.code].hard;
		break;
	case ICMPV6_PKT_TOOBIG:
		e.error = EMSGSIZE;
		e.mtu = get_be32(p->data + 4);
		/* TCP first sees whether the quoted bytes are in flight (RFC 5927, 7.2). */
		if (e.protocol != IPPROTO_TCP)
			route_update_pmtu(&e.remote, e.mtu ? e.mtu : 1280, 0);
		break;
	case ICMPV6_TIME_EXCEED:
		e.error = EHOSTUNREACH;
		break;
	case ICMPV6_PARAMPROB:
		e.error = EPROTO;
		e.hard = true;
		break;
	default:
		return;
	}
	icmp_deliver_error(&e);
}

/* Turns a request into its reply, in place. Takes p. */
static void input_echo(struct packet *p)
{
	bool group = p->dst.b[0] == 0xff;
	struct ip_tx tx = {.dst = p->src, .protocol = IPPROTO_ICMPV6, .tos = p->tos};
	struct route rt;
	uint16_t sum;

	if (p->len < 8 || ip_is_any(&p->src) || packet_need_headroom(p, OUTPUT_HEADROOM) ||
	    route_lookup(&rt, &p->src, group ? NULL : &p->dst,
			 ip_is_linklocal6(&p->src) && !p->looped ? p->netif->index : 0)) {
		packet_free(p);
		return;
	}
	tx.src = rt.src;
	p->data[0] = ICMPV6_ECHO_REPLY;
	memset(p->data + 2, 0, 2);
	sum = checksum_fold(checksum_pseudo(&tx.src, &tx.dst, IPPROTO_ICMPV6, p->len));
	sum = (uint16_t)~packet_sum(p, 0, p->len, sum);
	memcpy(p->data + 2, &sum, 2);
	p->csum = CSUM_NONE;
	ip_output(p, &rt, &tx);
}

void icmp6_input(struct packet *p)
{
	if (p->len < 4 || packet_need_linear(p, 4))
		goto out;
	if (p->csum == CSUM_NONE) {
		uint16_t pseudo =
		    checksum_fold(checksum_pseudo(&p->src, &p->dst, IPPROTO_ICMPV6, p->len));
		if (packet_sum(p, 0, p->len, pseudo) != 0xffff)
			goto out;
	}
	switch (p->data[0]) {
	case ICMPV6_ECHO_REQUEST:
		input_echo(p);
		return;
	case ICMPV6_ECHO_REPLY:
		ping_input(p);
		break;
	case ICMPV6_DEST_UNREACH:
	case ICMPV6_PKT_TOOBIG:
	case ICMPV6_TIME_EXCEED:
	case ICMPV6_PARAMPROB:
		input_error(p);
		break;
	case ICMPV6_MGM_QUERY:
	case ICMPV6_MGM_REPORT:
	case ICMPV6_MGM_REDUCTION:
	case ICMPV6_MLD2_REPORT:
		mld_input(p);
		return;
	case ND_ROUTER_ADVERTISEMENT: /* RFC 4861, 6.1.2 */
		if (p->ttl != 255 || p->data[1] || p->len < 16 || !ip_is_linklocal6(&p->src) ||
		    p->looped)
			break;
		slaac_input_ra(p);
		return;
	case ND_SOLICITATION:
		nd_input_solicitation(p);
		return;
	case ND_ADVERTISEMENT:
		nd_input_advertisement(p);
		return;
	case ND_REDIRECT:
		nd_input_redirect(p);
		return;
	default:
		break;
	}
out:
	packet_free(p);
}

/* RFC 4443, 2.4 (e): what no error may be sent about. */
static bool may_complain(const struct packet *p, uint8_t type, uint8_t code, struct ip_addr *src,
			 struct ip_addr *dst)
{
	uint8_t headers[256], protocol = 0;
	uint32_t n = icmp_quote(p, headers, sizeof headers), fragment, at;

	if (n < 40)
		return false;
	memcpy(src, headers + 8, 16);
	memcpy(dst, headers + 24, 16);
	if (ip_is_any(src) || src->b[0] == 0xff || ip_is_v4(src) ||
	    (ip_is_loopback(src) && !p->looped))
		return false;
	if ((dst->b[0] == 0xff || p->broadcast || p->multicast) && type != ICMPV6_PKT_TOOBIG &&
	    !(type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_OPTION))
		return false;
	at = ip6_skip_headers(headers, n, &protocol, &fragment);
	if (fragment > 1)
		return false;
	if (!at || protocol != IPPROTO_ICMPV6)
		return true;
	/* Errors, and redirects. What cannot be seen might be one. */
	return at < n && (headers[at] & 0x80) && headers[at] != ND_REDIRECT;
}

void icmp6_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info)
{
	struct ip_addr src, dst;
	struct packet *r;
	struct route rt;
	uint32_t n;
	uint16_t sum;
	uint8_t *m;

	if (!may_complain(p, type, code, &src, &dst) || !icmp_allowed(&src))
		return;
	if (route_lookup(&rt, &src,
			 dst.b[0] != 0xff && route_is_local(p->netif, &dst) ? &dst : NULL,
			 ip_is_linklocal6(&src) && !p->looped ? p->netif->index : 0))
		return;
	r = packet_alloc(ERROR_LENGTH - 40);
	if (!r)
		return;
	m = packet_put(r, 8);
	m[0] = type;
	m[1] = code;
	m[2] = m[3] = 0;
	put_be32(m + 4, info);
	n = icmp_quote(p, m + 8, ERROR_LENGTH - 48);
	packet_put(r, n);
	sum = checksum_fold(checksum_pseudo(&rt.src, &src, IPPROTO_ICMPV6, r->len));
	sum = (uint16_t)~checksum_fold(checksum_add(m, r->len, sum));
	memcpy(m + 2, &sum, 2);
	struct ip_tx tx = {.src = rt.src, .dst = src, .protocol = IPPROTO_ICMPV6};
	ip_output(r, &rt, &tx);
}
