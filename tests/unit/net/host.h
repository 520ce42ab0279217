/* A network stack without a machine: virtual time, an Ethernet interface whose frames the test sees
 * and makes. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include "net/init.h"
#include "net/net.h"
#include "net/internal.h"
#include "net/neighbour.h"
#include "sched/timer.h"

#define SECOND 1000000000ull

extern uint64_t host_now; /* monotonic ns */
/* Moves time on, running what falls due. */
void host_advance(uint64_t ns);

/* Frames that the stack has sent over eth0, oldest first. */
struct frame {
	uint32_t len;
	uint8_t b[70000];
	uint8_t csum, gso;
};
extern struct netif host_eth;
extern const uint8_t host_mac[6], peer_mac[6];
/* Brings up lo and eth0 with 10.0.0.2/24 (gateway 10.0.0.1) and 2001:db8::2/64. Once a program. */
void host_start(void);
/* The next frame, NULL if there is none; valid until the next call. */
struct frame *host_sent(void);
void host_drop_sent(void);
/* A frame arrives on eth0. */
void host_receive(const void *frame, uint32_t len);
/* Ethernet + IPv4 header (checksum right) + payload; returns the length. */
uint32_t host_ip4(uint8_t *out, const char *src, const char *dst, uint8_t protocol, uint16_t id,
		  uint16_t fragment, const void *payload, uint32_t len);
uint32_t host_ip6(uint8_t *out, const char *src, const char *dst, uint8_t next, const void *payload,
		  uint32_t len);
struct ip_addr host_addr(const char *text);
/* Answers ARP or ND: addr is at peer_mac. */
void host_resolve(const char *addr);
/* True if nothing is left over: packets, netbufs. */
void host_no_leaks(void);
/* What the transports got last. */
extern struct packet *host_udp, *host_tcp; /* owned here; freed by the next */
extern unsigned host_udp_count;
extern struct icmp_error host_error;
extern uint8_t host_error_payload[1500];
extern unsigned host_error_count;
