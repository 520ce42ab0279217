/*
 * Packets: what travels through the stack. A linear part, which holds the headers, and up to
 * PACKET_MAX_FRAGS pieces of refcounted memory after it (large sends, merged receive buffers).
 *
 * Ownership: a packet has one owner at a time. Functions that "take" a packet own it from the call
 * on, whatever they return. Bytes of a netbuf that others may share are read-only: whoever changes
 * payload (not headers it has prepended itself) first makes them its own (packet_unshare). Locks:
 * as the owner's; the counters and the free lists are guarded by net_lock. Nothing blocks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"
#include "net/addr.h"

struct netif;

/* Room before the data of a fresh packet: virtio header, Ethernet, IPv6, TCP with options. */
#define PACKET_HEADROOM	 160
#define PACKET_MAX_FRAGS 18 /* 64 KiB in 4 KiB pieces that need not be aligned */

/* Memory that packets and socket buffers share by reference. Physically contiguous, in the direct
 * map. */
struct netbuf {
	uint32_t refs;
	uint32_t size; /* bytes at data; netbuf_alloc rounds up */
	uint8_t *data;
	uint32_t class; /* of netbuf.c: where the memory came from; 0 with release */
	void (*release)(struct netbuf *b); /* NULL: kfree/page_free as netbuf_alloc chose */
};

/* size bytes (<= 64 KiB), contents undefined, one reference. NULL when memory (or the stack's share
 * of it, net/memory in packet.c) is out. Sizes up to 4096-sizeof header and powers of two are
 * cheap. */
struct netbuf *netbuf_alloc(uint32_t size);
static inline struct netbuf *netbuf_get(struct netbuf *b)
{
	b->refs++;
	return b;
}
void netbuf_put(struct netbuf *b);

struct packet_frag {
	struct netbuf *buf; /* a reference */
	uint32_t offset, len;
};

enum packet_csum {
	CSUM_NONE,     /* received: nobody has verified it. To be sent: complete as it stands */
	CSUM_VERIFIED, /* received: the transport checksum is known to be right */
	CSUM_PARTIAL,  /* to be sent (or received from a neighbour that trusts us): the sum from
			  csum_start  to the end belongs at csum_start + csum_offset, which holds
			  that  of the pseudo  header (virtio 1.2, 5.1.6.2). Receivers treat it as
			  verified.
			*/
};

enum packet_gso { GSO_NONE, GSO_TCP4, GSO_TCP6, GSO_UDP4, GSO_UDP6 /* UDP_SEGMENT, USO */ };

struct packet {
	struct list link;		   /* of whoever queues it */
	struct netif *netif;		   /* received on, or to be sent on */
	struct netbuf *buf;		   /* holds the linear part */
	uint8_t *head, *data, *tail, *end; /* head <= data <= tail <= end, inside buf */
	uint32_t len;			   /* bytes from data on, fragments included */
	uint32_t truesize;		   /* memory it occupies, for socket buffer limits */
	uint8_t *l2, *l3, *l4; /* headers; valid once the layer has been parsed or written */
	be16_t ethertype;
	uint8_t csum;	     /* enum packet_csum */
	uint8_t gso;	     /* enum packet_gso */
	uint16_t gso_size;   /* payload bytes a segment */
	uint8_t *csum_start; /* CSUM_PARTIAL only */
	uint16_t csum_offset;
	bool broadcast, multicast; /* by link address */
	bool other_host;	   /* promiscuous: not for us */
	bool looped;		   /* came in over loopback */
	bool embedded;		   /* a netbuf follows the header in the same object (netbuf.c) */

	/* Filled by ip_input, read by the transports. */
	struct ip_addr src, dst;
	uint8_t protocol, ttl, tos;
	bool ip_options;    /* the IPv4 header has options, or IPv6 extension headers came first */
	uint64_t timestamp; /* clock_realtime() at arrival, when someone asked (net_timestamps);
			       else 0 */

	union { /* of the layer that holds the packet now */
		uint64_t cb[8];
		struct {
			uint32_t seq, end_seq, ack; /* TCP, host order */
			uint32_t window, ts_val, ts_ecr;
			uint8_t flags, sacked;
			uint16_t consumed;
		} tcp;
	};

	uint8_t nfrags;
	struct packet_frag frags[PACKET_MAX_FRAGS];
};

/* A packet with room bytes of linear space after PACKET_HEADROOM; len 0. NULL when memory is out.
 */
struct packet *packet_alloc(uint32_t room);
/* A packet whose linear part is buf[offset, offset+len); takes the reference to buf, also on
 * failure. */
struct packet *packet_wrap(struct netbuf *buf, uint32_t offset, uint32_t len);
void packet_free(struct packet *p); /* NULL is allowed */
/* A second packet over the same bytes: own headers (copied linear part up to and including l4
 * header bytes if linear_copy > 0: that many bytes from data), shared fragments. NULL when memory
 * is out. */
struct packet *packet_clone(const struct packet *p, uint32_t linear_copy);
/* A packet of a copy of p's first `headers` bytes (linear) and, after them, len bytes of p from
 * offset on in fragments (shared). NULL when memory is out. */
struct packet *packet_slice(const struct packet *p, uint32_t offset, uint32_t len,
			    uint32_t headers);
/* A deep copy with linear data only; NULL when memory is out or len > 65535 + headers. */
struct packet *packet_copy(const struct packet *p);

static inline uint32_t packet_linear(const struct packet *p)
{
	return (uint32_t)(p->tail - p->data);
}
/* n bytes more at the front; the caller knows that there is headroom (asserted). */
void *packet_push(struct packet *p, uint32_t n);
/* n bytes less at the front: they must be linear (asserted). */
void *packet_pull(struct packet *p, uint32_t n);
/* n bytes more at the end of the linear part (no fragments yet); NULL: no room. */
void *packet_put(struct packet *p, uint32_t n);
/* Makes the first n bytes linear. 0, -EINVAL (shorter than that), -ENOMEM. Pointers into the linear
 * part are stale afterwards (l2, l3, l4, csum_start are moved along). */
int packet_need_linear(struct packet *p, uint32_t n);
/* Makes n bytes of headroom that no other packet shares. 0, -ENOMEM. */
int packet_need_headroom(struct packet *p, uint32_t n);
/* Makes the whole packet linear. 0, -ENOMEM. */
int packet_linearize(struct packet *p);
/* Makes the linear part the packet's own, if others may share it. 0, -ENOMEM. */
int packet_unshare(struct packet *p);
/* Cuts the packet to n bytes (n <= len). */
void packet_trim(struct packet *p, uint32_t n);
/* Drops n bytes from the front, linear or not (n <= len). */
void packet_skip(struct packet *p, uint32_t n);
/* Adds buf[offset, offset+len) at the end; takes the reference. 0, -ENOSPC (fragments full; the
 * reference is given back). */
int packet_add_frag(struct packet *p, struct netbuf *buf, uint32_t offset, uint32_t len);
/* Copies n bytes from offset on to dst (offset + n <= len). */
void packet_read(const struct packet *p, uint32_t offset, void *dst, uint32_t n);
struct uio;
/* As packet_read into u; bytes done (less at a fault). */
uint32_t packet_read_uio(const struct packet *p, uint32_t offset, struct uio *u, uint32_t n);
/* One's complement sum (not inverted, folded to 16 bits) of n bytes from offset on, plus initial.
 */
uint16_t packet_sum(const struct packet *p, uint32_t offset, uint32_t n, uint32_t initial);
/* Completes a CSUM_PARTIAL checksum in software. 0, -ENOMEM, -EINVAL. */
int packet_finish_csum(struct packet *p);
/* Cuts a GSO packet into segments of gso_size, complete with headers and checksums (checksums left
 * CSUM_PARTIAL if keep_partial). Takes p. 0 and packets on out, or -errno. Linear headers required.
 */
int packet_segment(struct packet *p, bool keep_partial, struct list *out);

/* The stack's counters: shown in /proc/net/unigornel, compared by leak tests. */
struct packet_stats {
	uint64_t packets, netbufs; /* alive */
	uint64_t bytes;		   /* of netbufs alive */
	uint64_t bytes_limit;	   /* netbuf_alloc fails beyond: a quarter of RAM */
	uint64_t failures;
};
extern struct packet_stats packet_stats;
/* True when more than half of bytes_limit is used: protocols then drop what they can (out-of-order
 * queues, reassembly) and stop growing buffers. */
bool packet_memory_pressure(void);

/* How many want packet.timestamp. */
extern unsigned net_timestamps;
