/* connect(2), and its opposite. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/socket_abi.h"
#include "net/tcp.h"
#include "vfs/file.h"

/* The destination and the way there. 0 or -errno; then nothing has changed. */
static int set_peer(struct tcp_sock *tp, const struct ip_addr *dst, uint16_t port)
{
	struct inet_sock *s = &tp->inet;
	struct ip_addr local = s->local;
	bool had_port = s->local_port != 0;
	int err;

	s->remote = *dst;
	s->remote_port = port;
	err = inet_route(s, dst);
	if (!err && (s->route.multicast || s->route.broadcast))
		err = -ENETUNREACH;
	if (!err) {
		if (ip_is_any(&s->local))
			s->local = s->route.src;
		if (!had_port)
			err = inet_autobind(&tcp_table, s, tcp_timewait_in_use);
		else if (tcp_timewait_in_use(s, s->local_port))
			err = -EADDRNOTAVAIL;
	}
	if (!err && inet_hash_insert(&tcp_table, s))
		err = -EADDRNOTAVAIL;
	if (err) {
		if (!had_port) {
			inet_unbind(&tcp_table, s);
			s->local_port = 0;
		}
		s->local = local;
		memset(&s->remote, 0, sizeof s->remote);
		if (!s->v6)
			s->remote = ip_from_v4(0);
		s->remote_port = 0;
		return err;
	}
	tp->hashed = true;
	return 0;
}

static void reset_variables(struct tcp_sock *tp)
{
	tp->snd_wscale = tp->backoff = tp->retransmits = tp->syn_retries = 0;
	tp->fin_queued = tp->urg_out = false;
	tp->urg_data = 0;
	tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = 0;
	tp->mtu_cap = tp->pmtu = 0;
	tp->max_wnd = tp->snd_wnd = 0;
	tp->lost_out = tp->retrans_out = tp->in_flight_sacked = 0;
	tp->rack_time = 0;
	tp->tx_valid = false;
	tp->soft_error = 0;
	tp->inet.so.shutdown = 0;
	tcp_recovery_reset(tp);
	tcp_rtt_init(tp);
}

static int start(struct tcp_sock *tp)
{
	struct inet_sock *s = &tp->inet;
	struct tcp_seg *syn;
	uint32_t mss;

	reset_variables(tp);
	tp->iss = tcp_isn(&s->local, s->local_port, &s->remote, s->remote_port);
	tp->ts_offset = tcp_ts_secret(&s->local, s->local_port, &s->remote, s->remote_port);
	tp->snd_una = tp->snd_nxt = tp->write_seq = tp->iss;
	tp->send_head = NULL;
	syn = tcp_seg_new(tp, tp->iss, TH_SYN);
	if (!syn)
		return -ENOBUFS;
	tp->send_head = NULL;
	tp->snd_nxt = tp->write_seq = tp->iss + 1;
	tp->ts_ok = tp->sack_ok = tp->wscale_ok = true;
	mss = s->route.mtu - ip_header_len(&s->remote) - TCP_HEADER;
	if (tp->user_mss && tp->user_mss < mss)
		mss = tp->user_mss;
	tp->adv_mss = (uint16_t)(mss > 65495 ? 65495 : mss);
	tp->peer_mss = 536;
	tp->rcv_wscale = tcp_choose_wscale(tp);
	tp->rcv_adv = tcp_initial_window(s->so.rcvbuf, tp->adv_mss, tp->window_clamp);
	tp->state = TCP_SYN_SENT;
	/* A blocking connect tells it itself. */
	tp->connecting = tp->inet.so.file && file_nonblock(tp->inet.so.file);
	s->connected = true;
	tcp_stats.active_opens++;
	tcp_send_syn(tp, syn);
	tcp_timer_set(tp, TCP_T_RTO, tcp_now + tp->rto);
	return -EINPROGRESS;
}

int tcp_connect(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct tcp_sock *tp = tcp_of(so);
	struct ip_addr dst;
	uint16_t port;
	int ifindex, err;

	tcp_clock_update();
	if (len < sizeof a->ss_family)
		return -EINVAL;
	if (a->ss_family == AF_UNSPEC)
		return tcp_disconnect(tp);
	/* The result of an attempt that was not waited for. */
	if (tp->connecting && !TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))) {
		tp->connecting = false;
		if (tp->state != TCP_CLOSE)
			return 0;
		err = socket_error(so);
		return err ? err : -ECONNABORTED;
	}
	if (TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)))
		return -EALREADY;
	if (tp->state != TCP_CLOSE)
		return -EISCONN;
	err = inet_from_sockaddr(&tp->inet, a, len, &dst, &port, &ifindex);
	if (err)
		return err;
	inet_any_to_loopback(&dst);
	if (tp->inet.v6) {
		if (ip_is_v4(&dst) && tp->inet.v6only)
			return -ENETUNREACH;
		if (ip_is_multicast(&dst))
			return -ENETUNREACH;
		err = inet_set_scope(&tp->inet, &dst, ifindex);
		if (err)
			return err;
	}
	err = set_peer(tp, &dst, port);
	if (err)
		return err;
	err = start(tp);
	if (err != -EINPROGRESS)
		tcp_done(tp, 0);
	tcp_reap();
	return err;
}

/* States that a peer must be told of when they end by force. */
#define TCPF_RESET                                                                                 \
	(TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT) | TCPF(TCP_FIN_WAIT1) |                      \
	 TCPF(TCP_FIN_WAIT2) | TCPF(TCP_SYN_RECV))

/* connect to AF_UNSPEC: back to an unconnected socket. */
int tcp_disconnect(struct tcp_sock *tp)
{
	struct inet_sock *s = &tp->inet;

	if (tp->state == TCP_LISTEN)
		tcp_listen_stop(tp);
	else if (tp->state == TCP_SYN_SENT)
		tcp_so(tp)->error = ECONNRESET;
	else if (TCP_IN(tp, TCPF_RESET)) {
		tcp_send_control(tp, TH_RST | TH_ACK, tp->snd_nxt);
		tcp_so(tp)->error = ECONNRESET;
	}
	tp->connecting = false;
	tcp_done(tp, 0);
	tcp_receive_purge(tp);
	if (!s->bound) {
		s->local_port = 0;
		s->local = s->v6 ? (struct ip_addr){0} : ip_from_v4(0);
	} else if (s->local_port) {
		/* An address that was bound stays bound. */
		struct ip_addr local = s->local;

		inet_bind(&tcp_table, s, &local, s->local_port);
	}
	s->remote = s->v6 ? (struct ip_addr){0} : ip_from_v4(0);
	s->remote_port = 0;
	s->connected = false;
	s->route.generation = 0;
	tcp_so(tp)->shutdown = 0;
	reset_variables(tp);
	tcp_reap(); /* what waited to be accepted */
	return 0;
}
