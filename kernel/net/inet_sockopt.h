/* Options of SOL_IP and SOL_IPV6: inet_sockopt.c (IPv4), inet6_sockopt.c, inet_mcast_opt.c. Lock:
 * net_lock. */
#pragma once
#include "net/inet.h"

int inet4_setsockopt(struct inet_sock *s, int name, const void *val, unsigned len);
int inet4_getsockopt(struct inet_sock *s, int name, void *val, unsigned *len);
int inet6_setsockopt(struct inet_sock *s, int name, const void *val, unsigned len);
int inet6_getsockopt(struct inet_sock *s, int name, void *val, unsigned *len);
/* After a change of what is wanted on receive. */
void inet_update_wants(struct inet_sock *s);
/* A number, in as many bytes as there is room for: one if it fits in one and less than an int was
 * asked for. */
int inet_answer_int(void *val, unsigned *len, int v);
int inet_answer(void *val, unsigned *len, const void *from, unsigned n);
/* An int, or one byte where less than an int was given. -EINVAL: nothing was given. */
int inet_int_arg(const void *val, unsigned len, int *v);
/* The path's MTU of a connected socket. 0, -ENOTCONN. */
int inet_path_mtu(struct inet_sock *s, uint32_t *mtu);
