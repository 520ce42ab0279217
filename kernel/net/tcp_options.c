/* TCP options: parsing what strangers send, writing ours (RFC 9293 3.1, RFC 7323, RFC 2018). */
#include "net/tcp.h"

#define OPT_EOL	    0
#define OPT_NOP	    1
#define OPT_MSS	    2
#define OPT_WSCALE  3
#define OPT_SACK_OK 4
#define OPT_SACK    5
#define OPT_TS	    8
#define LEN_MSS	    4
#define LEN_WSCALE  3
#define LEN_SACK_OK 2
#define LEN_TS	    10
#define SACK_PAIR   8

/* The usual layout of the timestamps option: NOP NOP 8 10. */
#define TS_WORD 0x0101080au

void tcp_parse_options(const uint8_t *p, unsigned len, bool syn, struct tcp_options *o)
{
	memset(o, 0, sizeof *o);
	if (len == TCP_TS_SPACE && get_be32(p) == TS_WORD) {
		o->has_ts = true;
		o->ts_val = get_be32(p + 4);
		o->ts_ecr = get_be32(p + 8);
		return;
	}
	while (len > 0) {
		uint8_t kind = p[0], size;

		if (kind == OPT_EOL)
			return;
		if (kind == OPT_NOP) {
			p++;
			len--;
			continue;
		}
		if (len < 2)
			return;
		size = p[1];
		if (size < 2 || size > len)
			return;
		switch (kind) {
		case OPT_MSS:
			if (syn && size == LEN_MSS)
				o->mss = get_be16(p + 2);
			break;
		case OPT_WSCALE:
			if (syn && size == LEN_WSCALE) {
				o->has_wscale = true;
				/* RFC 7323 2.3: more than 14 counts as 14. */
				o->wscale = p[2] > TCP_MAX_WSCALE ? TCP_MAX_WSCALE : p[2];
			}
			break;
		case OPT_SACK_OK:
			if (syn && size == LEN_SACK_OK)
				o->sack_ok = true;
			break;
		case OPT_SACK:
			if (size < 2 + SACK_PAIR || (size - 2) % SACK_PAIR || o->nsack)
				break;
			for (unsigned i = 2; i < size && o->nsack < 4; i += SACK_PAIR) {
				o->sack[o->nsack].start = get_be32(p + i);
				o->sack[o->nsack].end = get_be32(p + i + 4);
				o->nsack++;
			}
			break;
		case OPT_TS:
			if (size == LEN_TS) {
				o->has_ts = true;
				o->ts_val = get_be32(p + 2);
				o->ts_ecr = get_be32(p + 6);
			}
			break;
		default:
			break; /* unknown: skipped by its length */
		}
		p += size;
		len -= size;
	}
}

uint8_t *tcp_put_ts(uint8_t *p, uint32_t val, uint32_t ecr)
{
	put_be32(p, TS_WORD);
	put_be32(p + 4, val);
	put_be32(p + 8, ecr);
	return p + TCP_TS_SPACE;
}

/* At most 4 + 4 + 12 + 4 bytes. */
unsigned tcp_put_syn_options(uint8_t *p, const struct tcp_syn_options *o)
{
	uint8_t *start = p;

	p[0] = OPT_MSS;
	p[1] = LEN_MSS;
	put_be16(p + 2, o->mss);
	p += 4;
	if (o->ts) {
		p[0] = o->sack ? OPT_SACK_OK : OPT_NOP;
		p[1] = o->sack ? LEN_SACK_OK : OPT_NOP;
		p[2] = OPT_TS;
		p[3] = LEN_TS;
		put_be32(p + 4, o->ts_val);
		put_be32(p + 8, o->ts_ecr);
		p += 12;
	} else if (o->sack) {
		p[0] = p[1] = OPT_NOP;
		p[2] = OPT_SACK_OK;
		p[3] = LEN_SACK_OK;
		p += 4;
	}
	if (o->has_wscale) {
		p[0] = OPT_NOP;
		p[1] = OPT_WSCALE;
		p[2] = LEN_WSCALE;
		p[3] = o->wscale;
		p += 4;
	}
	return (unsigned)(p - start);
}

static unsigned sack_blocks(const struct tcp_sock *tp)
{
	unsigned n = (tp->dsack ? 1u : 0u) + tp->nislands, max = tp->ts_ok ? 3 : 4;

	return n < max ? n : max;
}

/* Bytes that tcp_put_sack will write, alignment included. */
unsigned tcp_sack_space(const struct tcp_sock *tp)
{
	unsigned n;

	if (!tp->sack_ok || (!tp->dsack && !tp->nislands))
		return 0;
	n = sack_blocks(tp);
	return 4 + n * SACK_PAIR;
}

/* The duplicate first (RFC 2883 section 4), then the islands, the latest change first (RFC 2018
 * section 4). The duplicate is reported once. */
unsigned tcp_put_sack(uint8_t *p, struct tcp_sock *tp, unsigned space)
{
	unsigned n = sack_blocks(tp), i = 0;
	uint8_t *start = p;

	if (4 + n * SACK_PAIR > space)
		n = space < 4 + SACK_PAIR ? 0 : (space - 4) / SACK_PAIR;
	if (n == 0)
		return 0;
	p[0] = p[1] = OPT_NOP;
	p[2] = OPT_SACK;
	p[3] = (uint8_t)(2 + n * SACK_PAIR);
	p += 4;
	if (tp->dsack) {
		put_be32(p, tp->dsack_block.start);
		put_be32(p + 4, tp->dsack_block.end);
		p += SACK_PAIR;
		tp->dsack = false;
		i = 1;
	}
	list_for_each_entry (island, &tp->islands, struct tcp_island, link) {
		if (i++ >= n)
			break;
		put_be32(p, island->start);
		put_be32(p + 4, island->end);
		p += SACK_PAIR;
	}
	return (unsigned)(p - start);
}
