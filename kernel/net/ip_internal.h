/* What ip.c, ip4.c, ip6.c and the reassembly tell each other. Lock: net_lock. */
#pragma once
#include "net/ip.h"
#include "net/packet.h"

int ip4_output(struct packet *p, const struct route *rt, const struct ip_tx *tx);
int ip6_output(struct packet *p, const struct route *rt, const struct ip_tx *tx);
int ip4_output_header(struct packet *p, const struct route *rt);
int ip6_output_header(struct packet *p, const struct route *rt);
void ip_loop_copy(const struct packet *p, const struct route *rt, uint16_t ethertype);
void nd_init(void);
void ip_frag_init(void);

/* One fragment on its way into reassembly (ip_frag.c). */
struct ip_fragment {
	struct ip_addr src, dst;
	uint32_t id;	  /* IPv4: 16 bits */
	uint8_t protocol; /* IPv6: 0, the protocol is no part of the key */
	uint32_t offset;  /* in bytes */
	bool more;
	uint32_t header; /* bytes at data that are no payload: the IP header, or all that comes
			    before the fragment header and that itself */
	uint32_t keep;	 /* of those, bytes that the whole datagram begins with */
	uint32_t
	    next_at;  /* IPv6: where the next-header field lies that named the fragment header */
	uint8_t next; /* IPv6: what it says in the whole */
};
/* Takes p, data at the IP header (linear up to f->header). The whole datagram when this was the
 * last missing piece, its length field right, checksum (IPv4) not; else NULL. */
struct packet *ip_reassemble(struct packet *p, const struct ip_fragment *f);
/* Bytes of memory in fragments that wait. */
extern uint64_t ip_frag_memory;
