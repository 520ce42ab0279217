/*
 * What TCP, UDP, ping and raw sockets share: addresses, IP options, the tables by which packets
 * find their socket, choosing ports. inet.c, inet_table.c, inet_sockopt.c. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/addr.h"
#include "net/ip.h"
#include "net/route.h"
#include "net/socket.h"

/* Errors for IP_RECVERR, source filters, memberships: inet_sockopt.c. */
struct inet_membership;

struct inet_sock {
	struct socket so;		  /* first */
	struct ip_addr local, remote;	  /* :: / 0.0.0.0 (mapped) when not bound or connected */
	uint16_t local_port, remote_port; /* host order; 0: none. Raw sockets: unused */
	bool bound, connected;
	bool v6;		  /* an AF_INET6 socket */
	bool v6only;		  /* IPV6_V6ONLY */
	struct route route;	  /* inet_route's, good for route_dst */
	struct ip_addr route_dst; /* where it leads */

	uint8_t ttl, tos, mc_ttl; /* 0: default; IPv6 hop limits too */
	uint8_t hops, tclass, mc_hops;
	int8_t hops_set, tclass_set;
	bool mc_loop, mc_loop6, mc_all, mc_all6, freebind, transparent, hdrincl, recverr, recverr6;
	uint8_t pmtudisc, pmtudisc6; /* IP_PMTUDISC_* */
	int mc_ifindex, mc_ifindex6, unicast_ifindex;
	struct ip_addr mc_addr;
	uint32_t flow_label;
	/* Control messages wanted on receive. */
	bool pktinfo, recvttl, recvtos, recvorigdstaddr, recvopts;
	bool pktinfo6, recvhops, recvtclass;
	uint8_t options[40]; /* IP_OPTIONS */
	uint8_t options_len;
	uint32_t icmp_filter;	  /* raw IPv4 */
	uint32_t icmp6_filter[8]; /* raw IPv6 */
	int checksum_offset;	  /* IPV6_CHECKSUM; -1 */
	struct list memberships;  /* struct inet_membership */
	struct list errors;	  /* queued ICMP errors (MSG_ERRQUEUE): struct packet */
	bool bind_no_port;	  /* IP_BIND_ADDRESS_NO_PORT: connect chooses the port */
	bool wants_cmsg;	  /* any of those below and above that ask for one on receive */
	bool recvflowinfo, recvorigdstaddr6;
	unsigned error_count; /* entries of errors */
	uint32_t frag_size6;  /* IPV6_MTU; 0: the path's */
	bool dontfrag6, recverr_rfc4884, autoflowlabel, nodefrag;
	/* inet_table.c */
	struct list bind_link, hash_link;
	bool bind_front; /* in its chain before all that are or were connected */
	uint32_t hash;
};

static inline struct inet_sock *inet_of(struct socket *so)
{
	return (struct inet_sock *)(void *)so;
}

/* Sets the defaults of a new socket. */
void inet_init_sock(struct inet_sock *s, int family);
/* From a sockaddr of the socket's family: 0, -EINVAL (short), -EAFNOSUPPORT. An IPv6 socket gets
 * mapped addresses as they are; scope_id goes to *ifindex (may be NULL). */
int inet_from_sockaddr(const struct inet_sock *s, const struct __kernel_sockaddr_storage *a,
		       unsigned len, struct ip_addr *addr, uint16_t *port, int *ifindex);
/* The reverse, in the form of the socket's family; returns the length. */
int inet_to_sockaddr(const struct inet_sock *s, const struct ip_addr *addr, uint16_t port,
		     int ifindex, struct __kernel_sockaddr_storage *a);
/* As inet_from_sockaddr, for bind and connect: an IPv6 link-local address brings the interface that
 * the socket keeps to from now on. 0, -EINVAL (no interface, or another one). */
int inet_set_scope(struct inet_sock *s, const struct ip_addr *addr, int ifindex);
/* The interface number that a name of addr tells: of link-local addresses. */
int inet_scope_of(const struct ip_addr *addr, int ifindex);
/* The unspecified address as a destination means this machine: 127.0.0.1 or ::1. */
void inet_any_to_loopback(struct ip_addr *dst);
/* proto->getname for all of them. */
int inet_getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer);
/* Makes s->route good for dst (multicast interface, bound interface, source address considered). 0
 * or the errors of route_lookup. A connected socket whose route is valid costs one comparison. */
int inet_route(struct inet_sock *s, const struct ip_addr *dst);
/* The ip_tx of a socket for a datagram to dst, from its options and route. */
void inet_fill_tx(const struct inet_sock *s, const struct ip_addr *dst, uint8_t protocol,
		  struct ip_tx *tx);

/* What else than a socket can hold a port: a connection in TIME-WAIT, with what its socket had. */
struct inet_holder {
	struct ip_addr local;
	int ifindex;
	bool v6only, reuseaddr, reuseport;
};

/* One table per transport: sockets by local port (bind) and by four-tuple (hash). */
#define INET_BIND_BUCKETS 256
struct inet_table {
	struct list bind[INET_BIND_BUCKETS]; /* by local port */
	struct list *hash;		     /* connected ones by four-tuple */
	uint32_t hash_mask;		     /* grows with the number of entries */
	uint32_t count;
	uint64_t secret[2];	/* SipHash key: peers cannot aim at a chain */
	struct inet_sock *last; /* what inet_lookup_connected found last */
	bool stream;		/* TCP's rules for SO_REUSEADDR (listeners conflict) */
	/* Is port held by other than sockets, so that s may not have it at addr
	 * (inet_held_conflicts)? NULL: sockets are all there is. */
	bool (*held)(const struct inet_sock *s, const struct ip_addr *addr, uint16_t port,
		     bool exclusive);
};
int inet_table_init(struct inet_table *t, bool stream);
/* May s not have addr because of h, which has the same port? exclusive: it is to be nobody's. */
bool inet_held_conflicts(const struct inet_sock *s, const struct ip_addr *addr,
			 const struct inet_holder *h, bool exclusive);
/*
 * Binds s to addr and port (0: a random free one, RFC 6056; IP_LOCAL_PORT_RANGE 32768-60999) by
 * Linux's rules for SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY and bound interfaces. 0, -EADDRINUSE,
 * -EADDRNOTAVAIL (not an address of ours, unless freebind), -EACCES never (the program is root).
 */
int inet_bind(struct inet_table *t, struct inet_sock *s, const struct ip_addr *addr, uint16_t port);
/* bind(2) of an Internet socket: the name's checks, then inet_bind. 0, -EINVAL (bound already,
 * short name), -EAFNOSUPPORT and the errors of inet_bind. */
int inet_bind_name(struct inet_table *t, struct inet_sock *s,
		   const struct __kernel_sockaddr_storage *a, unsigned len);
/* The port of a name of either family. */
uint16_t inet_name_port(const struct __kernel_sockaddr_storage *a);
/* The address part of bind: is it one of ours, or may s have it anyway? */
bool inet_may_bind(const struct inet_sock *s, const struct ip_addr *addr);
/* A random port for a connection to remote that no other connection uses (RFC 6056, 3.3.3 or
 * better), and binds s to it; s->local, remote, remote_port are set. Skips four-tuples that in_use
 * says are taken (TIME-WAIT; may be NULL). 0, -EADDRNOTAVAIL when none is free. */
int inet_autobind(struct inet_table *t, struct inet_sock *s,
		  bool (*in_use)(const struct inet_sock *s, uint16_t port));
/* Adds a connected socket (local, local_port, remote, remote_port set) to the four-tuple hash.
 * -EADDRINUSE if another has the same. A socket that came from a listener shares the listener's
 * port. */
int inet_hash_insert(struct inet_table *t, struct inet_sock *s);
void inet_hash_remove(struct inet_table *t, struct inet_sock *s);
/* A child of a listener gets a place in the bind table beside it (conflict rules). */
void inet_bind_inherit(struct inet_table *t, struct inet_sock *child,
		       const struct inet_sock *listener);
void inet_unbind(struct inet_table *t, struct inet_sock *s); /* harmless if not bound */
/* May s, bound, start to listen? Of several that share a port by SO_REUSEADDR only one may. 0 (and
 * packets find it), -EADDRINUSE. */
int inet_listen_check(struct inet_table *t, struct inet_sock *s);
/* The connected socket of a packet's four-tuple; local first. NULL. */
struct inet_sock *inet_lookup_connected(struct inet_table *t, const struct ip_addr *local,
					uint16_t lport, const struct ip_addr *remote,
					uint16_t rport, int ifindex);
/* The best bound, unconnected socket (accept(s) may reject, NULL: any): specific address before
 * any, interface before none, its own family before a dual-stack one; SO_REUSEPORT groups are
 * chosen from by the hash of the four-tuple. NULL. */
struct inet_sock *inet_lookup_bound(struct inet_table *t, const struct ip_addr *local,
				    uint16_t lport, const struct ip_addr *remote, uint16_t rport,
				    int ifindex, bool (*accept)(const struct inet_sock *s));
uint32_t inet_hash(const struct inet_table *t, const struct ip_addr *local, uint16_t lport,
		   const struct ip_addr *remote, uint16_t rport);

/* IPPROTO_IP and IPPROTO_IPV6 options, for every inet socket. -ENOPROTOOPT: unknown here. */
int inet_setsockopt(struct inet_sock *s, int level, int name, const void *val, unsigned len);
int inet_getsockopt(struct inet_sock *s, int level, int name, void *val, unsigned *len);
/* Parses IP-level control messages of a send (pktinfo, TTL, TOS ...) into tx and the route. 0,
 * -EINVAL. */
int inet_send_cmsg(struct inet_sock *s, const struct socket_msg *m, struct ip_tx *tx, int *ifindex);
/* Adds the control messages that s wants for p. */
void inet_recv_cmsg(struct inet_sock *s, struct socket_msg *m, const struct packet *p);
/* Should s get this multicast or broadcast packet (memberships, source filters, mc_all)? */
bool inet_mcast_wanted(const struct inet_sock *s, const struct packet *p);
/* Queues an ICMP error for IP_RECVERR. */
void inet_queue_error(struct inet_sock *s, const struct icmp_error *e);
/* The same for an error found here before a datagram to dst left (origin: local). */
void inet_local_error(struct inet_sock *s, const struct ip_addr *dst, int error, uint32_t info);
long inet_recv_error(struct inet_sock *s, struct socket_msg *m); /* MSG_ERRQUEUE */
/* The two halves of inet_destroy: inet_mcast.c, inet_error.c. */
void inet_leave_all(struct inet_sock *s);
void inet_purge_errors(struct inet_sock *s);
/* Drops memberships and queued errors; before socket_free. */
void inet_destroy(struct inet_sock *s);
/* SIOCGIFCONF and its kin, shared by all socket families (netdev_ioctl.c); -ENOTTY: not one of
 * them. */
int netdev_ioctl(unsigned cmd, uintptr_t arg);
