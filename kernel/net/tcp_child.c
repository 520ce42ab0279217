/* The connection that comes out of a completed handshake. */
#include <linux/eventpoll.h>
#include "net/tcp.h"

/* What a connection has from its listener (as Linux: nearly every option). */
static void inherit(struct tcp_sock *tp, const struct tcp_sock *l)
{
	struct socket *so = &tp->inet.so;
	const struct socket *lo = &l->inet.so;
	struct inet_sock *s = &tp->inet;
	const struct inet_sock *ls = &l->inet;

	so->rcvbuf = lo->rcvbuf;
	so->sndbuf = lo->sndbuf;
	so->rcvbuf_locked = lo->rcvbuf_locked;
	so->sndbuf_locked = lo->sndbuf_locked;
	so->reuseaddr = lo->reuseaddr;
	so->reuseport = lo->reuseport;
	so->keepalive = lo->keepalive;
	so->broadcast = lo->broadcast;
	so->dontroute = lo->dontroute;
	so->oobinline = lo->oobinline;
	so->linger = lo->linger;
	so->linger_s = lo->linger_s;
	so->rcvlowat = lo->rcvlowat;
	so->priority = lo->priority;
	so->mark = lo->mark;
	so->rcvtimeo = lo->rcvtimeo;
	so->sndtimeo = lo->sndtimeo;
	so->bound_ifindex = lo->bound_ifindex;
	so->max_pacing_rate = lo->max_pacing_rate;
	s->v6only = ls->v6only;
	s->ttl = ls->ttl;
	s->tos = ls->tos;
	s->hops = ls->hops;
	s->hops_set = ls->hops_set;
	s->tclass = ls->tclass;
	s->tclass_set = ls->tclass_set;
	s->pmtudisc = ls->pmtudisc;
	s->pmtudisc6 = ls->pmtudisc6;
	s->recverr = ls->recverr;
	s->recverr6 = ls->recverr6;
	s->freebind = ls->freebind;
	s->transparent = ls->transparent;
	s->pktinfo = ls->pktinfo;
	s->pktinfo6 = ls->pktinfo6;
	s->autoflowlabel = ls->autoflowlabel;
	tp->nodelay = l->nodelay;
	tp->cork = l->cork;
	tp->user_mss = l->user_mss;
	tp->keepidle = l->keepidle;
	tp->keepintvl = l->keepintvl;
	tp->keepcnt = l->keepcnt;
	tp->syncnt = l->syncnt;
	tp->linger2 = l->linger2;
	tp->user_timeout = l->user_timeout;
	tp->notsent_lowat = l->notsent_lowat;
	tp->window_clamp = l->window_clamp;
	tp->cc.ops = l->cc.ops;
}

struct tcp_sock *tcp_child_new(struct tcp_request *r)
{
	struct tcp_sock *l = r->listener, *tp;
	struct socket *so = socket_alloc(l->inet.so.proto, l->inet.so.family);

	if (!so)
		return NULL;
	so->protocol = IPPROTO_TCP;
	tp = tcp_of(so);
	tcp_init_sock(tp);
	inherit(tp, l);
	if (r->ifindex)
		so->bound_ifindex = r->ifindex;
	tp->inet.local = r->local;
	tp->inet.remote = r->remote;
	tp->inet.remote_port = r->rport;
	tp->inet.local_port = r->lport;
	tp->inet.connected = true;
	tp->iss = r->iss;
	tp->snd_una = tp->snd_nxt = tp->write_seq = tp->snd_wl2 = r->iss + 1;
	tp->irs = r->irs;
	tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = tp->last_ack_sent = r->irs + 1;
	tp->rcv_adv = tp->rcv_nxt + (r->rcv_wnd > 65535 ? 65535 : r->rcv_wnd);
	tp->snd_wl1 = r->irs;
	tp->snd_wnd = tp->max_wnd = r->snd_wnd;
	tp->peer_mss = r->mss;
	tp->adv_mss = r->adv_mss;
	tp->ts_ok = r->ts_ok;
	tp->sack_ok = r->sack_ok;
	tp->wscale_ok = r->wscale_ok;
	tp->snd_wscale = r->wscale_ok ? r->snd_wscale : 0;
	tp->rcv_wscale = r->rcv_wscale;
	tp->ts_offset = r->ts_offset;
	tp->ts_recent = r->ts_recent;
	tp->ts_recent_stamp = tcp_now;
	tp->syn_retries = r->level;
	tp->total_retrans = r->level;
	if (inet_hash_insert(&tcp_table, &tp->inet)) {
		tcp_destroy(tp);
		socket_free(so);
		return NULL;
	}
	tp->hashed = true;
	inet_bind_inherit(&tcp_table, &tp->inet, &l->inet);
	tp->queued_for_accept = true;
	tp->listener = l;
	list_add_tail(&l->accept_queue, &tp->accept_link);
	l->accept_len++;
	tcp_enter_established(tp);
	tcp_stats.passive_opens++;
	socket_wake(tcp_so(l), EPOLLIN | EPOLLRDNORM);
	return tp;
}
