/*
 * Datagram sockets of the Internet families (UDP, raw, ping): their queue of received packets and
 * what is alike in sending. Lock: net_lock.
 */
#pragma once
#include "net/inet.h"
#include "net/packet.h"

struct dgram_sock {
	struct inet_sock in; /* first */
	struct list rx;	     /* struct packet, data where the program's bytes start */
	uint32_t rx_bytes;   /* what is in rx, by dgram_charge */
	bool addr_bound;     /* bind gave a specific address: disconnecting leaves it */
	bool port_bound;     /* bind gave the port */
};

static inline struct dgram_sock *dgram_of(struct socket *so)
{
	return (struct dgram_sock *)(void *)so;
}

void dgram_init_sock(struct dgram_sock *d, int family);
/* Frees what waits to be read, errors, memberships, and the socket. */
void dgram_destroy(struct dgram_sock *d);
/* Room for one more packet? Counts a drop if there is none. One packet may be more than the rest of
 * the buffer, as on Linux. */
bool dgram_room(struct dgram_sock *d);
/* What p counts for in a receive buffer: as on Linux, so that a buffer holds as many datagrams,
 * even where drivers give every packet a page of its own. */
static inline uint32_t dgram_charge(const struct packet *p)
{
	uint32_t most = p->len + 832;
	return p->truesize < most ? p->truesize : most;
}
/* What the socket's filter (SO_ATTACH_FILTER) says of p, at whose data it looks: false if it is not
 * wanted; else it is cut to what is, but not below keep bytes. */
bool dgram_filter(struct dgram_sock *d, struct packet *p, uint32_t keep);
/* SOL_SOCKET options beyond those of the layer, for proto->setsockopt and getsockopt. */
int dgram_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len);
int dgram_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len);
/* Queues p, which it takes, and wakes readers; dgram_room was true. */
void dgram_queue(struct dgram_sock *d, struct packet *p);
/* The packet to read next (with *skip: bytes of it that SO_PEEK_OFF passes over), still queued.
 * NULL and *err: -EAGAIN, a pending error, 0 at the end of a socket that was shut down. */
struct packet *dgram_first(struct dgram_sock *d, const struct socket_msg *m, uint32_t *skip,
			   long *err);
/*
 * Copies p from offset on into m, adds the control messages that every datagram socket has, and
 * takes p off the queue unless it is peeked at. The result of recvmsg.
 */
long dgram_finish(struct dgram_sock *d, struct socket_msg *m, struct packet *p, uint32_t offset);
uint32_t dgram_poll(struct socket *so);
int dgram_shutdown(struct socket *so, int how);
/* Bytes of the first datagram, of which header bytes do not count. */
uint32_t dgram_next_size(const struct dgram_sock *d);

/*
 * The destination of a send: m's name, else the peer. v4-mapped for IPv4; *ifindex from a scope.
 * 0, -EDESTADDRREQ, -EINVAL, -EAFNOSUPPORT, -ENETUNREACH.
 */
int dgram_destination(struct dgram_sock *d, const struct socket_msg *m, struct ip_addr *dst,
		      uint16_t *port, int *ifindex);
/* Fills tx by options and control messages and finds the way: *rt is the socket's own route or
 * temporary. 0, -EACCES (broadcast), -EINVAL, route errors. */
int dgram_prepare(struct dgram_sock *d, const struct socket_msg *m, const struct ip_addr *dst,
		  int ifindex, uint8_t protocol, struct ip_tx *tx, struct route *temporary,
		  const struct route **rt);
/* IP_MTU_DISCOVER for a datagram of n bytes, transport header included: sets tx->df. 0, -EMSGSIZE.
 */
int dgram_check_size(struct dgram_sock *d, const struct route *rt, struct ip_tx *tx, uint32_t n);
/* ip_output as seen by the program: a full queue is an error only with IP_RECVERR. */
int dgram_output(const struct dgram_sock *d, struct packet *p, const struct route *rt,
		 const struct ip_tx *tx);
/* A packet of header bytes (undefined) and n bytes from u. NULL, and *err: -EFAULT, -ENOBUFS. */
struct packet *dgram_packet(uint32_t header, struct uio *u, uint32_t n, int *err);
/* The peer of connect(2): checks, route, source address; the transport does its part around it. */
int dgram_connect_addr(struct dgram_sock *d, const struct __kernel_sockaddr_storage *a,
		       unsigned len, struct ip_addr *dst, uint16_t *port);
/* Gives s the peer dst; the caller's tables are its own business. */
int dgram_set_peer(struct dgram_sock *d, const struct ip_addr *dst, uint16_t port);
void dgram_clear_peer(struct dgram_sock *d);
/* Is addr a broadcast address on n? */
bool inet_is_broadcast(const struct netif *n, const struct ip_addr *addr);

/* SO_TIMESTAMP and its kin: for every family (socket_stamp.c). stamp: realtime ns; 0: now. */
void socket_put_stamps(struct socket *so, struct socket_msg *m, uint64_t stamp);
