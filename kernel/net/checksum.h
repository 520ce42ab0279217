/* The Internet checksum (RFC 1071). Pure. Sums are one's complement, not inverted, in network byte
 * order as they lie in memory, folded to 16 bits by checksum_fold. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "net/addr.h"

/* Adds n bytes at p (any alignment; the first byte has an even offset) to sum. */
uint64_t checksum_add(const void *p, size_t n, uint64_t sum);
uint16_t checksum_fold(uint64_t sum);
/* The pseudo header of TCP, UDP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1): src, dst, both mapped or
 * not. */
uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
			 uint32_t length);
