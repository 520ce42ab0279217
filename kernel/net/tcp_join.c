/*
 * Small packets in a queue share memory: payloads that would each hold a receive buffer of some
 * KiB are copied together, so that a stream of tiny segments costs about what it brings.
 */
#include "net/tcp.h"

#define SMALL 512u  /* payloads up to this are worth copying */
#define FULL  3600u /* payload of a packet made for them: with its headers it fits a page */

/* Gives the last packet of a queue room for n bytes, in a new packet if need be. NULL: none. */
static struct packet *room_behind(struct tcp_sock *tp, struct list *queue, uint32_t n)
{
	struct packet *tail = list_entry(queue->prev, struct packet, link), *fresh;

	if (!tail->nfrags && tail->buf->refs == 1 && (uint32_t)(tail->end - tail->tail) >= n)
		return tail;
	if (tail->len > SMALL || tail->tcp.flags & TH_FIN)
		return NULL;
	fresh = packet_alloc(FULL);
	if (!fresh)
		return NULL;
	packet_read(tail, 0, packet_put(fresh, tail->len), tail->len);
	fresh->tcp = tail->tcp;
	list_remove(&tail->link);
	tp->rmem -= tail->truesize;
	packet_free(tail);
	tp->rmem += fresh->truesize;
	list_add_tail(queue, &fresh->link);
	return fresh;
}

/* Copies p, which follows the last of queue, behind it. True: p is taken. */
bool tcp_packet_join(struct tcp_sock *tp, struct list *queue, struct packet *p)
{
	struct packet *tail;
	uint8_t *room;

	if (p->len > SMALL || list_empty(queue) || p->tcp.flags & TH_FIN)
		return false;
	tail = room_behind(tp, queue, p->len);
	room = tail ? packet_put(tail, p->len) : NULL;
	if (!room)
		return false;
	packet_read(p, 0, room, p->len);
	tail->tcp.end_seq = p->tcp.end_seq;
	packet_free(p);
	return true;
}
