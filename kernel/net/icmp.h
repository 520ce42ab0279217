/* What ICMP for both families shares: icmp.c; icmp4.c and icmp6.c have the messages. Lock:
 * net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/ip.h"

/* Tells the sender of p (ours; data at its IP header) that it could not be delivered: error is
 * EHOSTUNREACH. p stays the caller's. */
void icmp_local_error(struct packet *p, int error);
/* Hands e to the transport it concerns and to raw sockets. */
void icmp_deliver_error(const struct icmp_error *e);

/* The limits on what others can make us send: so many a second in all, and one a second to each
 * destination with a burst of six (RFC 4443, 2.4 f; as Linux). */
bool icmp_allowed(const struct ip_addr *dst);

/* The datagram that an error quotes: len bytes at ip. Fills local, remote, protocol, payload. False
 * if it is none, or has fewer than 8 bytes of its transport. */
bool icmp4_quoted(const uint8_t *ip, uint32_t len, struct icmp_error *e);
bool icmp6_quoted(const uint8_t *ip, uint32_t len, struct icmp_error *e);
/* What stands behind the extension headers of an IPv6 datagram of which len bytes are at ip: the
 * offset, and *protocol. 0: not within them. *fragment: 1 + its offset if it is a fragment; else 0.
 */
uint32_t ip6_skip_headers(const uint8_t *ip, uint32_t len, uint8_t *protocol, uint32_t *fragment);

void icmp4_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info);
void icmp6_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info);
/* n bytes of p from l3 on into dst, at most what there is; returns how many. */
uint32_t icmp_quote(const struct packet *p, void *dst, uint32_t n);
void icmp_init(void);
