/* Addresses and byte order. IPv4 addresses are kept as IPv4-mapped IPv6 ones (RFC 4291, 2.5.5.2),
 * so that tables and sockets have one kind of address. Pure functions, no locks. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/string.h"

typedef uint16_t be16_t; /* big endian, as on the wire */
typedef uint32_t be32_t;

static inline uint16_t ntoh16(be16_t v)
{
	return __builtin_bswap16(v);
}
static inline be16_t hton16(uint16_t v)
{
	return __builtin_bswap16(v);
}
static inline uint32_t ntoh32(be32_t v)
{
	return __builtin_bswap32(v);
}
static inline be32_t hton32(uint32_t v)
{
	return __builtin_bswap32(v);
}
/* Unaligned fields of packets. */
static inline uint16_t get_be16(const void *p)
{
	be16_t v;
	memcpy(&v, p, sizeof v);
	return ntoh16(v);
}
static inline uint32_t get_be32(const void *p)
{
	be32_t v;
	memcpy(&v, p, sizeof v);
	return ntoh32(v);
}
static inline void put_be16(void *p, uint16_t value)
{
	be16_t v = hton16(value);
	memcpy(p, &v, sizeof v);
}
static inline void put_be32(void *p, uint32_t value)
{
	be32_t v = hton32(value);
	memcpy(p, &v, sizeof v);
}

struct ip_addr {
	union {
		uint8_t b[16]; /* network order */
		be32_t w[4];
		uint64_t q[2];
	};
};

#define IP4(a, b, c, d)                                                                            \
	hton32((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static inline struct ip_addr ip_from_v4(be32_t a)
{
	return (struct ip_addr){.w = {0, 0, hton32(0xffff), a}};
}
static inline bool ip_is_v4(const struct ip_addr *a)
{
	return a->q[0] == 0 && a->w[2] == hton32(0xffff);
}
static inline be32_t ip_v4(const struct ip_addr *a) /* only where ip_is_v4 */
{
	return a->w[3];
}
static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}
/* "::" or 0.0.0.0 */
static inline bool ip_is_any(const struct ip_addr *a)
{
	return a->q[0] == 0 && (a->q[1] == 0 || (a->w[2] == hton32(0xffff) && a->w[3] == 0));
}
static inline bool ip_is_multicast(const struct ip_addr *a)
{
	return ip_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}
static inline bool ip_is_loopback(const struct ip_addr *a)
{
	return ip_is_v4(a) ? a->b[12] == 127 : a->q[0] == 0 && a->w[2] == 0 && a->w[3] == hton32(1);
}
/* fe80::/10 */
static inline bool ip_is_linklocal6(const struct ip_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}
/* True if the first bits of a and b agree; bits counts in the 128-bit form (IPv4 prefix + 96). */
bool ip_prefix_match(const struct ip_addr *a, const struct ip_addr *b, unsigned bits);
/* Longest text with NUL, as inet_ntop (RFC 5952): IPv4 dotted where mapped. */
#define IP_TEXT 46
void ip_format(char out[IP_TEXT], const struct ip_addr *a);
/* Accepts both families; true if all of text is an address. */
bool ip_parse(const char *text, struct ip_addr *out);
