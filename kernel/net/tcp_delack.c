/*
 * When acknowledgments go out (RFC 9293 3.8.6.3, RFC 5681 4.2): at the end of a batch of arriving
 * packets, or delayed in the hope of data to travel on.
 *
 * All delayed ACKs wait in two queues, each with one delay and therefore in the order of time; one
 * timer each. A delayed ACK that is overtaken by data costs two list operations.
 */
#include "net/net.h"
#include "net/netif.h"
#include "net/tcp.h"

struct delack_queue {
	struct list waiting;
	uint64_t delay;
	struct timer timer;
};

static struct delack_queue quick_queue, slow_queue;
static struct list batch = LIST_INIT(batch);

#define OOW_INTERVAL	      (500 * MS)
#define CHALLENGES_PER_SECOND 1000u
static uint64_t challenge_second;
static uint32_t challenge_count;

static void delack_run(struct delack_queue *q)
{
	net_enter();
	tcp_clock_update();
	while (!list_empty(&q->waiting)) {
		struct tcp_sock *tp = list_entry(q->waiting.next, struct tcp_sock, delack_link);

		if (tp->delack_deadline > tcp_now) {
			timer_arm(&q->timer, tp->delack_deadline);
			break;
		}
		list_remove(&tp->delack_link);
		tp->ack_pending = TCP_ACK_NONE;
		/* The program did not answer in time: it does not now. */
		tp->pingpong = false;
		tcp_send_ack(tp);
	}
	tcp_reap();
	net_leave();
}

static void quick_timer(struct timer *t)
{
	(void)t;
	delack_run(&quick_queue);
}

static void slow_timer(struct timer *t)
{
	(void)t;
	delack_run(&slow_queue);
}

void tcp_delack_init(void)
{
	list_init(&quick_queue.waiting);
	list_init(&slow_queue.waiting);
	quick_queue.delay = TCP_QUICK_DELACK;
	slow_queue.delay = TCP_DELACK;
	timer_setup(&quick_queue.timer, quick_timer);
	timer_setup(&slow_queue.timer, slow_timer);
	list_init(&batch);
	challenge_second = challenge_count = 0;
}

static void delay(struct tcp_sock *tp, struct delack_queue *q)
{
	if (tp->ack_pending != TCP_ACK_NONE)
		return;
	tp->ack_pending = TCP_ACK_DELAY;
	tp->delack_deadline = tcp_now + q->delay;
	list_add_tail(&q->waiting, &tp->delack_link);
	if (!timer_armed(&q->timer))
		timer_arm(&q->timer, tp->delack_deadline);
}

void tcp_ack_later(struct tcp_sock *tp)
{
	delay(tp, &slow_queue);
}

void tcp_ack_now(struct tcp_sock *tp)
{
	if (tp->ack_pending == TCP_ACK_NOW)
		return;
	list_remove(&tp->delack_link);
	tp->ack_pending = TCP_ACK_NOW;
	list_add_tail(&batch, &tp->delack_link);
}

void tcp_input_end(void)
{
	if (list_empty(&batch))
		return;
	tcp_clock_update();
	while (!list_empty(&batch)) {
		struct tcp_sock *tp = list_entry(batch.next, struct tcp_sock, delack_link);

		list_remove(&tp->delack_link);
		tp->ack_pending = TCP_ACK_NONE;
		tcp_send_ack(tp);
	}
}

void tcp_ack_forget(struct tcp_sock *tp)
{
	list_remove(&tp->delack_link);
	tp->ack_pending = TCP_ACK_NONE;
}

void tcp_ack_sent(struct tcp_sock *tp)
{
	if (tp->ack_pending != TCP_ACK_NONE)
		tcp_ack_forget(tp);
	if (tp->quick && tp->rcv_wup != tp->rcv_nxt)
		tp->quick--;
	tp->rcv_wup = tp->rcv_nxt;
	tp->last_ack_sent = tp->rcv_nxt;
}

void tcp_enter_quickack(struct tcp_sock *tp, unsigned n)
{
	tp->quick = (uint8_t)n;
	tp->pingpong = false;
}

void tcp_ack_data(struct tcp_sock *tp, uint32_t len, bool push)
{
	if (tp->nislands || tp->dsack || tp->rcv_nxt - tp->rcv_wup > tp->rcv_mss) {
		tcp_ack_now(tp);
		return;
	}
	if (tp->quick && !tp->pingpong) {
		/* At the start the peer needs ACKs for its window to grow; but small segments are
		 * requests, which the program answers at once. */
		if (!push && len >= 536)
			tcp_ack_now(tp);
		else
			delay(tp, &quick_queue);
		return;
	}
	delay(tp, &slow_queue);
}

void tcp_challenge_ack(struct tcp_sock *tp)
{
	uint64_t second = tcp_now / SECOND;

	if (tp->last_oow_ack && tcp_now - tp->last_oow_ack < OOW_INTERVAL)
		return;
	if (second != challenge_second) {
		challenge_second = second;
		challenge_count = 0;
	}
	if (challenge_count >= CHALLENGES_PER_SECOND)
		return;
	challenge_count++;
	tp->last_oow_ack = tcp_now;
	tcp_stats.challenge_acks++;
	tcp_send_ack(tp);
}

/* Segments with data are answered at once, for they may be retransmissions whose ACK was lost;
 * others at most every 500 ms, or two confused ends would answer each other for ever. */
void tcp_oow_ack(struct tcp_sock *tp, const struct packet *p)
{
	if (p->len == 0) {
		if (tp->last_oow_ack && tcp_now - tp->last_oow_ack < OOW_INTERVAL)
			return;
		tp->last_oow_ack = tcp_now;
	}
	tcp_ack_now(tp);
}
