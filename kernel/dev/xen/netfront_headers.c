/* dev/xen/netfront.h: the headers of frames whose checksum is left to the other end. */
#include <linux/in.h>
#include "dev/xen/netfront.h"

#define IP4_HEADER   20u
#define IP6_HEADER   40u
#define TCP_HEADER   20u
#define UDP_HEADER   8u
#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u

/* RFC 8200, 4.1: headers that may come before the transport's. */
#define HOP_BY_HOP  0
#define ROUTING	    43
#define DESTINATION 60

/* The offset of the transport header, and what it is; 0: none. */
static uint32_t ip4_payload(const uint8_t *frame, uint32_t linear, uint8_t *protocol)
{
	const uint8_t *ip = frame + ETH_HLEN;
	uint32_t header;

	if (linear < ETH_HLEN + IP4_HEADER || ip[0] >> 4 != 4)
		return 0;
	header = (ip[0] & 15u) * 4;
	if (header < IP4_HEADER || get_be16(ip + 6) & 0x3fff) /* a fragment */
		return 0;
	*protocol = ip[9];
	return ETH_HLEN + header;
}

static uint32_t ip6_payload(const uint8_t *frame, uint32_t linear, uint8_t *protocol)
{
	uint32_t at = ETH_HLEN + IP6_HEADER;
	uint8_t next;

	if (linear < at || frame[ETH_HLEN] >> 4 != 6)
		return 0;
	next = frame[ETH_HLEN + 6];
	while (next == HOP_BY_HOP || next == ROUTING || next == DESTINATION) {
		if (linear < at + 8)
			return 0;
		next = frame[at];
		at += frame[at + 1] * 8u + 8;
	}
	*protocol = next;
	return at;
}

bool netfront_find_transport(const uint8_t *frame, uint32_t linear, struct netfront_transport *t)
{
	uint32_t header;
	uint16_t type;
	uint8_t protocol = 0;

	if (linear < ETH_HLEN)
		return false;
	type = get_be16(frame + 12);
	if (type == ETH_P_IP)
		t->start = ip4_payload(frame, linear, &protocol);
	else if (type == ETH_P_IPV6)
		t->start = ip6_payload(frame, linear, &protocol);
	else
		return false;
	t->v6 = type == ETH_P_IPV6;
	t->tcp = protocol == IPPROTO_TCP;
	if (!t->start || (!t->tcp && protocol != IPPROTO_UDP))
		return false;
	header = t->tcp ? TCP_HEADER : UDP_HEADER;
	t->offset = t->tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
	return t->start <= linear && linear - t->start >= header;
}
