/*
 * Listeners and half-open connections: a small record from the SYN to the last ACK of the
 * handshake, bounded by the backlog, SYN cookies beyond (RFC 4987).
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "mm/kmalloc.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/tcp.h"

#define BUCKETS	       1024u
#define SOMAXCONN      4096
#define SYN_QUEUE      128u /* at least, however short the backlog */
#define SYNACK_RETRIES 5
#define LEVELS	       (SYNACK_RETRIES + 2)
#define COOKIE_TIME    (128 * SECOND) /* how long after the last cookie ACKs are looked at */

static struct list buckets[BUCKETS];
/* Requests whose SYN-ACK was sent i times again wait equally long: each list is in the order of
 * time. */
static struct list levels[LEVELS];
static struct timer timer;
static unsigned total;

static void request_timer(struct timer *t);

void tcp_listen_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
	for (unsigned i = 0; i < LEVELS; i++)
		list_init(&levels[i]);
	timer_setup(&timer, request_timer);
	total = 0;
}

static void request_free(struct tcp_request *r)
{
	list_remove(&r->hash_link);
	list_remove(&r->listener_link);
	list_remove(&r->level_link);
	if (!r->from_cookie) {
		r->listener->request_count--;
		total--;
	}
	kfree(r);
}

static void set_deadline(struct tcp_request *r)
{
	r->deadline = tcp_now + (TCP_RTO_INIT << r->level);
	list_remove(&r->level_link);
	list_add_tail(&levels[r->level < LEVELS ? r->level : LEVELS - 1], &r->level_link);
	if (!timer_armed(&timer) || timer.expires > r->deadline)
		timer_arm(&timer, r->deadline);
}

/* What a SYN-ACK of listener l has; the timestamp is set by the caller. */
static void send_synack(struct tcp_request *r, uint32_t ts_val)
{
	struct tcp_sock *l = r->listener;
	struct tcp_syn_options so = {.ts = r->ts_ok,
				     .sack = r->sack_ok,
				     .has_wscale = r->wscale_ok,
				     .wscale = r->rcv_wscale,
				     .ts_val = ts_val,
				     .ts_ecr = r->ts_recent,
				     .mss = r->adv_mss};
	struct tcp_reply reply = {.local = r->local,
				  .remote = r->remote,
				  .lport = r->lport,
				  .rport = r->rport,
				  .seq = r->iss,
				  .ack = r->irs + 1,
				  .window = (uint16_t)(r->rcv_wnd > 65535 ? 65535 : r->rcv_wnd),
				  .flags = TH_SYN | TH_ACK,
				  .tos = ip_is_v4(&r->local) ? l->inet.tos : l->inet.tclass,
				  .ttl = ip_is_v4(&r->local) ? l->inet.ttl : l->inet.hops,
				  .syn = &so,
				  .ifindex = r->ifindex};

	r->sent_time = tcp_now;
	tcp_send_reply(&reply);
}

static uint32_t request_ts(const struct tcp_request *r)
{
	return (uint32_t)(tcp_now / MS) + r->ts_offset;
}

static void request_timer(struct timer *t)
{
	uint64_t next = UINT64_MAX;

	net_enter();
	tcp_clock_update();
	for (unsigned i = LEVELS; i-- > 0;) {
		while (!list_empty(&levels[i])) {
			struct tcp_request *r =
			    list_entry(levels[i].next, struct tcp_request, level_link);
			unsigned limit = SYNACK_RETRIES;

			if (r->deadline > tcp_now) {
				if (r->deadline < next)
					next = r->deadline;
				break;
			}
			if (r->listener->syncnt)
				limit = r->listener->syncnt < LEVELS - 1 ? r->listener->syncnt
									 : LEVELS - 1;
			/* Those whose ACK came without data wait as long as TCP_DEFER_ACCEPT says,
			 * then are accepted as they are. */
			if (r->acked && r->level >= r->listener->defer_accept) {
				r->acked = false;
				r->defer_over = true;
			}
			if (r->level >= limit) {
				request_free(r);
				continue;
			}
			r->level++;
			set_deadline(r);
			if (!r->acked) {
				tcp_stats.retrans_segs++;
				send_synack(r, request_ts(r));
			}
			if (r->deadline < next)
				next = r->deadline;
		}
	}
	if (next != UINT64_MAX)
		timer_arm(t, next);
	net_leave();
}

struct tcp_request *tcp_request_find(uint32_t hash, const struct ip_addr *local, uint16_t lport,
				     const struct ip_addr *remote, uint16_t rport)
{
	if (!total)
		return NULL;
	list_for_each_entry (r, &buckets[hash % BUCKETS], struct tcp_request, hash_link) {
		if (r->hash == hash && r->lport == lport && r->rport == rport &&
		    ip_equal(&r->remote, remote) && ip_equal(&r->local, local))
			return r;
	}
	return NULL;
}

int tcp_listen(struct socket *so, int backlog)
{
	struct tcp_sock *tp = tcp_of(so);
	int err;

	if (tp->state != TCP_LISTEN && tp->state != TCP_CLOSE)
		return -EINVAL;
	if (tp->state == TCP_CLOSE) {
		if (tp->inet.remote_port)
			return -EINVAL;
		if (!tp->inet.local_port) {
			struct ip_addr any = tp->inet.local;

			err = inet_bind(&tcp_table, &tp->inet, &any, 0);
			if (err)
				return err;
		}
		err = inet_listen_check(&tcp_table, &tp->inet);
		if (err)
			return err;
		so->shutdown = 0;
		tp->state = TCP_LISTEN;
		so->acceptconn = true;
	}
	/* A negative backlog is a large one. */
	tp->backlog = (unsigned)backlog > SOMAXCONN ? SOMAXCONN : (unsigned)backlog;
	return 0;
}

/* Ends what hangs on a listener: half-open connections silently, complete ones with RST. */
void tcp_listen_stop(struct tcp_sock *tp)
{
	list_for_each_entry_safe (r, &tp->requests, struct tcp_request, listener_link) {
		request_free(r);
	}
	list_for_each_entry_safe (child, &tp->accept_queue, struct tcp_sock, accept_link) {
		list_remove(&child->accept_link);
		child->queued_for_accept = false;
		child->listener = NULL;
		child->orphan = true;
		tcp_orphans++;
		tcp_abort(child, 0);
	}
	tp->accept_len = 0;
	tcp_so(tp)->acceptconn = false;
}

int tcp_accept(struct socket *so, struct socket **conn)
{
	struct tcp_sock *tp = tcp_of(so), *child;

	if (tp->state != TCP_LISTEN)
		return -EINVAL;
	if (list_empty(&tp->accept_queue))
		return -EAGAIN;
	child = list_entry(tp->accept_queue.next, struct tcp_sock, accept_link);
	list_remove(&child->accept_link);
	child->queued_for_accept = false;
	child->listener = NULL;
	tp->accept_len--;
	*conn = tcp_so(child);
	return 0;
}

static bool accept_full(const struct tcp_sock *l)
{
	return l->accept_len > l->backlog;
}

/* The options of the connection to be, from ours and the peer's. */
static void negotiate(struct tcp_request *r, const struct tcp_sock *l, const struct packet *p,
		      const struct tcp_options *o)
{
	uint32_t mtu = p->netif ? p->netif->mtu : 1500;
	uint32_t mss = mtu - ip_header_len(&p->dst) - TCP_HEADER;

	if (l->user_mss && l->user_mss < mss)
		mss = l->user_mss;
	r->adv_mss = (uint16_t)(mss > 65495 ? 65495 : mss);
	r->mss = o->mss ? o->mss : ip_is_v4(&p->src) ? 536 : 1220;
	r->ts_ok = o->has_ts;
	r->sack_ok = o->sack_ok;
	r->wscale_ok = o->has_wscale;
	r->snd_wscale = o->wscale;
	r->rcv_wscale = r->wscale_ok ? tcp_choose_wscale(l) : 0;
	r->ts_recent = o->ts_val;
	r->rcv_wnd = tcp_initial_window(l->inet.so.rcvbuf, r->adv_mss, l->window_clamp);
}

static void request_fill(struct tcp_request *r, struct tcp_sock *l, const struct packet *p,
			 uint32_t hash)
{
	memset(r, 0, sizeof *r);
	list_init(&r->hash_link);
	list_init(&r->listener_link);
	list_init(&r->level_link);
	r->listener = l;
	r->local = p->dst;
	r->remote = p->src;
	r->lport = get_be16(p->l4 + 2);
	r->rport = get_be16(p->l4);
	r->hash = hash;
	r->ts_offset = tcp_ts_secret(&r->local, r->lport, &r->remote, r->rport);
	if (ip_is_linklocal6(&p->src) && p->netif)
		r->ifindex = p->netif->index;
}

/* No room: the answer holds the connection. */
static void send_cookie(struct tcp_sock *l, const struct packet *p, const struct tcp_options *o,
			uint32_t hash)
{
	struct tcp_request r;

	request_fill(&r, l, p, hash);
	negotiate(&r, l, p, o);
	r.irs = p->tcp.seq;
	r.iss = tcp_cookie_make(p, &r.mss);
	/* Without timestamps there is no place for the other options. */
	r.sack_ok = r.sack_ok && r.ts_ok;
	r.wscale_ok = r.wscale_ok && r.ts_ok;
	if (!r.wscale_ok)
		r.rcv_wscale = 0;
	l->cookie_time = tcp_now;
	tcp_stats.cookies_sent++;
	send_synack(&r, r.ts_ok ? tcp_cookie_ts(request_ts(&r), o) : 0);
}

static void syn_in(struct tcp_sock *l, struct packet *p, const struct tcp_options *o, uint32_t hash,
		   uint32_t isn)
{
	struct tcp_request *r;

	if (accept_full(l)) {
		tcp_stats.listen_overflows++;
		tcp_stats.listen_drops++;
		return;
	}
	/* Never with an ISN that must follow an old connection's: cookies cannot. */
	if (l->request_count >= (l->backlog < SYN_QUEUE ? SYN_QUEUE : l->backlog) ||
	    total >= tcp_limits.max_requests || packet_memory_pressure() ||
	    !(r = kmalloc(sizeof *r))) {
		send_cookie(l, p, o, hash);
		return;
	}
	request_fill(r, l, p, hash);
	negotiate(r, l, p, o);
	r->irs = p->tcp.seq;
	r->rcv_nxt = r->irs + 1;
	r->iss = isn ? isn : tcp_isn(&r->local, r->lport, &r->remote, r->rport);
	list_add_head(&buckets[hash % BUCKETS], &r->hash_link);
	list_add_tail(&l->requests, &r->listener_link);
	l->request_count++;
	total++;
	set_deadline(r);
	send_synack(r, request_ts(r));
}

/* Makes the connection; what came with the ACK goes to it. Takes p. */
static void complete(struct tcp_request *r, struct packet *p, const struct tcp_options *o)
{
	struct tcp_sock *child;

	r->snd_wnd = p->tcp.window << r->snd_wscale;
	if (r->ts_ok && o->has_ts)
		r->ts_recent = o->ts_val;
	child = tcp_child_new(r);
	if (!child) {
		if (r->from_cookie)
			request_free(r);
		packet_free(p);
		return;
	}
	if (!r->level && r->sent_time)
		tcp_rtt_sample(child, tcp_now - r->sent_time + 1);
	request_free(r);
	if (p->len || tcp_flag(p, TH_FIN | TH_URG))
		tcp_segment(child, p);
	else
		packet_free(p);
}

/* The last ACK of a handshake that only a cookie remembers. Takes p. */
static void cookie_ack(struct tcp_sock *l, struct packet *p, const struct tcp_options *o,
		       uint32_t hash)
{
	struct tcp_options from = {0};
	struct tcp_request *r;
	uint16_t mss = tcp_cookie_check(p, p->tcp.ack - 1);

	if (!mss || accept_full(l)) {
		if (!mss) {
			tcp_stats.cookies_failed++;
			tcp_reset_reply(p);
		}
		packet_free(p);
		return;
	}
	r = kmalloc(sizeof *r);
	if (!r) {
		packet_free(p);
		return;
	}
	request_fill(r, l, p, hash);
	r->from_cookie = true;
	if (o->has_ts && !tcp_cookie_ts_decode(o->ts_ecr, &from)) {
		kfree(r);
		packet_free(p);
		return;
	}
	from.has_ts = o->has_ts;
	from.ts_val = o->ts_val;
	from.mss = mss;
	negotiate(r, l, p, &from);
	r->irs = p->tcp.seq - 1;
	r->rcv_nxt = p->tcp.seq;
	r->iss = p->tcp.ack - 1;
	tcp_stats.cookies_recv++;
	complete(r, p, o);
}

void tcp_listen_segment(struct tcp_sock *l, struct packet *p, const struct tcp_options *o,
			uint32_t hash, uint32_t isn)
{
	uint8_t f = p->tcp.flags;

	if (f & TH_RST) {
		packet_free(p);
		return;
	}
	if (f & TH_ACK) {
		/* Shortly after a flood it may answer a cookie. */
		if (!(f & TH_SYN) && l->cookie_time && tcp_now - l->cookie_time < COOKIE_TIME) {
			cookie_ack(l, p, o, hash);
			return;
		}
		tcp_reset_reply(p);
		packet_free(p);
		return;
	}
	/* SYN with FIN is nobody's; data with a SYN comes again. */
	if (f & TH_SYN && !(f & TH_FIN))
		syn_in(l, p, o, hash, isn);
	packet_free(p);
}

void tcp_request_segment(struct tcp_request *r, struct packet *p, const struct tcp_options *o)
{
	bool paws = r->ts_ok && o->has_ts && seq_lt(o->ts_val, r->ts_recent);

	/* The SYN again: our answer was lost, or is late. */
	if (tcp_flag(p, TH_SYN) && p->tcp.seq == r->irs && !tcp_flag(p, TH_RST | TH_ACK) && !paws) {
		/* The timer sends it, too: not more than one a second by this door. */
		if (tcp_now - r->sent_time >= SECOND / 2) {
			if (r->ts_ok)
				r->ts_recent = o->ts_val;
			send_synack(r, request_ts(r));
		}
		packet_free(p);
		return;
	}
	/* RFC 9293 3.10.7.4 for SYN-RECEIVED: the window begins behind the SYN. */
	if (paws || seq_lt(p->tcp.end_seq, r->rcv_nxt) ||
	    seq_gt(p->tcp.seq, r->rcv_nxt + r->rcv_wnd)) {
		if (!tcp_flag(p, TH_RST) && tcp_now - r->last_ack >= 500 * MS) {
			struct tcp_reply reply = {.local = r->local,
						  .remote = r->remote,
						  .lport = r->lport,
						  .rport = r->rport,
						  .seq = r->iss + 1,
						  .ack = r->rcv_nxt,
						  .window = (uint16_t)(r->rcv_wnd >> r->rcv_wscale),
						  .flags = TH_ACK,
						  .ts = r->ts_ok,
						  .ts_val = request_ts(r),
						  .ts_ecr = r->ts_recent,
						  .ifindex = r->ifindex};

			r->last_ack = tcp_now;
			tcp_send_reply(&reply);
		}
		packet_free(p);
		return;
	}
	if (tcp_flag(p, TH_RST)) {
		if (p->tcp.seq == r->rcv_nxt) {
			tcp_stats.attempt_fails++;
			request_free(r);
		}
		packet_free(p);
		return;
	}
	if (tcp_flag(p, TH_SYN)) { /* in the window, but not ours: the old one is void */
		tcp_reset_reply(p);
		request_free(r);
		packet_free(p);
		return;
	}
	if (!tcp_flag(p, TH_ACK)) {
		packet_free(p);
		return;
	}
	if (p->tcp.ack != r->iss + 1) {
		/* Data that follows an ACK which was lost may acknowledge no more than that. */
		tcp_reset_reply(p);
		packet_free(p);
		return;
	}
	if (r->listener->defer_accept && !r->defer_over && p->tcp.end_seq == r->rcv_nxt) {
		r->acked = true;
		packet_free(p);
		return;
	}
	/* As Linux: no room for it, so the ACK is as if lost; the peer sends again. */
	if (accept_full(r->listener)) {
		tcp_stats.listen_overflows++;
		tcp_stats.listen_drops++;
		packet_free(p);
		return;
	}
	complete(r, p, o);
}

void tcp_request_icmp(struct tcp_request *r, const struct icmp_error *e, uint32_t seq)
{
	if (seq == r->iss && e->hard) {
		tcp_stats.attempt_fails++;
		request_free(r);
	}
}

void tcp_request_each(void (*f)(const struct tcp_request *r, void *arg), void *arg)
{
	for (unsigned i = 0; i < LEVELS; i++)
		list_for_each_entry (r, &levels[i], struct tcp_request, level_link) {
			f(r, arg);
		}
}
