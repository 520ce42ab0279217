/* The cable as fuzzers see it: datagrams in with right checksums, frames out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine of the packet tests, 192.0.2.1/24 and 2001:db8::1/64. addresses false: none yet. */
void wire_start(bool addresses);
/* Puts one frame on the cable, from within a batch or not. */
void wire_frame(const uint8_t *f, size_t len);
/* An IPv4 datagram from the peer, 192.0.2.2; the transport checksum of TCP, UDP, ICMP is made. */
void wire_ip(uint8_t protocol, uint8_t *payload, size_t len);
void wire_batch(bool on);
/* Answers what the machine asks: ARP and neighbour solicitations; true if f was one. */
bool wire_answer(const uint8_t *f, size_t len);

struct wire_tcp {
	uint16_t lport, rport;
	uint32_t seq, ack, ts_val;
	unsigned len;
	uint8_t flags;
};
bool wire_tcp(const uint8_t *f, size_t len, struct wire_tcp *t);

uint16_t wire_sum(const void *p, size_t n, uint32_t sum);
void wire_be16(uint8_t *p, unsigned v);
void wire_be32(uint8_t *p, uint32_t v);
uint64_t wire_packets(void), wire_sockets(void), wire_bytes(void);
void wire_memory(uint64_t limit);
void wire_die(const char *why) __attribute__((noreturn));
/* Makes the checksums of a frame right, as far as its layers can be made out. */
void wire_fix(uint8_t *f, size_t len);
