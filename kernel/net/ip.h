/*
 * IPv4 and IPv6: sending and receiving datagrams. ip4.c, ip6.c; fragments in ip4_frag.c,
 * ip6_frag.c. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/addr.h"
#include "net/route.h"

struct packet;

/* What a sender may choose for one datagram. */
struct ip_tx {
	struct ip_addr src, dst; /* one family */
	uint8_t protocol;
	uint8_t ttl;  /* hop limit; 0: the default */
	uint8_t tos;  /* traffic class */
	bool df;      /* IPv4: set DF; both: never fragment here, -EMSGSIZE instead */
	bool no_loop; /* multicast: members on this machine get no copy (IP_MULTICAST_LOOP 0) */
	uint32_t flow_label;	/* IPv6 */
	const uint8_t *options; /* IPv4 options or IPv6 extension headers, padded; NULL */
	uint16_t options_len;
	uint8_t first_header; /* IPv6 with options: the type of the first of them */
};

/*
 * Sends p, data at the transport header, checksum complete or CSUM_PARTIAL (csum_start at the
 * transport header). Takes p. GSO packets may exceed the MTU. rt must be valid. 0, -EMSGSIZE,
 * -ENOBUFS, -ENETDOWN, -EHOSTUNREACH. Resolving the neighbour happens behind it: a packet may wait
 * there.
 */
int ip_output(struct packet *p, const struct route *rt, const struct ip_tx *tx);
/* Sends p, data at a complete IP header (IP_HDRINCL): lengths, the IPv4 checksum and an
 * identification of 0 are filled in. Takes p. 0, -EMSGSIZE, -EINVAL (no header), or as ip_output.
 */
int ip_output_header(struct packet *p, const struct route *rt);
/* Bytes of headers that ip_output prepends for this destination (without link header). */
static inline uint32_t ip_header_len(const struct ip_addr *dst)
{
	return ip_is_v4(dst) ? 20 : 40;
}

/* A datagram whose header has not been looked at, data at the IP header. Take p. */
void ip4_input(struct packet *p);
void ip6_input(struct packet *p);

/* Transports: data at the transport header, p->l4 == p->data, p->src, dst, protocol, ttl, tos set,
 * reassembled, padding trimmed; at least 8 bytes are linear. Take p. Checksums are theirs to
 * verify. */
void tcp_input(struct packet *p);
void udp_input(struct packet *p);
void icmp4_input(struct packet *p);
void icmp6_input(struct packet *p);
/* Raw sockets: gives copies to those that listen for p->protocol. p stays the caller's. True if any
 * did. Called for every datagram, before the transport. */
bool raw_input(const struct packet *p);

/* An ICMP error about a packet that we sent, translated (RFC 1122 3.2.2, RFC 4443). */
struct icmp_error {
	struct ip_addr local, remote; /* of the packet that caused it: its source and destination */
	struct ip_addr offender;      /* who says so */
	uint8_t protocol;
	uint8_t type, code;
	int error;		/* positive errno: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE ... */
	bool hard;		/* ends a connection attempt (port, protocol unreachable) */
	uint32_t mtu;		/* with EMSGSIZE; 0: the router does not say (RFC 1191, 5) */
	uint32_t length;	/* of the datagram that caused it, as its header says */
	const uint8_t *payload; /* the quoted transport header, */
	uint32_t payload_len;	/* at least 8 bytes */
};
void tcp_icmp_error(const struct icmp_error *e);
void udp_icmp_error(const struct icmp_error *e);
void raw_icmp_error(const struct icmp_error *e); /* raw and ping sockets */

/* Sends an ICMP error about p, data at its IP header (p->l3), rate limited (RFC 1812 4.3.2.8, RFC
 * 4443 2.4 f), never about ICMP errors, multicasts or fragments but the first. p stays the
 * caller's. type and code in the packet's family; info: MTU or pointer, 0. */
void icmp_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info);
/* Port unreachable in either family, data anywhere. For udp_input. */
void icmp_send_port_unreachable(const struct packet *p);

/* Echo replies and errors for ping sockets (SOCK_DGRAM, IPPROTO_ICMP/ICMPV6). p stays the caller's.
 */
bool ping_input(const struct packet *p);
