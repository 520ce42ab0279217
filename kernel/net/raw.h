/* Raw sockets (raw(7), RFC 3542 section 3) and ping sockets (icmp(7)): raw.c, ping.c. Lock:
 * net_lock.
 */
#pragma once
#include "net/inet_dgram.h"

struct raw_sock {
	struct dgram_sock d; /* first */
	struct list link;    /* of all raw, or all ping sockets */
};

static inline struct raw_sock *raw_of(struct socket *so)
{
	return (struct raw_sock *)(void *)so;
}

/* Registers the ping sockets; for raw_init. */
void ping_init(void);
void ping_icmp_error(const struct icmp_error *e);
/* A packet of its own for a socket's queue: p from `before` bytes in front of its data on. NULL
 * when memory is out. */
struct packet *raw_copy(const struct packet *p, uint32_t before);
/* Could s receive p, as far as addresses and interfaces go? */
bool raw_addresses_match(const struct inet_sock *s, const struct packet *p);
/* recvmsg of both: port is shown as 0. */
long raw_recvmsg(struct socket *so, struct socket_msg *m);
int raw_ioctl(struct socket *so, unsigned cmd, uintptr_t arg);
int raw_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
/* Checks a bind's name: 0 and the address. */
int raw_bind_name(struct inet_sock *s, const struct __kernel_sockaddr_storage *a, unsigned len,
		  struct ip_addr *addr, uint16_t *port);
