/* Multicast memberships of a socket with their source filters (RFC 3678): inet_mcast.c. Lock:
 * net_lock. */
#pragma once
#include "net/inet.h"

struct netif;

/* Any-source join and leave. ifindex 0: the interface with address via (IPv4, may be any), else the
 * one that the route to the group takes. 0, -EINVAL, -ENODEV, -EADDRINUSE, -EADDRNOTAVAIL,
 * -ENOBUFS, -ENOMEM. */
int inet_join(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
	      int ifindex);
int inet_leave(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
	       int ifindex);

enum inet_source_op { SOURCE_JOIN, SOURCE_LEAVE, SOURCE_BLOCK, SOURCE_UNBLOCK };
int inet_source(struct inet_sock *s, enum inet_source_op op, const struct ip_addr *group,
		const struct ip_addr *source, const struct ip_addr *via, int ifindex);
/* The whole filter at once: mode MCAST_INCLUDE or MCAST_EXCLUDE. */
int inet_set_filter(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
		    int ifindex, uint32_t mode, const struct ip_addr *sources, unsigned n);
/* *n in: room; out: how many there are. */
int inet_get_filter(struct inet_sock *s, const struct ip_addr *group, const struct ip_addr *via,
		    int ifindex, uint32_t *mode, struct ip_addr *sources, unsigned *n);
#define INET_MAX_SOURCES 64u

/* The options of a level that are about membership. -ENOPROTOOPT: none of them. */
int inet_mcast_setsockopt(struct inet_sock *s, bool v6, int name, const void *val, unsigned len);
int inet_mcast_getsockopt(struct inet_sock *s, bool v6, int name, void *val, unsigned *len);
