/* The end of connections: leaving the tables, telling the program, freeing. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include "net/tcp.h"

static struct list dead = LIST_INIT(dead);
unsigned tcp_orphans;

static void leave_tables(struct tcp_sock *tp)
{
	if (tp->hashed) {
		inet_hash_remove(&tcp_table, &tp->inet);
		tp->hashed = false;
	}
}

void tcp_done(struct tcp_sock *tp, int error)
{
	struct socket *so = tcp_so(tp);

	if (tp->state == TCP_CLOSE && tp->dead)
		return;
	if (TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV)))
		tcp_stats.attempt_fails++;
	tp->state = TCP_CLOSE;
	leave_tables(tp);
	tcp_timer_clear_all(tp);
	tcp_ack_forget(tp);
	tcp_send_queue_purge(tp);
	tcp_ooo_purge(tp);
	so->shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
	if (tp->orphan) {
		if (!tp->dead) {
			tp->dead = true;
			list_add_tail(&dead, &tp->reap_link);
		}
		return;
	}
	inet_unbind(&tcp_table, &tp->inet);
	if (error)
		so->error = error;
	socket_wake(so, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLRDHUP | EPOLLHUP |
			    (error ? EPOLLERR : 0));
}

void tcp_abort(struct tcp_sock *tp, int error)
{
	if (TCP_IN(tp, TCPF_SYNCHRONIZED & ~(TCPF(TCP_TIME_WAIT))))
		tcp_send_control(tp, TH_RST | TH_ACK, tp->snd_nxt);
	tcp_done(tp, error);
}

/* Gives back everything but the memory of tp itself. */
void tcp_destroy(struct tcp_sock *tp)
{
	leave_tables(tp);
	inet_unbind(&tcp_table, &tp->inet);
	tcp_send_queue_purge(tp);
	tcp_receive_purge(tp);
	tcp_ooo_purge(tp);
	tcp_ack_forget(tp);
	inet_destroy(&tp->inet);
	if (tp->orphan)
		tcp_orphans--;
	tcp_stats.connections--;
}

void tcp_reap(void)
{
	while (!list_empty(&dead)) {
		struct tcp_sock *tp = list_entry(dead.next, struct tcp_sock, reap_link);

		list_remove(&tp->reap_link);
		tcp_destroy(tp);
		/* A callback that is on its way frees it when it comes. */
		if (tcp_timer_stop(tp))
			socket_free(tcp_so(tp));
	}
}

/* The program lets go of tp, which is closed or goes on alone until it is. */
static void make_orphan(struct tcp_sock *tp)
{
	tp->orphan = true;
	tcp_orphans++;
	tcp_so(tp)->file = NULL;
}

/* Bytes nobody will read, whose loss the peer must hear of (RFC 2525 2.17). */
static bool unread(const struct tcp_sock *tp)
{
	return tp->rcv_queued > 0;
}

/*
 * close(2). What has been written is still delivered, unless SO_LINGER with a time of zero, bytes
 * that were not read, or too many connections in this state forbid it.
 */
void tcp_release(struct socket *so)
{
	struct tcp_sock *tp = tcp_of(so);
	bool abort = (so->linger && so->linger_s == 0) || unread(tp);

	tcp_clock_update();
	if (tp->state == TCP_LISTEN)
		tcp_listen_stop(tp);
	tcp_receive_purge(tp);
	make_orphan(tp);
	so->shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
	switch (tp->state) {
	case TCP_CLOSE:
		if (!tp->dead) {
			tp->dead = true;
			list_add_tail(&dead, &tp->reap_link);
		}
		break;
	case TCP_LISTEN:
	case TCP_SYN_SENT:
		tcp_done(tp, 0);
		break;
	default:
		if (abort || tcp_orphans > tcp_limits.max_orphans) {
			tcp_stats.orphans_aborted += !abort;
			tcp_abort(tp, 0);
			break;
		}
		if (tp->state == TCP_ESTABLISHED || tp->state == TCP_SYN_RECV ||
		    tp->state == TCP_CLOSE_WAIT) {
			if (!tcp_queue_fin(tp)) {
				tcp_abort(tp, 0);
				break;
			}
			tp->state = tp->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT1;
			tcp_output_force(tp);
		} else if (tp->state == TCP_FIN_WAIT2) {
			if (tp->linger2 < 0)
				tcp_abort(tp, 0);
			else
				tcp_timer_set(tp, TCP_T_LINGER,
					      tcp_now + (tp->linger2
							     ? (uint64_t)tp->linger2 * SECOND
							     : TCP_TIMEWAIT_LEN));
		}
		if (tp->send_head && !tp->deadline[TCP_T_RTO])
			tcp_check_persist(tp);
	}
	tcp_reap();
}

/* shutdown(2). */
int tcp_shutdown(struct socket *so, int how)
{
	struct tcp_sock *tp = tcp_of(so);
	uint32_t bits = (uint32_t)how + 1;

	tcp_clock_update();
	if (tp->state == TCP_LISTEN) {
		/* As Linux: a listener that is shut down for reading stops listening. */
		if (bits & RCV_SHUTDOWN) {
			tcp_listen_stop(tp);
			tp->state = TCP_CLOSE;
			socket_wake(so, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM |
					    EPOLLRDHUP | EPOLLHUP);
			tcp_reap();
		}
		return 0;
	}
	if (tp->state == TCP_SYN_SENT) {
		tcp_disconnect(tp);
		so->shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
		socket_wake(so, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
		return 0;
	}
	if (tp->state == TCP_CLOSE)
		return -ENOTCONN;
	so->shutdown |= bits;
	if (bits & SEND_SHUTDOWN && TCP_IN(tp, TCPF_CAN_SEND | TCPF(TCP_SYN_RECV))) {
		if (!tcp_queue_fin(tp))
			return -ENOBUFS;
		tp->state = tp->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT1;
		tcp_output_force(tp);
	}
	socket_wake(so, (bits & RCV_SHUTDOWN ? EPOLLIN | EPOLLRDNORM | EPOLLRDHUP : 0) |
			    (bits & SEND_SHUTDOWN ? EPOLLOUT | EPOLLWRNORM : 0) |
			    (so->shutdown == 3 ? EPOLLHUP : 0));
	tcp_reap();
	return 0;
}
