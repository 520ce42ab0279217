/* The memory of packets: what netbuf.c offers packet.c. Lock: net_lock. */
#pragma once
#include "net/packet.h"

/* Where memory came from. Up to NB_4K the object begins with the header. */
enum {
	NB_EXTERNAL,
	NB_HEADER,
	NB_PACKET,
	NB_EMBEDDED,
	NB_496,
	NB_2016,
	NB_4K,
	NB_PAGES,
	NB_CLASSES = NB_PAGES + 5
};

/* A small packet: struct packet, struct netbuf and the bytes in one object of the heap. */
#define SMALL_PACKET 1008
#define SMALL_DATA   ((uint32_t)(SMALL_PACKET - sizeof(struct packet) - sizeof(struct netbuf)))

/* A packet without a linear part yet, zeroed but for the fragments; NULL when memory is out. */
struct packet *packet_header_alloc(void);
/* A packet with a netbuf of SMALL_DATA bytes embedded; its pointers are the caller's to set. */
struct packet *packet_alloc_small(void);
/* Frees p and its reference to p->buf; the fragments are gone already. */
void packet_header_free(struct packet *p);
/* Memory that b occupies. */
uint32_t netbuf_truesize(const struct netbuf *b);
