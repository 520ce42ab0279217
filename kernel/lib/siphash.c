/* lib/siphash.h, after section 2 of the paper: two rounds a word, four at the end. */
#include "lib/siphash.h"
#include "lib/string.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

uint64_t siphash(const uint64_t key[2], const void *p, size_t n)
{
	struct state s = {
	    key[0] ^ 0x736f6d6570736575,
	    key[1] ^ 0x646f72616e646f6d,
	    key[0] ^ 0x6c7967656e657261,
	    key[1] ^ 0x7465646279746573,
	};
	const unsigned char *b = p;
	uint64_t last = (uint64_t)n << 56;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t word;
		memcpy(&word, b, sizeof word);
		absorb(&s, word);
	}
	for (unsigned i = 0; i < n; i++)
		last |= (uint64_t)b[i] << (8 * i);
	absorb(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
