/* net/addr.h: prefixes and the text form of addresses (RFC 4291 2.2, RFC 5952, inet_pton(3)). */
#include "net/addr.h"
#include "lib/printk.h"

bool ip_prefix_match(const struct ip_addr *a, const struct ip_addr *b, unsigned bits)
{
	for (unsigned i = 0; i < 2 && bits; i++) {
		uint64_t differ = __builtin_bswap64(a->q[i] ^ b->q[i]);
		if (bits >= 64) {
			if (differ)
				return false;
			bits -= 64;
		} else {
			return differ >> (64 - bits) == 0;
		}
	}
	return true;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952, 4.2); -1: none. */
static int zero_run(const struct ip_addr *a, int *length)
{
	int best = -1;

	*length = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && !a->b[2 * (i + n)] && !a->b[2 * (i + n) + 1])
			n++;
		if (n > *length) {
			best = i;
			*length = n;
		}
		i += n;
	}
	return best;
}

void ip_format(char out[IP_TEXT], const struct ip_addr *a)
{
	int run, length, pos = 0;

	if (ip_is_v4(a)) {
		ksnprintf(out, IP_TEXT, "%d.%d.%d.%d", a->b[12], a->b[13], a->b[14], a->b[15]);
		return;
	}
	run = zero_run(a, &length);
	out[0] = 0;
	for (int i = 0; i < 8; i++) {
		if (i == run) {
			out[pos++] = ':';
			out[pos++] = ':';
			i += length - 1;
			continue;
		}
		if (i && !(run >= 0 && i == run + length))
			out[pos++] = ':';
		pos += ksnprintf(out + pos, (size_t)(IP_TEXT - pos), "%x",
				 (unsigned)get_be16(&a->b[2 * i]));
	}
	out[pos] = 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four decimal numbers without leading zeroes, and nothing after them. */
static bool parse_v4(const char *s, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		int value = 0, n = 0;
		while (*s >= '0' && *s <= '9') {
			if (n && !value)
				return false;
			value = value * 10 + (*s++ - '0');
			if (++n > 3 || value > 255)
				return false;
		}
		if (!n || *s != (i < 3 ? '.' : 0))
			return false;
		s++;
		out[i] = (uint8_t)value;
	}
	return true;
}

bool ip_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr a = {.q = {0, 0}};
	int at = 0, gap = -1; /* bytes written; where "::" stands */
	const char *s = text;

	if (parse_v4(s, a.b + 12)) {
		*out = ip_from_v4(a.w[3]);
		return true;
	}
	a.w[3] = 0;
	if (s[0] == ':') {
		if (s[1] != ':')
			return false;
		s++;
	}
	while (*s) {
		unsigned value = 0;
		int n = 0;
		const char *group = s;

		if (*s == ':') { /* the second of two */
			if (gap >= 0)
				return false;
			gap = at;
			s++;
			continue;
		}
		for (; digit(*s) >= 0; s++, n++)
			value = value << 4 | (unsigned)digit(*s);
		if (!n || n > 4 || at + 2 > 16)
			return false;
		if (*s == '.') {
			if (at + 4 > 16 || !parse_v4(group, a.b + at))
				return false;
			at += 4;
			break;
		}
		a.b[at++] = (uint8_t)(value >> 8);
		a.b[at++] = (uint8_t)value;
		if (!*s)
			break;
		if (*s++ != ':' || !*s)
			return false;
	}
	if (gap >= 0) {
		if (at == 16)
			return false;
		memmove(a.b + 16 - (at - gap), a.b + gap, (size_t)(at - gap));
		memset(a.b + gap, 0, (size_t)(16 - at));
	} else if (at != 16) {
		return false;
	}
	*out = a;
	return true;
}
