/* What route.c, route_source.c and route_exception.c tell each other. Lock: net_lock. */
#pragma once
#include "net/route.h"

void route_init(void);
void route_exception_init(void);

/* The best of our addresses to send from over n to dst (RFC 6724 section 5 for IPv6; the one in the
 * next hop's subnet, else the first for IPv4). False if there is none. */
bool route_source(const struct netif *n, const struct ip_addr *dst, const struct ip_addr *next_hop,
		  struct ip_addr *src);

/* A path MTU or a redirect that is known for dst over n changes what the table says. */
void route_exception_apply(const struct ip_addr *dst, const struct netif *n,
			   struct ip_addr *gateway, uint32_t *mtu);
void route_exceptions_forget(const struct netif *n);
/* Has e's gateway not answered lately? */
bool route_gateway_dead(const struct route_entry *e);

/* A broadcast address of n, 255.255.255.255 too. */
bool route_is_broadcast(const struct netif *n, const struct ip_addr *dst);
