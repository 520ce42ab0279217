/*
 * Whole frames, made by hand: for the protocols that talk before there are addresses and below
 * routes and neighbours (DHCP, IGMP, MLD, router solicitation, ARP probes). Lock: net_lock.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <linux/if_ether.h>
#include "net/addr.h"

struct netif;

struct frame_ip {
	const uint8_t *mac;	 /* destination; NULL: that of the group dst */
	struct ip_addr src, dst; /* one family */
	uint8_t protocol, ttl, tos;
	bool router_alert; /* RFC 2113, RFC 2711 */
};

/*
 * Sends a datagram with n bytes of payload (the transport header included). For ICMPv6 the checksum
 * at payload + 2 is filled in. 0, -ENOMEM, -EMSGSIZE, or what netif_xmit says.
 */
int frame_send_ip(struct netif *n, const struct frame_ip *f, void *payload, size_t len);
/* The same for UDP over IPv4, ports in host order; n bytes of data. */
int frame_send_udp4(struct netif *n, const struct frame_ip *f, uint16_t sport, uint16_t dport,
		    const void *data, size_t len);
/* An ARP request (RFC 826) to everybody; spa 0 makes it a probe, spa == tpa an announcement (RFC
 * 5227). */
int frame_send_arp(struct netif *n, be32_t spa, be32_t tpa);
