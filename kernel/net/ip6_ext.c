/* net/ip6_ext.h. */
#include "net/ip6_ext.h"
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "net/icmp.h"
#include "net/internal.h"
#include "net/ip_internal.h"

#define MAX_HEADERS	     8	  /* more serve attacks only (RFC 8504, 5.3) */
#define MAX_BYTES	     1024 /* of all of them together */
#define MAX_OPTIONS	     8	  /* in one header, padding apart (RFC 8504, 5.3) */
#define OPT_PAD1	     0
#define OPT_PADN	     1
#define OPT_ROUTER_ALERT     5
#define PARAM_FIRST_FRAGMENT 3 /* RFC 7112: the first fragment has not all headers */

uint32_t ip6_skip_headers(const uint8_t *ip, uint32_t len, uint8_t *protocol, uint32_t *fragment)
{
	uint32_t at = 40;
	uint8_t next;

	*fragment = 0;
	if (len < 40)
		return 0;
	next = ip[6];
	for (;;) {
		uint32_t size;
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if (len - at < 8)
				return 0;
			size = 8u + ip[at + 1] * 8u;
			break;
		case IPPROTO_FRAGMENT:
			if (len - at < 8)
				return 0;
			*fragment = 1u + (get_be16(ip + at + 2) & ~7u);
			size = 8;
			break;
		default:
			*protocol = next;
			return at;
		}
		next = ip[at];
		if (len - at < size)
			return 0;
		at += size;
		if (*fragment > 1) { /* what follows is the middle of something */
			*protocol = next;
			return at;
		}
	}
}

/* The options of a hop-by-hop or destination header at at, size bytes long. False: drop p. */
static bool check_options(const struct packet *p, uint32_t at, uint32_t size)
{
	const uint8_t *h = p->data;
	uint32_t end = at + size, options = 0;

	for (uint32_t i = at + 2; i < end;) {
		uint32_t len;
		if (h[i] == OPT_PAD1) {
			i++;
			continue;
		}
		if (end - i < 2)
			return false;
		len = 2u + h[i + 1];
		if (len > end - i)
			return false;
		if (h[i] != OPT_PADN && h[i] != OPT_ROUTER_ALERT) {
			uint8_t action = h[i] >> 6; /* RFC 8200, 4.2 */
			if (action == 2 || (action == 3 && p->dst.b[0] != 0xff))
				icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION, i);
			if (action || ++options > MAX_OPTIONS)
				return false;
		}
		i += len;
	}
	return true;
}

/* The fragment header at *offset, named by the field at next_at. As ip6_input_headers. */
static struct packet *fragment(struct packet *p, uint32_t *offset, uint32_t next_at)
{
	const uint8_t *h = p->data + *offset;
	uint16_t word = get_be16(h + 2);
	uint32_t payload = p->len - *offset - 8;
	struct ip_fragment f = {.src = p->src,
				.dst = p->dst,
				.id = get_be32(h + 4),
				.offset = word & ~7u,
				.more = word & 1,
				.header = *offset + 8,
				.keep = *offset,
				.next_at = next_at,
				.next = h[0]};
	uint32_t part;
	uint8_t protocol;

	if (f.more && payload % 8) {
		icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, 4);
		goto drop;
	}
	if (f.offset + payload + *offset - 40 > 65535) {
		icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, *offset + 2);
		goto drop;
	}
	if (!f.offset && f.more) {
		/* RFC 7112: all headers, the transport's beginning included. */
		uint32_t look = p->len < MAX_BYTES + 80 ? p->len : MAX_BYTES + 80;
		if (packet_need_linear(p, look))
			goto drop;
		part = ip6_skip_headers(p->data, look, &protocol, &(uint32_t){0});
		if (!part || part + 8 > p->len) {
			icmp_send_error(p, ICMPV6_PARAMPROB, PARAM_FIRST_FRAGMENT, 0);
			goto drop;
		}
	}
	p = ip_reassemble(p, &f);
	if (p)
		put_be16(p->data + 4, (uint16_t)(p->len - 40));
	return p;
drop:
	packet_free(p);
	return NULL;
}

struct packet *ip6_input_headers(struct packet *p, uint32_t *offset, uint32_t *next_at)
{
	uint8_t next = p->data[6];
	uint32_t at = 40, size;

	for (unsigned count = 0;; count++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT)
			break;
		if (next == IPPROTO_HOPOPTS && at != 40) {
			icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, *next_at);
			goto drop;
		}
		if (count >= MAX_HEADERS || packet_need_linear(p, at + 8))
			goto drop;
		p->ip_options = true;
		if (next == IPPROTO_FRAGMENT) {
			/* One that is not a fragment at all is read on (RFC 6946). */
			if (get_be16(p->data + at + 2) & ~6u) {
				*offset = at;
				p = fragment(p, offset, *next_at);
				if (!p)
					return NULL;
				next = p->data[*next_at];
				continue;
			}
			size = 8;
		} else {
			size = 8u + p->data[at + 1] * 8u;
			if (at + size > 40 + MAX_BYTES || packet_need_linear(p, at + size))
				goto drop;
			if (next != IPPROTO_ROUTING && !check_options(p, at, size))
				goto drop;
			/* Nobody routes through us (RFC 8200, 4.4; RFC 5095). */
			if (next == IPPROTO_ROUTING && p->data[at + 3]) {
				icmp_send_error(p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, at + 2);
				goto drop;
			}
		}
		*next_at = at;
		next = p->data[at];
		at += size;
	}
	if (packet_need_linear(p, at))
		goto drop;
	p->l3 = p->data;
	p->protocol = next;
	*offset = at;
	return p;
drop:
	packet_free(p);
	return NULL;
}
