/*
 * IPv6 stateless address configuration: router solicitation and advertisements (RFC 4861 section
 * 6.3, RFC 4862, RFC 4191, RFC 8106). Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/addr.h"

struct netif;
struct packet;

/* Starts asking for routers. 0, -ENOMEM. */
int slaac_start(struct netif *n);
/* True while no global address has been made of an advertisement yet. */
bool slaac_pending(const struct netif *n);

/*
 * A router advertisement: checksum, hop limit 255 and link-local source have been verified, data
 * at the ICMPv6 header. Takes p. Ignored where n->slaac is not set.
 */
void slaac_input_ra(struct packet *p);
/* The interface identifier of n's link-local address (modified EUI-64, RFC 4291 appendix A), in
 * the last eight bytes of addr, after fe80::. */
void slaac_link_local(const struct netif *n, struct ip_addr *addr);
/* Duplicate address detection has found a to be somebody else's. */
void slaac_duplicate(struct netif *n, const struct ip_addr *a);
