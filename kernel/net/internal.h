/*
 * What the files of the IP layer tell each other. Lock: net_lock.
 *
 * netif.c sends and receives frames; ethernet.c puts link headers on and takes them off;
 * neighbour.c (with arp.c and nd.c) knows link addresses; ip4.c and ip6.c have the datagrams;
 * route.c the way.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/addr.h"
#include "net/dhcp.h"
#include "net/ip.h"
#include "net/netif.h"
#include "net/packet.h"
#include "net/route.h"
#include "net/slaac.h"

#define ETHER_HEADER 14
/* Room that ip_output needs in front of the transport header, the driver's own included. */
#define OUTPUT_HEADROOM 80

/* A frame without its link header, l3 at data. Takes p. */
void ethernet_input(struct packet *p);
/* Puts the link header in front of an IP packet and sends it; takes p. 0 or -errno. */
int ethernet_output(struct packet *p, const struct route *rt, uint16_t ethertype);
/* As ethernet_output, when the link address is known. */
int ethernet_send(struct netif *n, struct packet *p, const uint8_t dst[ETH_ALEN],
		  uint16_t ethertype);
/* The link address of an IP multicast group (RFC 1112 6.4, RFC 2464 7). */
void ethernet_multicast(const struct ip_addr *group, uint8_t mac[ETH_ALEN]);

void arp_input(struct packet *p);

/* A datagram for ourselves goes round without a link: p (data at the IP header) arrives on n later,
 * in order with what goes over lo. Takes p. */
void loopback_deliver(struct netif *n, struct packet *p, uint16_t ethertype);

/* ifaddr.c, for netif_set_up: the routes of n's addresses, IPv6's link-local address. */
void ifaddr_netif_up(struct netif *n);
void ifaddr_netif_down(struct netif *n);

/* route.c: forgets every route over n. */
void route_netif_down(struct netif *n);
/* Everything that sockets have cached is looked up again. */
static inline void route_changed(void)
{
	if (!++route_generation)
		route_generation = 1;
}
/* Ours to receive on n: an address of any interface; link-local ones only on their own. */
bool route_is_local(const struct netif *n, const struct ip_addr *dst);

/* The address of n to ask for a neighbour from: that of the packet that waits for it (NULL: none)
 * if it is n's own, else the best. False if n has none. */
bool route_solicit_source(struct netif *n, const struct ip_addr *target,
			  const struct packet *waiting, struct ip_addr *src);
/* A neighbour does not answer: routes through it give way to others for a while. */
void route_neighbour_failed(const struct neighbour *nb);
/* A router says that dst is better reached by gateway (RFC 4861, 8.3; RFC 1122, 3.2.2.2). from:
 * who says so; it must be the present next hop. */
void route_redirect(struct netif *n, const struct ip_addr *dst, const struct ip_addr *from,
		    const struct ip_addr *gateway);
