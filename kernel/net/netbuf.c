/*
 * The memory of packets (net/packet.h): netbufs and packet headers from free lists over the heap.
 *
 * A small packet is one object, header and netbuf and bytes; a netbuf of up to a page is one object
 * too; larger ones have their header apart, so that their data is aligned to pages. What is freed
 * stays on the list of its class, up to a share of the limit.
 */
#include <asm/errno.h>
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "net/netbuf.h"

#ifdef HOST_TEST
#define CACHE_SHARE 0 /* the sanitizer sees every use after free */
#else
#define CACHE_SHARE 32
#endif

struct packet_stats packet_stats = {.bytes_limit = 64ul << 20};

struct class
{
	uint32_t size; /* of the object on the list */
	void *free;    /* chained through their first word */
};

static struct class classes[NB_CLASSES] = {
    [NB_HEADER] = {sizeof(struct netbuf), NULL},
    [NB_PACKET] = {sizeof(struct packet), NULL},
    [NB_EMBEDDED] = {SMALL_PACKET, NULL},
    [NB_496] = {496, NULL},
    [NB_2016] = {2016, NULL},
    [NB_4K] = {4096, NULL},
    /* The data alone, from here on. */
    [NB_PAGES + 0] = {4096, NULL},
    [NB_PAGES + 1] = {8192, NULL},
    [NB_PAGES + 2] = {16384, NULL},
    [NB_PAGES + 3] = {32768, NULL},
    [NB_PAGES + 4] = {65536, NULL},
};
static uint64_t cached; /* bytes on all the lists */

/* spare: beyond the limit this much may be used, so that acknowledgements still go out. */
static inline void *class_alloc(unsigned class, uint64_t spare)
{
	struct class *c = &classes[class];
	void *p = c->free;

	if (packet_stats.bytes + c->size > packet_stats.bytes_limit + spare) {
		packet_stats.failures++;
		return NULL;
	}
	if (p) {
		c->free = *(void **)p;
		cached -= c->size;
	} else {
		p = kmalloc(c->size);
		if (!p) {
			packet_stats.failures++;
			return NULL;
		}
	}
	packet_stats.bytes += c->size;
	return p;
}

static inline void class_free(unsigned class, void *p)
{
	struct class *c = &classes[class];

	packet_stats.bytes -= c->size;
	if (cached + c->size > packet_stats.bytes_limit * CACHE_SHARE / 1024) {
		kfree(p);
		return;
	}
	cached += c->size;
	*(void **)p = c->free;
	c->free = p;
}

static inline void netbuf_setup(struct netbuf *b, unsigned class, void *data, uint32_t size)
{
	b->refs = 1;
	b->size = size;
	b->data = data;
	b->class = class;
	b->release = NULL;
	packet_stats.netbufs++;
}

struct netbuf *netbuf_alloc(uint32_t size)
{
	struct netbuf *b;
	unsigned class;

	if (size <= 4096 - sizeof *b) {
		class = size <= 496 - sizeof *b	   ? NB_496
			: size <= 2016 - sizeof *b ? NB_2016
						   : NB_4K;
		b = class_alloc(class, 0);
		if (b)
			netbuf_setup(b, class, b + 1, (uint32_t)(classes[class].size - sizeof *b));
		return b;
	}
	if (size > 65536)
		return NULL;
	class = NB_PAGES;
	while (classes[class].size < size)
		class ++;
	b = class_alloc(NB_HEADER, 0);
	if (!b)
		return NULL;
	void *data = class_alloc(class, 0);
	if (!data) {
		class_free(NB_HEADER, b);
		return NULL;
	}
	netbuf_setup(b, class, data, classes[class].size);
	return b;
}

static void netbuf_release(struct netbuf *b)
{
	if (b->release) {
		b->release(b);
		return;
	}
	packet_stats.netbufs--;
	if (b->class == NB_EMBEDDED) {
		class_free(NB_EMBEDDED, (struct packet *)(void *)b - 1);
	} else if (b->class < NB_PAGES) {
		class_free(b->class, b);
	} else {
		class_free(b->class, b->data);
		class_free(NB_HEADER, b);
	}
}

void netbuf_put(struct netbuf *b)
{
	assert(b->refs);
	if (--b->refs == 0)
		netbuf_release(b);
}

uint32_t netbuf_truesize(const struct netbuf *b)
{
	return b->size + (uint32_t)sizeof *b;
}

struct packet *packet_header_alloc(void)
{
	struct packet *p = class_alloc(NB_PACKET, 0);

	if (p) {
		memset(p, 0, offsetof(struct packet, frags));
		packet_stats.packets++;
	}
	return p;
}

struct packet *packet_alloc_small(void)
{
	struct packet *p = class_alloc(NB_EMBEDDED, packet_stats.bytes_limit / 8);

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct packet, frags));
	packet_stats.packets++;
	p->embedded = true;
	p->buf = (struct netbuf *)(void *)(p + 1);
	netbuf_setup(p->buf, NB_EMBEDDED, p->buf + 1, SMALL_DATA);
	return p;
}

void packet_header_free(struct packet *p)
{
	struct netbuf *own = (struct netbuf *)(void *)(p + 1);

	packet_stats.packets--;
	if (p->buf && (!p->embedded || p->buf != own))
		netbuf_put(p->buf);
	if (p->embedded)
		netbuf_put(own); /* and p with it, when nobody else has a reference */
	else
		class_free(NB_PACKET, p);
}

bool packet_memory_pressure(void)
{
	return packet_stats.bytes > packet_stats.bytes_limit / 2;
}
