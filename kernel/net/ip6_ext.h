/* IPv6 extension headers (RFC 8200 section 4) of received datagrams. Lock: net_lock. */
#pragma once
#include <stdint.h>

struct packet;

/*
 * Goes through the extension headers of p, data at the IPv6 header. Takes p; returns it, or the
 * whole datagram that it completed, with protocol set, *offset to the transport header (linear up
 * to there) and *next_at to the field that named it. NULL: dropped, or waiting for more fragments.
 */
struct packet *ip6_input_headers(struct packet *p, uint32_t *offset, uint32_t *next_at);
