/*
 * TIME-WAIT (RFC 9293 3.6.1): what remains of a connection that this end closed first. A small
 * record, in a table of its own; all live equally long, so the oldest is the first to go, by time
 * or because the table is full.
 */
#include "mm/kmalloc.h"
#include "net/net.h"
#include "net/tcp.h"

struct tcp_timewait {
	struct list hash_link, age_link, port_link;
	struct inet_holder holder; /* of lport */
	struct ip_addr remote;
	uint16_t lport, rport;
	uint32_t hash;
	uint32_t snd_nxt, rcv_nxt, rcv_wnd, ts_recent, ts_offset;
	uint64_t expires, ts_recent_stamp, last_ack;
	uint8_t wscale, tos;
	bool ts_ok;
};

#define BUCKETS 1024u
static struct list buckets[BUCKETS];
static struct list by_age = LIST_INIT(by_age);
static struct list by_port[INET_BIND_BUCKETS];
static struct timer timer;
static unsigned count;

static void timewait_free(struct tcp_timewait *tw)
{
	list_remove(&tw->hash_link);
	list_remove(&tw->age_link);
	list_remove(&tw->port_link);
	count--;
	tcp_stats.timewait = count;
	kfree(tw);
}

static void expire(struct timer *t)
{
	net_enter();
	tcp_clock_update();
	while (!list_empty(&by_age)) {
		struct tcp_timewait *tw = list_entry(by_age.next, struct tcp_timewait, age_link);

		if (tw->expires > tcp_now) {
			/* Not one by one, where thousands end within a second. */
			timer_arm(t, tw->expires + 100 * MS);
			break;
		}
		timewait_free(tw);
	}
	net_leave();
}

/* bind and listen: TIME-WAIT keeps the port from others, as the connection did; SO_REUSEADDR on
 * both lets a server start again (socket(7)). */
static bool held(const struct inet_sock *s, const struct ip_addr *addr, uint16_t port,
		 bool exclusive)
{
	list_for_each_entry (tw, &by_port[port % INET_BIND_BUCKETS], struct tcp_timewait, port_link)
		if (tw->lport == port && inet_held_conflicts(s, addr, &tw->holder, exclusive))
			return true;
	return false;
}

void tcp_timewait_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
	for (unsigned i = 0; i < INET_BIND_BUCKETS; i++)
		list_init(&by_port[i]);
	tcp_table.held = held;
	timer_setup(&timer, expire);
}

void tcp_enter_timewait(struct tcp_sock *tp)
{
	struct tcp_timewait *tw;

	if (count >= tcp_limits.max_timewait && count) {
		tcp_stats.timewait_recycled++;
		timewait_free(list_entry(by_age.next, struct tcp_timewait, age_link));
	}
	tw = kmalloc(sizeof *tw);
	if (tw) {
		*tw = (struct tcp_timewait){.holder = {.local = tp->inet.local,
						       .ifindex = tp->inet.so.bound_ifindex,
						       .v6only = tp->inet.v6only,
						       .reuseaddr = tp->inet.so.reuseaddr,
						       .reuseport = tp->inet.so.reuseport},
					    .remote = tp->inet.remote,
					    .lport = tp->inet.local_port,
					    .rport = tp->inet.remote_port,
					    .hash = tp->inet.hash,
					    .snd_nxt = tp->snd_nxt,
					    .rcv_nxt = tp->rcv_nxt,
					    .rcv_wnd = tcp_rcv_wnd(tp),
					    .ts_recent = tp->ts_recent,
					    .ts_offset = tp->ts_offset,
					    .ts_recent_stamp = tp->ts_recent_stamp,
					    .expires = tcp_now + TCP_TIMEWAIT_LEN,
					    .wscale = tp->rcv_wscale,
					    .tos = tp->inet.tos,
					    .ts_ok = tp->ts_ok};
		list_add_head(&buckets[tw->hash % BUCKETS], &tw->hash_link);
		list_add_tail(&by_age, &tw->age_link);
		list_add_tail(&by_port[tw->lport % INET_BIND_BUCKETS], &tw->port_link);
		count++;
		tcp_stats.timewait = count;
		if (!timer_armed(&timer))
			timer_arm(&timer, tw->expires);
	}
	tcp_done(tp, 0);
}

struct tcp_timewait *tcp_timewait_find(uint32_t hash, const struct ip_addr *local, uint16_t lport,
				       const struct ip_addr *remote, uint16_t rport)
{
	if (!count)
		return NULL;
	list_for_each_entry (tw, &buckets[hash % BUCKETS], struct tcp_timewait, hash_link) {
		if (tw->hash == hash && tw->lport == lport && tw->rport == rport &&
		    ip_equal(&tw->remote, remote) && ip_equal(&tw->holder.local, local))
			return tw;
	}
	return NULL;
}

static void send_ack(struct tcp_timewait *tw)
{
	uint32_t window = tw->rcv_wnd >> tw->wscale;
	struct tcp_reply r = {.local = tw->holder.local,
			      .remote = tw->remote,
			      .lport = tw->lport,
			      .rport = tw->rport,
			      .seq = tw->snd_nxt,
			      .ack = tw->rcv_nxt,
			      .window = (uint16_t)(window > 65535 ? 65535 : window),
			      .flags = TH_ACK,
			      .tos = tw->tos,
			      .ts = tw->ts_ok,
			      .ts_val = (uint32_t)(tcp_now / MS) + tw->ts_offset,
			      .ts_ecr = tw->ts_recent};

	tcp_send_reply(&r);
}

bool tcp_timewait_segment(struct tcp_timewait *tw, struct packet *p, const struct tcp_options *o,
			  uint32_t *isn)
{
	bool paws = tw->ts_ok && o->has_ts && seq_lt(o->ts_val, tw->ts_recent) &&
		    tcp_now - tw->ts_recent_stamp < TCP_PAWS_24DAYS;

	/* A new connection, which sequence numbers or timestamps tell from an old one (RFC 9293
	 * 3.6.1, RFC 6191 2). */
	if (tcp_flag(p, TH_SYN) && !tcp_flag(p, TH_RST | TH_ACK) && !paws &&
	    (seq_gt(p->tcp.seq, tw->rcv_nxt) ||
	     (tw->ts_ok && o->has_ts && seq_gt(o->ts_val, tw->ts_recent)))) {
		*isn = tw->snd_nxt + 65535 + 2;
		if (*isn == 0)
			*isn = 1;
		timewait_free(tw);
		return false;
	}
	/* RST is ignored: RFC 1337. */
	if (!tcp_flag(p, TH_RST)) {
		if (tcp_flag(p, TH_FIN) && !paws) {
			/* The last ACK was lost: the time begins anew. */
			tw->expires = tcp_now + TCP_TIMEWAIT_LEN;
			list_remove(&tw->age_link);
			list_add_tail(&by_age, &tw->age_link);
		}
		if (!paws && o->has_ts && tw->ts_ok && seq_leq(p->tcp.seq, tw->rcv_nxt)) {
			tw->ts_recent = o->ts_val;
			tw->ts_recent_stamp = tcp_now;
		}
		if ((p->tcp.seq != p->tcp.end_seq || p->tcp.seq != tw->rcv_nxt || paws) &&
		    (!tw->last_ack || tcp_now - tw->last_ack >= 100 * MS || tcp_flag(p, TH_FIN))) {
			tw->last_ack = tcp_now;
			send_ack(tw);
		}
	}
	packet_free(p);
	return true;
}

/* For the choice of a port: is this pair in TIME-WAIT? */
bool tcp_timewait_in_use(const struct inet_sock *s, uint16_t port)
{
	if (!count)
		return false;
	return tcp_timewait_find(inet_hash(&tcp_table, &s->local, port, &s->remote, s->remote_port),
				 &s->local, port, &s->remote, s->remote_port) != NULL;
}

void tcp_timewait_each(void (*f)(const struct tcp_tw_view *v, void *arg), void *arg)
{
	list_for_each_entry (tw, &by_age, struct tcp_timewait, age_link) {
		struct tcp_tw_view v = {.local = tw->holder.local,
					.remote = tw->remote,
					.lport = tw->lport,
					.rport = tw->rport,
					.expires = tw->expires};

		f(&v, arg);
	}
}
