/*
 * Timers of a connection. Each has a deadline; one kernel timer serves them, armed only when it is
 * not or stands too late. It may come too early, looks at the deadlines, and goes to the next: a
 * segment moves deadlines without touching the kernel timer.
 */
#include <asm/errno.h>
#include "net/net.h"
#include "net/netif.h"
#include "net/tcp.h"

#define TICK		(1ull << 22) /* 4 ms. Coarse deadlines end on multiples: one interrupt for many */
#define RETRIES		15	     /* tcp_retries2 of Linux */
#define ORPHAN_RETRIES	8
#define SYN_RETRIES	6
#define SYNACK_RETRIES	5
#define KEEPALIVE_TIME	7200u
#define KEEPALIVE_INTVL 75u
#define KEEPALIVE_COUNT 9
#define BLACK_HOLE_AT	2 /* timeouts in a row before smaller segments are tried */
#define CARRIER_PROBE	(500 * MS)
#define CARRIER_LIMIT	(924 * SECOND) /* what RETRIES come to (tcp_retries2 of Linux) */

static void tick(struct timer *t);

void tcp_timer_setup(struct tcp_sock *tp)
{
	timer_setup(&tp->timer, tick);
}

void tcp_timer_set(struct tcp_sock *tp, enum tcp_timer t, uint64_t deadline)
{
	uint64_t expires = deadline;

	tp->deadline[t] = deadline;
	if (t != TCP_T_REO && t != TCP_T_TLP)
		expires = (expires + TICK - 1) & ~(TICK - 1);
	if (!tp->timer_pending || tp->timer.expires > expires) {
		tp->timer_pending = true;
		timer_arm(&tp->timer, expires);
	}
}

void tcp_timer_clear_all(struct tcp_sock *tp)
{
	memset(tp->deadline, 0, sizeof tp->deadline);
}

bool tcp_timer_stop(struct tcp_sock *tp)
{
	return !tp->timer_pending || timer_cancel(&tp->timer);
}

void tcp_rearm_rto(struct tcp_sock *tp)
{
	uint64_t rto = tp->rto << tp->backoff;

	if (tp->snd_nxt == tp->snd_una) {
		tcp_timer_clear(tp, TCP_T_RTO);
		return;
	}
	if (rto > TCP_RTO_MAX)
		rto = TCP_RTO_MAX;
	tcp_timer_set(tp, TCP_T_RTO, tcp_now + rto);
}

/* There is something to send, nothing in flight, and no ACK will come by itself. */
void tcp_check_persist(struct tcp_sock *tp)
{
	uint64_t wait;

	if (!tp->send_head || tp->snd_nxt != tp->snd_una || tp->deadline[TCP_T_PERSIST] ||
	    tp->deadline[TCP_T_CORK])
		return;
	wait = tp->rto << tp->backoff;
	if (wait > TCP_RTO_MAX)
		wait = TCP_RTO_MAX;
	tcp_timer_set(tp, TCP_T_PERSIST, tcp_now + wait);
}

void tcp_keepalive_start(struct tcp_sock *tp)
{
	uint64_t idle = tp->keepidle ? tp->keepidle : KEEPALIVE_TIME;

	tcp_timer_set(tp, TCP_T_KEEPALIVE, tcp_now + idle * SECOND);
}

/* An old sequence number makes the peer answer with an ACK (RFC 9293 3.8.4, 3.8.6.1). */
void tcp_send_probe(struct tcp_sock *tp, bool urgent)
{
	tcp_send_control(tp, TH_ACK, tp->snd_una - (urgent ? 0 : 1));
}

static void timed_out(struct tcp_sock *tp)
{
	tcp_stats.timeouts++;
	tcp_abort(tp, tp->soft_error ? tp->soft_error : ETIMEDOUT);
}

/* Has the peer been silent for longer than the program wants to wait? since: when waiting began. */
static bool past_user_timeout(const struct tcp_sock *tp, uint64_t since)
{
	return tp->user_timeout && tcp_now - since >= tp->user_timeout * MS;
}

static unsigned orphan_retries(const struct tcp_sock *tp)
{
	/* Those whose peer has proved alive lately get the full number. */
	return tp->soft_error ? 0 : ORPHAN_RETRIES;
}

/* SYN, and SYN with ACK of a simultaneous open. */
static void syn_timeout(struct tcp_sock *tp)
{
	struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	unsigned limit = tp->state == TCP_SYN_RECV ? SYNACK_RETRIES
			 : tp->syncnt		   ? tp->syncnt
						   : SYN_RETRIES;

	if (tp->syn_retries >= limit ||
	    past_user_timeout(tp, tp->retrans_time ? tp->retrans_time : tcp_now)) {
		tcp_stats.timeouts++;
		tcp_done(tp, tp->soft_error ? tp->soft_error : ETIMEDOUT);
		return;
	}
	tp->syn_retries++;
	tp->total_retrans++;
	if (!tp->retrans_time)
		tp->retrans_time = tcp_now;
	tcp_stats.retrans_segs++;
	s->mark |= SEG_EVER;
	tp->inet.route.generation = 0;
	tcp_send_syn(tp, s);
	if (tp->backoff < 20)
		tp->backoff++;
	tcp_rearm_rto(tp);
}

/* Large segments vanish without a word: a router hides its errors. Try smaller ones. (In the
 * spirit of RFC 4821 7.7.) */
static void black_hole(struct tcp_sock *tp)
{
	bool v4 = ip_is_v4(&tp->inet.remote);
	uint32_t cap = tp->pmtu > 1280 ? 1280 : v4 && tp->pmtu > 576 ? 576 : 0;
	struct tcp_seg *s = list_entry(tp->send_queue.next, struct tcp_seg, link);

	if (!cap || s->len < tp->mss)
		return;
	tp->mtu_cap = cap;
	tp->pmtu = 0;
	tcp_sync_mss(tp);
}

/*
 * The interface has no carrier: nothing would leave the machine, and neither path nor peer are to
 * blame. A timeout then is put off, without backing off, so that the connection goes on as soon as
 * the link is back. (What RFC 6069 does for routes that break further away.) Gives up in the end.
 */
static bool wait_for_carrier(struct tcp_sock *tp, enum tcp_timer t, uint64_t since)
{
	if (!tcp_route(tp) || tp->inet.route.netif->flags & IFF_RUNNING)
		return false;
	if (tcp_now - since >= CARRIER_LIMIT)
		timed_out(tp);
	else
		tcp_timer_set(tp, t, tcp_now + CARRIER_PROBE);
	return true;
}

static void rto_timeout(struct tcp_sock *tp)
{
	struct tcp_seg *s;

	if (TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))) {
		syn_timeout(tp);
		return;
	}
	if (tp->snd_nxt == tp->snd_una || list_empty(&tp->send_queue))
		return;
	s = list_entry(tp->send_queue.next, struct tcp_seg, link);
	if (tp->retransmits == 0)
		tp->rto_since = s->xmit_time;
	if (past_user_timeout(tp, tp->rto_since) ||
	    tp->retransmits >= (tp->orphan ? orphan_retries(tp) : RETRIES)) {
		timed_out(tp);
		return;
	}
	if (wait_for_carrier(tp, TCP_T_RTO, tp->rto_since))
		return;
	if (tp->retransmits >= BLACK_HOLE_AT)
		black_hole(tp);
	if (tp->retransmits >= 3)
		tp->inet.route.generation = 0; /* perhaps there is a better way by now */
	tcp_enter_loss(tp);
	tp->retransmits++;
	tcp_stats.timeouts++;
	if (tp->backoff < 20)
		tp->backoff++;
	tcp_rearm_rto(tp);
	tcp_retransmit_lost(tp);
}

static void persist_timeout(struct tcp_sock *tp)
{
	uint64_t since = tp->last_ack_time;

	if (tp->snd_nxt != tp->snd_una || !tp->send_head)
		return;
	if (!(tp->probes_out && past_user_timeout(tp, since)) &&
	    wait_for_carrier(tp, TCP_T_PERSIST, tp->probes_out ? since : tcp_now))
		return;
	tcp_output_force(tp);
	if (tp->snd_nxt != tp->snd_una)
		return;
	if (tp->probes_out >= (tp->orphan ? ORPHAN_RETRIES : RETRIES) ||
	    (tp->probes_out && past_user_timeout(tp, since))) {
		timed_out(tp);
		return;
	}
	tcp_timer_clear(tp, TCP_T_PERSIST); /* set again below, slower */
	tp->probes_out++;
	if (tp->backoff < 20)
		tp->backoff++;
	tcp_send_probe(tp, false);
	tcp_check_persist(tp);
}

static void keepalive_timeout(struct tcp_sock *tp)
{
	uint64_t idle = (uint64_t)(tp->keepidle ? tp->keepidle : KEEPALIVE_TIME) * SECOND;
	uint64_t interval = (uint64_t)(tp->keepintvl ? tp->keepintvl : KEEPALIVE_INTVL) * SECOND;
	unsigned count = tp->keepcnt ? tp->keepcnt : KEEPALIVE_COUNT;
	uint64_t heard = tp->last_recv > tp->last_ack_time ? tp->last_recv : tp->last_ack_time;

	if (!tp->inet.so.keepalive || !TCP_IN(tp, TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT) |
						      TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)))
		return;
	/* Data that is being sent again tests the peer as well. */
	if (tp->snd_nxt != tp->snd_una || tp->send_head) {
		tcp_timer_set(tp, TCP_T_KEEPALIVE, tcp_now + idle);
		return;
	}
	if (tcp_now - heard < idle) {
		tp->keep_probes = 0;
		tcp_timer_set(tp, TCP_T_KEEPALIVE, heard + idle);
		return;
	}
	if (tp->user_timeout ? tp->keep_probes && past_user_timeout(tp, heard)
			     : tp->keep_probes >= count) {
		timed_out(tp);
		return;
	}
	tcp_send_probe(tp, false);
	tp->keep_probes++;
	tcp_timer_set(tp, TCP_T_KEEPALIVE, tcp_now + interval);
}

static void fire(struct tcp_sock *tp, enum tcp_timer t)
{
	switch (t) {
	case TCP_T_RTO:
		rto_timeout(tp);
		break;
	case TCP_T_TLP:
		tcp_tlp_fire(tp);
		break;
	case TCP_T_REO:
		tcp_reo_fire(tp);
		break;
	case TCP_T_PERSIST:
		persist_timeout(tp);
		break;
	case TCP_T_KEEPALIVE:
		keepalive_timeout(tp);
		break;
	case TCP_T_LINGER:
		tcp_done(tp, 0);
		break;
	case TCP_T_MEMORY:
		tp->nospace = true;
		tcp_write_space(tp);
		break;
	case TCP_T_CORK:
		tcp_output_force(tp);
		break;
	case TCP_TIMERS:
		break;
	}
}

static void tick(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, timer);
	uint64_t next = UINT64_MAX;

	net_enter();
	tp->timer_pending = false;
	if (tp->dead) {
		/* Nobody has called tcp_reap yet, or it left the memory to us. */
		if (!list_empty(&tp->reap_link))
			tcp_reap();
		else
			socket_free(tcp_so(tp));
		net_leave();
		return;
	}
	tcp_clock_update();
	for (unsigned i = 0; i < TCP_TIMERS; i++) {
		if (!tp->deadline[i] || tp->deadline[i] > tcp_now)
			continue;
		tp->deadline[i] = 0;
		fire(tp, i);
	}
	for (unsigned i = 0; i < TCP_TIMERS; i++) {
		if (tp->deadline[i] && tp->deadline[i] < next)
			next = tp->deadline[i];
	}
	/* What fired may have armed it for its own deadline only. */
	if (next != UINT64_MAX && (!tp->timer_pending || tp->timer.expires > next)) {
		tp->timer_pending = true;
		timer_arm(&tp->timer, next);
	}
	tcp_reap();
	net_leave();
}
