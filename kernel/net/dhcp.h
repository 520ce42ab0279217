/*
 * The DHCPv4 client (RFC 2131, 2132, 3442). One state machine an interface, driven by timers and
 * the two hooks below; it needs no socket. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct netif;
struct packet;

/* Starts asking for an address. 0, -ENOMEM. */
int dhcp_start(struct netif *n);
/* True while n waits for its first lease and its cable is plugged. */
bool dhcp_pending(const struct netif *n);

/*
 * For ip4_input, where p->netif->dhcp is set: a UDP datagram that is no fragment, data at its
 * checked IPv4 header, addressed to whomever (servers answer to an address that is not ours yet).
 * True if it was an answer to our client, which then has taken p; else p is as it was.
 */
bool dhcp_input(struct packet *p);
/* For arp_input, where n->dhcp is set: somebody with the link address mac claims ip as its own
 * (RFC 5227). */
void dhcp_arp_input(struct netif *n, const uint8_t mac[6], uint32_t ip);
