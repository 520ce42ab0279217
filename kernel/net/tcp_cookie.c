/*
 * SYN cookies (D. J. Bernstein, 1996; RFC 4987 3.6): under a flood the connection is kept in the
 * sequence number and the timestamp of the SYN-ACK, and nothing here.
 *
 * Cookie: 5 bits of a counter of 64 s, 3 bits for one of eight sizes of segments, 24 bits of a
 * keyed hash over the four-tuple, the peer's sequence number and both. The timestamp's low 6 bits
 * hold the window scale (15: none) and whether SACK may be used.
 */
#include "lib/random.h"
#include "lib/siphash.h"
#include "net/net.h"
#include "net/tcp.h"

#define PERIOD	    (64 * SECOND)
#define MAX_AGE	    2u
#define TS_BITS	    6
#define TS_NO_SCALE 0xfu
#define TS_SACK	    0x10u

static uint64_t key[2];
static const uint16_t sizes[8] = {536, 1024, 1220, 1300, 1400, 1440, 1460, 8960};

void tcp_cookie_init(void)
{
	random_bytes(key, sizeof key);
}

static uint32_t mac(const struct packet *p, uint32_t irs, uint64_t period, unsigned size)
{
	struct {
		struct ip_addr local, remote;
		uint32_t ports, irs;
		uint64_t period, size;
	} t = {p->dst, p->src, 0, irs, period, size};

	memcpy(&t.ports, p->l4, sizeof t.ports);
	return (uint32_t)siphash(key, &t, sizeof t) & 0xffffff;
}

/* *mss: in, what the peer offered; out, what the cookie will say. */
uint32_t tcp_cookie_make(const struct packet *p, uint16_t *mss)
{
	uint64_t period = tcp_now / PERIOD;
	unsigned size = 7;

	while (size > 0 && sizes[size] > *mss)
		size--;
	*mss = sizes[size];
	return (uint32_t)(period & 31) << 27 | size << 24 | mac(p, p->tcp.seq, period, size);
}

uint16_t tcp_cookie_check(const struct packet *p, uint32_t cookie)
{
	uint64_t now = tcp_now / PERIOD;
	uint32_t age = ((uint32_t)now - (cookie >> 27)) & 31;
	unsigned size = cookie >> 24 & 7;

	if (age > MAX_AGE || age > now)
		return 0;
	if (mac(p, p->tcp.seq - 1, now - age, size) != (cookie & 0xffffff))
		return 0;
	return sizes[size];
}

/* A timestamp not later than now with the options in its low bits. */
uint32_t tcp_cookie_ts(uint32_t ts_now, const struct tcp_options *o)
{
	uint32_t bits = (o->has_wscale ? o->wscale : TS_NO_SCALE) | (o->sack_ok ? TS_SACK : 0);
	uint32_t ts = (ts_now & ~((1u << TS_BITS) - 1)) | bits;

	return seq_gt(ts, ts_now) ? ts - (1u << TS_BITS) : ts;
}

bool tcp_cookie_ts_decode(uint32_t ts, struct tcp_options *o)
{
	uint32_t scale = ts & 0xf;

	o->sack_ok = ts & TS_SACK;
	o->has_wscale = scale != TS_NO_SCALE;
	o->wscale = o->has_wscale ? (uint8_t)scale : 0;
	return o->wscale <= TCP_MAX_WSCALE;
}
