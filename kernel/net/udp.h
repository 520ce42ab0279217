/* UDP (RFC 768, RFC 8200 8.1): udp.c (the socket and sending), udp_input.c. Lock: net_lock. */
#pragma once
#include "net/inet_dgram.h"

struct udp_sock {
	struct dgram_sock d; /* first */
	bool cork;	     /* UDP_CORK */
	bool no_check6_tx, no_check6_rx, gro;
	uint16_t gso_size; /* UDP_SEGMENT */
	/* A datagram that grows by MSG_MORE: its bytes, and where it goes. */
	uint8_t *pending;
	uint32_t pending_len, pending_room;
	bool has_pending;
	struct ip_addr pending_dst;
	struct ip_tx pending_tx;
	uint16_t pending_port, pending_gso;
	int pending_ifindex;
};

static inline struct udp_sock *udp_of(struct socket *so)
{
	return (struct udp_sock *)(void *)so;
}

#define UDP_HEADER 8u
/* Datagrams that one UDP_SEGMENT send may make (UDP_MAX_SEGMENTS of Linux). */
#define UDP_MAX_SEGMENTS 64u
/* Bytes of IP payload a datagram can have. */
#define UDP_MAX_PAYLOAD 65507u

extern struct inet_table udp_table;

/* For /proc/net/snmp. */
struct udp_stats {
	uint64_t in, no_ports, in_errors, out, rcvbuf_errors, sndbuf_errors, csum_errors,
	    ignored_multi;
};
extern struct udp_stats udp_stats4, udp_stats6;

long udp_recvmsg(struct socket *so, struct socket_msg *m);
