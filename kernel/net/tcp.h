/*
 * TCP (RFC 9293): the connection and what the files tcp_*.c say to each other.
 *
 *   segment in:  tcp_demux.c -> tcp_input.c (states, fast path) -> tcp_ack.c -> tcp_recovery.c
 *                                                              -> tcp_receive_queue.c, tcp_ooo.c
 *   segment out: tcp_send_queue.c -> tcp_output.c (what may go) -> tcp_segment.c (building it)
 *   small ones:  tcp_listen.c (half-open), tcp_cookie.c, tcp_timewait.c
 *   program:     tcp_socket.c, tcp_connect.c, tcp_sockopt.c, tcp_info.c
 *
 * Lock: net_lock guards everything. Memory: a connection is freed by tcp_reap at the end of an
 * entry into TCP, never in the middle of one, so no function needs to ask whether its connection
 * still exists. Sequence numbers and windows are in bytes, times in nanoseconds.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include "lib/list.h"
#include "net/inet.h"
#include "net/packet.h"
#include "net/tcp_cc.h"
#include "sched/timer.h"

/* States, numbered as tcp_info.tcpi_state and /proc/net/tcp show them. */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};
#define TCP_IN(tp, mask)  ((1u << (tp)->state) & (mask))
#define TCPF(s)		  (1u << (s))
#define TCPF_SYNCHRONIZED (~(TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN) | TCPF(TCP_SYN_SENT)))
/* The program may still send in these. */
#define TCPF_CAN_SEND (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT))

/* The control bits of a segment. */
#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PSH 0x08
#define TH_ACK 0x10
#define TH_URG 0x20
#define TH_ECE 0x40
#define TH_CWR 0x80

#define TCP_HEADER	20u
#define TCP_MAX_HEADER	60u
#define TCP_TS_SPACE	12u /* the timestamps option, aligned */
#define TCP_MIN_MSS	88u /* smallest that is used for sending, as Linux (TCP_MIN_SND_MSS is 48) */
#define TCP_MAX_WSCALE	14u
#define TCP_DUP_THRESH	3u
#define TCP_MAX_ISLANDS 64u

#define MS		 1000000ul
#define SECOND		 1000000000ul
#define TCP_RTO_MIN	 (200 * MS) /* RFC 6298 says one second; 200 ms is what Linux does */
#define TCP_RTO_MAX	 (120 * SECOND)
#define TCP_RTO_INIT	 (1 * SECOND)
#define TCP_DELACK	 (40 * MS)
#define TCP_QUICK_DELACK (5 * MS)
#define TCP_TIMEWAIT_LEN (60 * SECOND)
#define TCP_PAWS_24DAYS	 (24ul * 86400 * SECOND)

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}
static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}
static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/*
 * A piece of the send queue: bytes that were written together, or were cut apart since (splitting
 * shares the netbuf). Sent pieces stay until acknowledged; retransmissions refer to the same bytes.
 */
struct tcp_seg {
	struct list link;    /* tcp_sock.send_queue, by sequence number */
	struct list tx_link; /* tcp_sock.sent_order: in flight, by time of last transmission */
	struct netbuf *buf;  /* NULL if there is no payload */
	uint32_t offset;     /* of the first byte in buf */
	uint32_t seq, len;   /* payload; SYN and FIN count on top */
	uint8_t flags;	     /* TH_SYN, TH_FIN, TH_PSH */
	uint8_t mark;	     /* SEG_* */
	uint64_t xmit_time;  /* of the last transmission; 0: never sent */
};
#define SEG_SACKED   0x01
#define SEG_LOST     0x02 /* deemed lost */
#define SEG_RETRANS  0x04 /* sent again, and that copy is deemed in flight */
#define SEG_EVER     0x08 /* was ever sent again (Karn) */
#define SEG_HEADROOM 0x10 /* the bytes before offset in buf are free for headers */
#define SEG_TAIL     0x20 /* the bytes behind the payload in buf are free for more */

static inline uint32_t seg_span(const struct tcp_seg *s)
{
	return s->len + (s->flags & TH_FIN) + ((s->flags & TH_SYN) >> 1);
}
static inline uint32_t seg_end(const struct tcp_seg *s)
{
	return s->seq + seg_span(s);
}

/* Memory that a queued piece is charged with beyond its bytes. */
#define TCP_SEG_OVERHEAD 384u

struct tcp_sack_block {
	uint32_t start, end;
};

/* Options of a segment, parsed (RFC 9293 3.1, RFC 7323, RFC 2018). */
struct tcp_options {
	bool has_ts, sack_ok, has_wscale;
	uint8_t wscale, nsack;
	uint16_t mss; /* 0: absent */
	uint32_t ts_val, ts_ecr;
	struct tcp_sack_block sack[4];
};

/* Bytes that arrived beyond a hole, one contiguous range. */
struct tcp_island {
	struct list link; /* tcp_sock.islands, most recently changed first (RFC 2018 section 4) */
	uint32_t start, end;
	struct list packets;
};

enum tcp_timer {
	TCP_T_RTO,     /* retransmission (RFC 6298), SYN included */
	TCP_T_TLP,     /* tail loss probe (RFC 8985 7) */
	TCP_T_REO,     /* RACK reordering */
	TCP_T_PERSIST, /* zero window probe */
	TCP_T_KEEPALIVE,
	TCP_T_LINGER, /* FIN-WAIT-2 of an orphan */
	TCP_T_MEMORY, /* a writer waits for memory */
	TCP_T_CORK,   /* corked bytes go after 200 ms */
	TCP_TIMERS
};

#define TCP_RESENT 16 /* retransmissions remembered */

struct tcp_sock {
	struct inet_sock inet; /* first */

	/* Lines that every segment touches. */
	uint8_t state;
	uint8_t ca_state; /* enum tcp_ca_state */
	uint8_t snd_wscale, rcv_wscale;
	bool ts_ok, sack_ok, wscale_ok;
	bool nodelay, cork;
	bool fin_queued; /* a FIN is at the end of the send queue */
	bool more;	 /* MSG_MORE of the last write */
	bool hashed, orphan, queued_for_accept, dead, timer_pending;
	bool cwnd_limited, was_limited; /* by cwnd, in this round trip; in the one before */
	bool tx_valid;
	bool pingpong;	     /* interactive: delay ACKs to piggyback them */
	bool nospace;	     /* the program met a full send buffer */
	bool connecting;     /* an attempt whose result connect has not told */
	bool inq;	     /* TCP_INQ: tell how much is left to read */
	uint8_t ack_pending; /* TCP_ACK_* */

	uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, max_wnd;
	uint32_t write_seq; /* behind the last byte (or FIN) that the program wrote */
	uint32_t snd_sml;   /* behind the last small segment sent (Minshall) */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv; /* right edge of the window that was advertised */
	uint32_t rcv_wup; /* rcv_nxt of the last ACK sent */
	uint32_t ts_recent, ts_offset, last_ack_sent;
	uint64_t ts_recent_stamp;

	struct list send_queue;	   /* struct tcp_seg: sent and unacknowledged, then not sent */
	struct tcp_seg *send_head; /* the first never sent; NULL */
	struct list sent_order;
	uint32_t wmem;					  /* charged for the send queue */
	uint32_t in_flight_sacked, lost_out, retrans_out; /* bytes of sequence space */
	struct list receive_queue; /* struct packet: in order, payload only */
	uint32_t rcv_queued;	   /* bytes there */
	uint32_t rmem;		   /* charged for receive_queue and islands */
	struct list islands;
	unsigned nislands;

	/* Segment sizes. */
	uint16_t peer_mss, adv_mss, user_mss;
	uint16_t mss;	  /* payload of a full segment, timestamps taken off */
	uint16_t rcv_mss; /* estimate of what the peer sends */
	uint32_t gso_max; /* payload of the largest packet, a multiple of mss */
	uint32_t pmtu;	  /* that mss was computed from */
	uint32_t mtu_cap; /* black hole detected: no more than this; 0 */
	struct ip_tx tx;  /* while tx_valid */
	uint16_t pseudo;  /* checksum of the pseudo header without the length, folded */

	/* Round trips. */
	uint64_t srtt, rttvar, rto, min_rtt, min_rtt_stamp;
	struct tcp_cc cc;
	struct tcp_prr prr;
	uint32_t round_mark, round_flight, was_flight; /* most in flight, this round and before */
	uint8_t backoff, retransmits, probes_out, syn_retries, keep_probes;

	/* Loss recovery. */
	uint32_t high_seq;     /* snd_nxt when it began */
	uint32_t undo_marker;  /* snd_una when it began; undo_on says if it is valid */
	uint32_t undo_retrans; /* bytes sent again and not yet reported as duplicates */
	/* What was sent again and no D-SACK has reported, the oldest first; those from resent_mark
	 * on belong to this recovery (tcp_dsack.c). */
	struct tcp_sack_block resent[TCP_RESENT];
	uint8_t nresent, resent_mark;
	bool undo_on, frto, reneging;
	uint64_t rto_since;    /* when what times out now was sent last before */
	uint64_t retrans_time; /* of the first retransmission of this recovery */
	uint32_t retrans_ts;   /* its TSval (Eifel, RFC 3522) */
	uint32_t dupacks;      /* without SACK */
	uint32_t lost_hint;    /* nothing below it waits for retransmission */
	uint64_t rack_time, rack_rtt;
	uint32_t rack_end, rack_fack;
	uint32_t rack_mult, rack_persist; /* reordering window (RFC 8985 6.2 step 4) */
	uint32_t rack_round;
	bool rack_reord_seen, rack_dsack_round;
	uint32_t tlp_end; /* tail loss probe outstanding */
	bool tlp_out, tlp_retrans;
	uint32_t reordering;

	/* ACKs to be sent. */
	struct list
	    delack_link; /* on a queue of delayed ACKs, or of those for the end of the batch */
	uint64_t delack_deadline;
	uint8_t quick; /* quick ACKs left */
	bool dsack;    /* report dsack_block next */
	struct tcp_sack_block dsack_block;
	uint64_t last_recv, last_sent, last_oow_ack;

	/* Receive buffer tuning. */
	uint32_t copied_seq; /* next byte that the program reads */
	uint32_t window_clamp;
	uint16_t rcv_ratio; /* payload per memory, in 256ths */
	uint32_t rcv_ratio_truesize, rcv_ratio_len;
	uint32_t rcvq_seq, rcvq_space;
	uint64_t rcvq_time, rcv_rtt, rcv_rtt_time;
	uint32_t rcv_rtt_seq;

	/* Urgent data (RFC 6093; one byte, as Linux). */
	uint32_t urg_seq, snd_up;
	uint16_t urg_data; /* TCP_URG_* | byte */
	bool urg_out;

	/* Timers: deadlines, served by one timer that is armed for the earliest at some time. */
	struct timer timer;
	uint64_t deadline[TCP_TIMERS]; /* 0: none */

	/* Options of the program. */
	uint32_t keepidle, keepintvl, user_timeout; /* s, s, ms; 0: default */
	uint8_t keepcnt, syncnt;
	int32_t linger2;	/* s; 0: default, <0: none */
	uint8_t defer_accept;	/* retransmissions */
	uint32_t notsent_lowat; /* 0: default (none) */
	int soft_error;

	/* A listener: its children. A child: its listener. */
	struct list accept_queue, accept_link, requests;
	unsigned accept_len, backlog, request_count;
	struct tcp_sock *listener;
	uint64_t cookie_time; /* cookies were sent last */
	struct list reap_link;

	/* Counters for TCP_INFO. */
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t segs_in, segs_out, data_in, data_out, total_retrans, dsack_dups, reord_seen,
	    ooo_packets, delivered;
	uint64_t last_ack_time;
};
#define TCP_ACK_NONE  0
#define TCP_ACK_DELAY 1 /* the delayed ACK timer runs */
#define TCP_ACK_NOW   2 /* at the end of the batch */

#define TCP_URG_NOTYET 0x200
#define TCP_URG_VALID  0x100
#define TCP_URG_READ   0x400

static inline struct tcp_sock *tcp_of(struct socket *so)
{
	return (struct tcp_sock *)(void *)so;
}
static inline struct tcp_sock *tcp_of_inet(struct inet_sock *s)
{
	return (struct tcp_sock *)(void *)s;
}
static inline struct socket *tcp_so(struct tcp_sock *tp)
{
	return &tp->inet.so;
}

/* A segment's TCP view while it is processed; the packet's data is at the payload. */
static inline bool tcp_flag(const struct packet *p, unsigned f)
{
	return (p->tcp.flags & f) != 0;
}

/* Limits, by the size of the machine (tcp_socket.c). */
struct tcp_limits {
	uint32_t rmem_default, rmem_max, wmem_default, wmem_max;
	uint32_t max_orphans, max_timewait, max_requests;
};
extern struct tcp_limits tcp_limits;
extern struct inet_table tcp_table;
extern unsigned tcp_orphans;

/* Counters; shown beside packet_stats, and by /proc/net/snmp and netstat under their names. */
struct tcp_stats {
	uint64_t active_opens, passive_opens, attempt_fails, estab_resets, in_segs, out_segs,
	    retrans_segs, in_errs, out_rsts, csum_errors, listen_drops, listen_overflows,
	    cookies_sent, cookies_recv, cookies_failed, challenge_acks, timewait, timewait_recycled,
	    orphans_aborted, paws, ooo_dropped, rcv_pruned, timeouts, fast_retrans, tlp_probes,
	    dsack_recv, undo, mem_aborts, connections, segments; /* the last two: alive now */
};
extern struct tcp_stats tcp_stats;

/* The time of the segment, call or timer being served; set by tcp_clock_update at each entry. */
extern uint64_t tcp_now;
void tcp_clock_update(void);
static inline uint32_t tcp_ts_now(const struct tcp_sock *tp)
{
	return (uint32_t)(tcp_now / MS) + tp->ts_offset;
}

/* --- tcp_isn.c --- */
void tcp_isn_init(void);
/* Initial sequence number (RFC 6528). */
uint32_t tcp_isn(const struct ip_addr *local, uint16_t lport, const struct ip_addr *remote,
		 uint16_t rport);
/* Offset of a connection's timestamp clock (RFC 7323 7.1): the same whenever the four are. */
uint32_t tcp_ts_secret(const struct ip_addr *local, uint16_t lport, const struct ip_addr *remote,
		       uint16_t rport);

/* --- tcp_options.c --- */
/* Parses the options in [p, p + len). Malformed ones end the parsing (RFC 9293 3.1). */
void tcp_parse_options(const uint8_t *p, unsigned len, bool syn, struct tcp_options *o);
/* Write options; return the next byte. Every one keeps the alignment to 4. */
uint8_t *tcp_put_ts(uint8_t *p, uint32_t val, uint32_t ecr);
struct tcp_syn_options {
	uint16_t mss;
	bool ts, sack, has_wscale;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
};
unsigned tcp_put_syn_options(uint8_t *p, const struct tcp_syn_options *o);
unsigned tcp_put_sack(uint8_t *p, struct tcp_sock *tp, unsigned space);
unsigned tcp_sack_space(const struct tcp_sock *tp);

/* --- tcp_demux.c: tcp_input, tcp_icmp_error, lookups --- */
/* Answers a segment that belongs to nobody with RST (RFC 9293 3.5.2). p stays the caller's. */
void tcp_reset_reply(const struct packet *p);

/* --- tcp_input.c --- */
/* A segment for tp, which is not listening. Takes p. */
void tcp_segment(struct tcp_sock *tp, struct packet *p);
/* The handshake is over. */
void tcp_enter_established(struct tcp_sock *tp);
/* The connection is gone: leaves the tables, wakes everybody; error (positive) or 0 is what the
 * program is told. */
void tcp_done(struct tcp_sock *tp, int error);
/* Sends RST, then tcp_done. */
void tcp_abort(struct tcp_sock *tp, int error);
/* The peer's FIN is next in sequence. */
void tcp_fin(struct tcp_sock *tp);
void tcp_reap(void);

/* --- tcp_ack.c --- */
/* What one ACK has brought. */
struct tcp_ack_result {
	uint32_t acked;	     /* bytes, cumulatively */
	uint32_t delivered;  /* bytes, cumulatively or by SACK, for the first time */
	uint64_t rtt;	     /* 0: none */
	bool ever_retrans;   /* some of it had been sent again */
	bool orig_delivered; /* something never sent again was delivered after high_seq was set */
	bool dsack;	     /* a retransmission was reported as a duplicate */
	bool dsack_tlp;	     /* and it was the tail loss probe */
	bool new_sack, window_update, lost;
	uint32_t prior_in_flight;
};
/* Processes the acknowledgment of a segment; false: the segment is to be dropped. */
bool tcp_ack(struct tcp_sock *tp, struct packet *p, const struct tcp_options *o);
/* The usual case: nothing lost, no SACK. */
void tcp_ack_fast(struct tcp_sock *tp, uint32_t ack);
void tcp_write_space(struct tcp_sock *tp);

/* --- tcp_sack.c --- */
void tcp_sack_apply(struct tcp_sock *tp, const struct tcp_options *o, uint32_t ack,
		    struct tcp_ack_result *r);

/* --- tcp_dsack.c (RFC 2883, 3708) --- */
/* start to end is sent again. */
void tcp_dsack_resent(struct tcp_sock *tp, uint32_t start, uint32_t end);
/* A recovery begins: what is sent again from here on can prove it mistaken. */
void tcp_dsack_mark(struct tcp_sock *tp);
/* The ACK o, for ack, reports a duplicate in its first block. */
void tcp_dsack_note(struct tcp_sock *tp, const struct tcp_options *o, struct tcp_ack_result *r);

/* --- tcp_recovery.c --- */
static inline uint32_t tcp_in_flight(const struct tcp_sock *tp)
{
	uint32_t n =
	    tp->snd_nxt - tp->snd_una - tp->in_flight_sacked - tp->lost_out + tp->retrans_out;

	/* Without SACK each duplicate ACK stands for a segment that has left the network. */
	if (tp->dupacks) {
		uint32_t gone = tp->dupacks * tp->mss;

		return n > gone ? n - gone : 0;
	}
	return n;
}
void tcp_recovery_ack(struct tcp_sock *tp, struct tcp_ack_result *r, const struct tcp_options *o);
void tcp_enter_loss(struct tcp_sock *tp);
void tcp_mark_lost(struct tcp_sock *tp, struct tcp_seg *s);
void tcp_recovery_reset(struct tcp_sock *tp);

/* --- tcp_rack.c (RFC 8985) --- */
void tcp_rack_delivered(struct tcp_sock *tp, const struct tcp_seg *s, const struct tcp_options *o);
/* Marks what is lost; true if anything was. */
bool tcp_rack_detect(struct tcp_sock *tp);
void tcp_tlp_schedule(struct tcp_sock *tp);
void tcp_tlp_fire(struct tcp_sock *tp);
void tcp_reo_fire(struct tcp_sock *tp);
/* pure_dup: the ACK is a duplicate and has no SACK option. */
void tcp_tlp_ack(struct tcp_sock *tp, const struct tcp_ack_result *r, bool pure_dup);

/* --- tcp_rtt.c --- */
void tcp_rtt_init(struct tcp_sock *tp);
void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt);
void tcp_set_rto(struct tcp_sock *tp);

/* --- tcp_send_queue.c --- */
struct tcp_seg *tcp_seg_new(struct tcp_sock *tp, uint32_t seq, uint8_t flags);
/* Unlinks and frees; the counters of recovery are the caller's. */
void tcp_seg_free(struct tcp_sock *tp, struct tcp_seg *s);
/* Cuts s after its first len bytes (0 < len < s->len). False: no memory. */
bool tcp_seg_split(struct tcp_sock *tp, struct tcp_seg *s, uint32_t len);
long tcp_sendmsg(struct socket *so, struct socket_msg *m);
/* Puts a FIN behind the last byte. False: no memory. */
bool tcp_queue_fin(struct tcp_sock *tp);
void tcp_send_queue_purge(struct tcp_sock *tp);
/* True if a writer may go on: sk_stream_is_writeable of Linux. */
bool tcp_writable(const struct tcp_sock *tp);

/* --- tcp_output.c --- */
/* Sends what may be sent: lost segments first, then new ones. */
void tcp_output(struct tcp_sock *tp);
/* The same, but also a tail that Nagle or a cork would hold back. */
void tcp_output_force(struct tcp_sock *tp);
bool tcp_retransmit(struct tcp_sock *tp, struct tcp_seg *s, uint32_t max);
/* Sends what recovery has marked as lost. */
void tcp_retransmit_lost(struct tcp_sock *tp);
/* Computes mss from the route, caps and options (RFC 9293 3.7.1). */
void tcp_sync_mss(struct tcp_sock *tp);
bool tcp_route(struct tcp_sock *tp);

/* --- tcp_segment.c --- */
/* Sends count pieces from first on, total bytes of payload, as one packet. */
bool tcp_transmit(struct tcp_sock *tp, struct tcp_seg *first, unsigned count, uint32_t total);
void tcp_send_ack(struct tcp_sock *tp);
/* Segment without payload: ACK, RST, probes. */
void tcp_send_control(struct tcp_sock *tp, uint8_t flags, uint32_t seq);
void tcp_send_syn(struct tcp_sock *tp, struct tcp_seg *s);
/* What is needed for a segment outside a connection. */
struct tcp_reply {
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint32_t seq, ack, ts_val, ts_ecr;
	uint16_t window; /* as it goes on the wire */
	uint8_t flags, tos, ttl;
	bool ts;
	const struct tcp_syn_options *syn;
	int ifindex;
};
void tcp_send_reply(const struct tcp_reply *r);

/* --- tcp_receive_queue.c --- */
long tcp_recvmsg(struct socket *so, struct socket_msg *m);
/* Appends in-order payload. Takes p. */
void tcp_receive(struct tcp_sock *tp, struct packet *p);
void tcp_receive_purge(struct tcp_sock *tp);
/* Bytes that may be read before urgent data. */
uint32_t tcp_readable(const struct tcp_sock *tp);
/* True if memory allows to queue p; makes room if it can. */
bool tcp_rmem_schedule(struct tcp_sock *tp, uint32_t truesize);

/* tcp_join.c: copies p, if it is small, behind the last packet of queue. True: p is taken. */
bool tcp_packet_join(struct tcp_sock *tp, struct list *queue, struct packet *p);

/* --- tcp_window.c --- */
/* The window to advertise; moves rcv_adv. In bytes. */
uint32_t tcp_select_window(struct tcp_sock *tp);
uint32_t tcp_rcv_wnd(const struct tcp_sock *tp); /* what of the advertised window is left */
void tcp_window_init(struct tcp_sock *tp);
uint8_t tcp_choose_wscale(const struct tcp_sock *tp);
void tcp_rcv_adjust(struct tcp_sock *tp); /* after a read: dynamic right sizing */
void tcp_rcv_rtt_measure(struct tcp_sock *tp, const struct packet *p, const struct tcp_options *o);
void tcp_cleanup_rbuf(struct tcp_sock *tp, uint32_t copied);
void tcp_sndbuf_expand(struct tcp_sock *tp);
uint32_t tcp_initial_window(uint32_t rcvbuf, uint16_t mss, uint32_t clamp);

/* --- tcp_ooo.c --- */
/* A segment beyond rcv_nxt. Takes p. */
void tcp_ooo_insert(struct tcp_sock *tp, struct packet *p);
/* Moves what has become contiguous to the receive queue; true if a FIN was met. */
void tcp_ooo_advance(struct tcp_sock *tp);
void tcp_ooo_purge(struct tcp_sock *tp);
/* Makes room: copies small packets together, then drops from the end. */
void tcp_ooo_prune(struct tcp_sock *tp);

/* --- tcp_delack.c: when ACKs go out --- */
void tcp_ack_now(struct tcp_sock *tp);	 /* at the end of the batch */
void tcp_ack_later(struct tcp_sock *tp); /* delayed */
void tcp_ack_sent(struct tcp_sock *tp);	 /* a segment with an ACK went out */
/* Decides about segment p, in order, now queued or about to be. */
void tcp_ack_data(struct tcp_sock *tp, uint32_t len, bool push);
void tcp_ack_forget(struct tcp_sock *tp);
void tcp_enter_quickack(struct tcp_sock *tp, unsigned n);
void tcp_delack_init(void);
/* Challenge ACK (RFC 5961 7): rate limited over all connections. */
void tcp_challenge_ack(struct tcp_sock *tp);
/* An ACK in answer to a segment out of window: at most one in 500 ms. */
void tcp_oow_ack(struct tcp_sock *tp, const struct packet *p);

/* --- tcp_timer.c --- */
void tcp_timer_setup(struct tcp_sock *tp);
void tcp_timer_set(struct tcp_sock *tp, enum tcp_timer t, uint64_t deadline);
static inline void tcp_timer_clear(struct tcp_sock *tp, enum tcp_timer t)
{
	tp->deadline[t] = 0;
}
void tcp_timer_clear_all(struct tcp_sock *tp);
/* True if the timer's callback cannot come any more. */
bool tcp_timer_stop(struct tcp_sock *tp);
void tcp_keepalive_start(struct tcp_sock *tp);
void tcp_rearm_rto(struct tcp_sock *tp);
void tcp_check_persist(struct tcp_sock *tp);
void tcp_send_probe(struct tcp_sock *tp, bool urgent);

/* --- tcp_listen.c: half-open connections --- */
struct tcp_request {
	struct list hash_link, listener_link, level_link;
	struct tcp_sock *listener;
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint32_t hash;
	uint32_t irs, iss, rcv_nxt, rcv_wnd, ts_recent, ts_offset;
	uint64_t deadline, sent_time, last_ack;
	uint32_t snd_wnd;
	uint16_t mss, adv_mss;
	uint8_t level; /* SYN-ACKs sent again */
	uint8_t snd_wscale, rcv_wscale;
	bool ts_ok, sack_ok, wscale_ok, acked; /* acked: the final ACK came, data is awaited */
	bool from_cookie, defer_over;
	int ifindex;
};
void tcp_listen_init(void);
int tcp_listen(struct socket *so, int backlog);
int tcp_accept(struct socket *so, struct socket **conn);
void tcp_listen_stop(struct tcp_sock *tp);
struct tcp_request *tcp_request_find(uint32_t hash, const struct ip_addr *local, uint16_t lport,
				     const struct ip_addr *remote, uint16_t rport);
/* A segment for a half-open connection; takes p. */
void tcp_request_segment(struct tcp_request *r, struct packet *p, const struct tcp_options *o);
void tcp_request_icmp(struct tcp_request *r, const struct icmp_error *e, uint32_t seq);
/* A segment for a listener; takes p. isn: 0, or one that continues a connection in TIME-WAIT. */
void tcp_listen_segment(struct tcp_sock *l, struct packet *p, const struct tcp_options *o,
			uint32_t hash, uint32_t isn);
/* tcp_child.c: makes the connection of a completed handshake and queues it. NULL: refused. */
struct tcp_sock *tcp_child_new(struct tcp_request *r);

/* --- tcp_cookie.c --- */
void tcp_cookie_init(void);
uint32_t tcp_cookie_make(const struct packet *p, uint16_t *mss);
/* Which MSS a cookie stands for; 0: it is none. */
uint16_t tcp_cookie_check(const struct packet *p, uint32_t cookie);
uint32_t tcp_cookie_ts(uint32_t ts_now, const struct tcp_options *o);
bool tcp_cookie_ts_decode(uint32_t ts, struct tcp_options *o);

/* --- tcp_timewait.c --- */
void tcp_timewait_init(void);
/* Puts tp's pair into TIME-WAIT and ends tp. */
void tcp_enter_timewait(struct tcp_sock *tp);
struct tcp_timewait;
struct tcp_timewait *tcp_timewait_find(uint32_t hash, const struct ip_addr *local, uint16_t lport,
				       const struct ip_addr *remote, uint16_t rport);
/* A segment for a pair in TIME-WAIT. True: handled, p is taken. False: it is a SYN that may open
 * the pair again with *isn. */
bool tcp_timewait_segment(struct tcp_timewait *tw, struct packet *p, const struct tcp_options *o,
			  uint32_t *isn);
bool tcp_timewait_in_use(const struct inet_sock *s, uint16_t port);
struct tcp_tw_view {
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint64_t expires;
};
/* Calls f for every pair; for /proc/net/tcp. */
void tcp_timewait_each(void (*f)(const struct tcp_tw_view *v, void *arg), void *arg);
void tcp_request_each(void (*f)(const struct tcp_request *r, void *arg), void *arg);

/* --- tcp_socket.c, tcp_connect.c, tcp_sockopt.c, tcp_info.c, tcp_poll.c, tcp_urgent.c --- */
extern const struct proto tcp_proto4, tcp_proto6;
void tcp_init_sock(struct tcp_sock *tp);
/* Frees what tp holds; the memory itself goes with socket_free. */
void tcp_destroy(struct tcp_sock *tp);
int tcp_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len);
int tcp_disconnect(struct tcp_sock *tp);
void tcp_release(struct socket *so);
int tcp_shutdown(struct socket *so, int how);
int tcp_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len);
int tcp_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len);
void tcp_fill_info(struct tcp_sock *tp, struct tcp_info *i);
uint32_t tcp_poll(struct socket *so);
int tcp_ioctl(struct socket *so, unsigned cmd, uintptr_t arg);
void tcp_wake_read(struct tcp_sock *tp);
void tcp_urgent_in(struct tcp_sock *tp, const struct packet *p, uint16_t urg_ptr);
void tcp_urgent_data(struct tcp_sock *tp, const struct packet *p);
long tcp_recv_urgent(struct tcp_sock *tp, struct socket_msg *m);
