/* What the congestion control algorithms share among themselves. Pure, as tcp_cc.h. */
#pragma once
#include "net/tcp_cc.h"

/* RFC 6928, section 2. */
uint32_t tcp_cc_initial_window(uint32_t mss);
/* cwnd kept between one segment and cwnd_max. */
uint32_t tcp_cc_bound(const struct tcp_cc *c, uint64_t cwnd);
/*
 * Slow start by acked bytes over divisor, up to ssthresh (RFC 5681, 3.1; the whole of a stretch
 * ACK counts, since receivers that merge segments send no others). The bytes that are left for
 * congestion avoidance.
 */
uint32_t tcp_cc_slow_start(struct tcp_cc *c, uint32_t acked, unsigned divisor);
/*
 * Sending again after idle nanoseconds: cwnd is halved for each rto that has passed, down to the
 * restart window (RFC 2861, 3.1, which reaches that of RFC 5681, 4.1); ssthresh remembers three
 * quarters of what was in use.
 */
void tcp_cc_restart(struct tcp_cc *c, uint64_t idle, uint64_t rto);
