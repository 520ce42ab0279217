/*
 * Congestion control: how much TCP may have in flight. TCP (tcp_*.c) detects losses and counts;
 * what the window becomes is decided here. Pure: no clock, no packets, no locks; the caller holds
 * the connection. All windows in bytes, all times in nanoseconds.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct tcp_cc;

/* One arriving ACK that acknowledged new data (cumulatively or by SACK). */
struct tcp_cc_ack {
	uint64_t now;
	uint32_t acked;	    /* bytes newly acknowledged cumulatively */
	uint32_t in_flight; /* before this ACK */
	uint64_t rtt;	    /* sample of this ACK, 0: none (Karn) */
	uint64_t srtt, min_rtt;
	bool cwnd_limited; /* the window, not the application, limited sending in this round */
	bool round_start;  /* the first ACK for data sent after the round's mark: a round trip has
			      passed */
};

struct tcp_cc_ops {
	const char *name; /* TCP_CONGESTION */
	void (*init)(struct tcp_cc *c);
	void (*on_ack)(struct tcp_cc *c, const struct tcp_cc_ack *a); /* outside recovery */
	/* A loss (or ECN echo) begins a recovery: sets ssthresh. PRR moves cwnd there (tcp_prr.h).
	 */
	void (*on_congestion)(struct tcp_cc *c, uint32_t in_flight, uint64_t now);
	/* Retransmission timeout: ssthresh as above (once a window), cwnd one segment. */
	void (*on_rto)(struct tcp_cc *c, uint32_t in_flight, uint64_t now, bool first);
	/* The last reduction was a mistake (D-SACK, Eifel, F-RTO): state as before it. */
	void (*on_undo)(struct tcp_cc *c);
	/* Sending after idle ns without data in flight, rto being the timeout (RFC 5681 4.1, RFC
	 * 9438 4.2.. epochs). */
	void (*on_idle)(struct tcp_cc *c, uint64_t idle, uint64_t rto, uint64_t now);
};

struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t mss;
	uint32_t cwnd, ssthresh; /* ssthresh UINT32_MAX at first */
	uint32_t cwnd_max;	 /* never grows beyond (send buffer limit), 0: none */
	uint64_t state[24];	 /* of ops */
};

extern const struct tcp_cc_ops tcp_cc_cubic, tcp_cc_reno;
const struct tcp_cc_ops *tcp_cc_find(const char *name); /* NULL */
/* Initial window of RFC 6928: min(10 * mss, max(2 * mss, 14600)). */
void tcp_cc_init(struct tcp_cc *c, const struct tcp_cc_ops *ops, uint32_t mss);
void tcp_cc_set_mss(struct tcp_cc *c, uint32_t mss); /* path MTU changed */

/* Proportional Rate Reduction (RFC 6937; the slow start reduction bound of RFC 9937). */
struct tcp_prr {
	uint64_t delivered, out;
	uint32_t recover_fs; /* flight size at the start of recovery */
};
void tcp_prr_start(struct tcp_prr *p, uint32_t in_flight);
/* After an ACK in recovery that delivered bytes (SACKed or acknowledged), pipe being in flight now:
 * the new cwnd. safe: the ACK advanced snd_una and no further loss was found. */
uint32_t tcp_prr_cwnd(struct tcp_prr *p, const struct tcp_cc *c, uint32_t delivered, uint32_t pipe,
		      bool safe);
void tcp_prr_sent(struct tcp_prr *p, uint32_t bytes);
