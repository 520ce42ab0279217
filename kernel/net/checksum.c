/*
 * net/checksum.h. Eight bytes at a time with the carry added back: the one's complement sum does
 * not care about the width of its words (RFC 1071, 2 (C)).
 */
#include "net/checksum.h"

/* Words anywhere in memory. */
struct word64 {
	uint64_t v;
} __attribute__((packed, may_alias));
struct word32 {
	uint32_t v;
} __attribute__((packed, may_alias));
struct word16 {
	uint16_t v;
} __attribute__((packed, may_alias));

static inline uint64_t load64(const uint8_t *p)
{
	return ((const struct word64 *)(const void *)p)->v;
}

/* a + b, a carry added back at the low end. */
static inline uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t s;
	uint64_t carry = __builtin_add_overflow(a, b, &s);
	return s + carry;
}

uint64_t checksum_add(const void *data, size_t n, uint64_t sum)
{
	const uint8_t *p = data;

	/* In halves, whose sums have no carries below 16 GiB of data: additions need not wait for
	 * each other. */
	if (n >= 64) {
		uint64_t low = 0, high = 0;
		for (; n >= 32; n -= 32, p += 32) {
			uint64_t a = load64(p), b = load64(p + 8);
			uint64_t c = load64(p + 16), d = load64(p + 24);
			low += (a & 0xffffffff) + (b & 0xffffffff);
			high += (a >> 32) + (b >> 32);
			low += (c & 0xffffffff) + (d & 0xffffffff);
			high += (c >> 32) + (d >> 32);
		}
		sum = add(sum, low);
		sum = add(sum, high);
	}
	for (; n >= 8; n -= 8, p += 8)
		sum = add(sum, load64(p));
	if (n & 4) {
		sum = add(sum, ((const struct word32 *)(const void *)p)->v);
		p += 4;
	}
	if (n & 2) {
		sum = add(sum, ((const struct word16 *)(const void *)p)->v);
		p += 2;
	}
	if (n & 1)
		sum = add(sum, *p); /* little endian: the missing byte is the upper one */
	return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
			 uint32_t length)
{
	/* As 32-bit words in network order; both families' fields come to this. */
	uint64_t sum = (uint64_t)hton32(protocol) + hton32(length);

	if (ip_is_v4(dst))
		return sum + ip_v4(src) + ip_v4(dst);
	sum = add(sum, src->q[0]);
	sum = add(sum, src->q[1]);
	sum = add(sum, dst->q[0]);
	return add(sum, dst->q[1]);
}
