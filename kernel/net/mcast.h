/*
 * Multicast memberships of interfaces (IGMPv3, RFC 3376; MLDv2, RFC 3810): what sockets have
 * joined, merged. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"
#include "net/addr.h"

struct netif;
struct packet;

struct netif_mcast {
	struct list link; /* on netif.multicast */
	struct ip_addr group;
	unsigned users;
	/* Of igmp.c and mld.c. */
	void *report;
};

/* Any-source membership, counted. 0, -EINVAL (not multicast), -ENOMEM, -ENODEV. Source filters are
 * applied by the sockets. */
int mcast_join(struct netif *n, const struct ip_addr *group);
int mcast_leave(struct netif *n, const struct ip_addr *group);
bool mcast_member(const struct netif *n, const struct ip_addr *group);
/* IGMP and MLD messages, called by the IP layer (protocol 2; ICMPv6 130-132, 143). Take p, l4 at
 * data. */
void igmp_input(struct packet *p);
void mld_input(struct packet *p);
