/* Congestion control: what all algorithms share. */
#include "lib/string.h"
#include "net/tcp_cc.h"

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	static const struct tcp_cc_ops *const all[] = {&tcp_cc_cubic, &tcp_cc_reno};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(name, all[i]->name) == 0)
			return all[i];
	return NULL;
}

uint32_t tcp_cc_initial_window(uint32_t mss)
{
	uint32_t floor = 2 * mss > 14600 ? 2 * mss : 14600;

	return 10 * mss < floor ? 10 * mss : floor;
}

void tcp_cc_init(struct tcp_cc *c, const struct tcp_cc_ops *ops, uint32_t mss)
{
	memset(c, 0, sizeof *c);
	c->ops = ops;
	c->mss = mss;
	c->cwnd = tcp_cc_initial_window(mss);
	c->ssthresh = UINT32_MAX;
	ops->init(c);
}

/*
 * A window that nothing has touched since the start is that of the new size. Any other stays as it
 * is in bytes, since that is what the path has been seen to carry, but holds at least one segment.
 */
void tcp_cc_set_mss(struct tcp_cc *c, uint32_t mss)
{
	if (c->ssthresh == UINT32_MAX && c->cwnd == tcp_cc_initial_window(c->mss))
		c->cwnd = tcp_cc_initial_window(mss);
	c->mss = mss;
	if (c->cwnd < mss)
		c->cwnd = mss;
	if (c->ssthresh < 2 * mss)
		c->ssthresh = 2 * mss;
}

uint32_t tcp_cc_bound(const struct tcp_cc *c, uint64_t cwnd)
{
	/* Half of the largest window there is: sums of windows and flights stay 32 bits wide. */
	uint64_t max = c->cwnd_max ? c->cwnd_max : 1u << 30;

	if (cwnd > max)
		cwnd = max;
	return cwnd > c->mss ? (uint32_t)cwnd : c->mss;
}

uint32_t tcp_cc_slow_start(struct tcp_cc *c, uint32_t acked, unsigned divisor)
{
	uint32_t old = c->cwnd, grown;
	uint64_t want = (uint64_t)old + acked / divisor;

	if (want > c->ssthresh)
		want = c->ssthresh;
	grown = tcp_cc_bound(c, want);
	c->cwnd = grown > old ? grown : old;
	uint64_t used = (uint64_t)(c->cwnd - old) * divisor;
	return c->cwnd < c->ssthresh || used >= acked ? 0 : acked - (uint32_t)used;
}

void tcp_cc_restart(struct tcp_cc *c, uint64_t idle, uint64_t rto)
{
	uint32_t restart = tcp_cc_initial_window(c->mss);
	uint64_t keep = (uint64_t)c->cwnd / 4 * 3;

	if (!rto || idle <= rto || c->cwnd <= restart)
		return;
	/* An unlimited threshold stays so: nothing has been learnt of the path's limit. */
	if (c->ssthresh < keep)
		c->ssthresh = (uint32_t)keep;
	for (; idle > rto && c->cwnd > restart; idle -= rto)
		c->cwnd /= 2;
	if (c->cwnd < restart)
		c->cwnd = restart;
}
