/*
 * mm/kmalloc.h: slabs of one page for sizes up to 2016 bytes, whole blocks of the page allocator
 * above that.
 *
 * A slab begins with its header, so an object never starts on a page boundary, while a block always
 * does: that is how kfree tells them apart. A block's order is found from its header too: it is
 * kept by the page allocator. One lock guards all classes: the sections are a few instructions
 * long.
 */
#include "mm/kmalloc.h"
#include <stdbool.h>
#include <stdint.h>
#include "lib/list.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/page.h"

/* As many objects of 16 * n bytes as fit into a page beside the header, without much left over. */
static const uint16_t class_size[] = {16,  32,	48,  64,  80,  96,  128,  160,	192, 256,
				      320, 400, 496, 576, 672, 800, 1008, 1344, 2016};
#define CLASSES	    (sizeof(class_size) / sizeof(class_size[0]))
#define LARGEST	    2016
#define POISON_BYTE 0xdf

struct slab {
	struct list link; /* on partial[class] unless full */
	void *free;	  /* objects given back, chained through their first word */
	uint16_t class, used;
	uint16_t fresh; /* objects never handed out yet start at this offset */
	uint16_t pad;
};

struct size_class {
	struct list partial; /* slabs with room */
	unsigned empty;	     /* of those, slabs with no object in use; one is kept */
};

static spinlock_t heap_lock = SPINLOCK_INIT;
static struct size_class classes[CLASSES];
static uint8_t class_of_units[LARGEST / 16 + 1]; /* (size + 15) / 16 -> class */
static size_t heap_pages;

_Static_assert(sizeof(struct slab) == 32, "the class sizes were chosen for this header");

/* heap_lock is held. */
static void heap_init(void)
{
	unsigned c = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		list_init(&classes[i].partial);
	for (unsigned units = 0; units <= LARGEST / 16; units++) {
		if (units * 16 > class_size[c])
			c++;
		class_of_units[units] = (uint8_t)c;
	}
}

/* heap_lock is held. */
static struct slab *slab_new(unsigned class)
{
	paddr_t p = page_alloc(0);
	struct slab *s;

	if (p == PADDR_NONE)
		return NULL;
	s = phys_to_virt(p);
	s->free = NULL;
	s->class = (uint16_t) class;
	s->used = 0;
	s->fresh = sizeof(*s);
	list_add_head(&classes[class].partial, &s->link);
	classes[class].empty++;
	heap_pages++;
	return s;
}

static inline bool slab_full(const struct slab *s)
{
	return !s->free && s->fresh + class_size[s->class] > PAGE_SIZE;
}

static void *small_alloc(size_t size)
{
	struct size_class *c;
	struct slab *s;
	unsigned class;
	void *p;

	spin_lock(&heap_lock);
	if (!classes[0].partial.next)
		heap_init();
	class = class_of_units[(size + 15) / 16];
	c = &classes[class];
	if (list_empty(&c->partial) && !slab_new(class)) {
		spin_unlock(&heap_lock);
		return NULL;
	}
	s = list_entry(c->partial.next, struct slab, link);
	if (s->free) {
		p = s->free;
		s->free = *(void **)p;
	} else {
		p = (char *)s + s->fresh;
		s->fresh = (uint16_t)(s->fresh + class_size[class]);
	}
	if (s->used++ == 0)
		c->empty--;
	if (slab_full(s))
		list_remove(&s->link);
	spin_unlock(&heap_lock);
	return p;
}

static void small_free(void *p)
{
	struct slab *s = (struct slab *)((uintptr_t)p & PAGE_MASK);
	struct size_class *c;
	bool was_full;

	spin_lock(&heap_lock);
	assert(s->class < CLASSES && s->used > 0);
	assert(((uintptr_t)p - (uintptr_t)s - sizeof(*s)) % class_size[s->class] == 0);
	c = &classes[s->class];
	was_full = slab_full(s);
	memset(p, POISON_BYTE, class_size[s->class] < 64 ? class_size[s->class] : 64);
	*(void **)p = s->free;
	s->free = p;
	if (was_full)
		list_add_head(&c->partial, &s->link);
	if (--s->used == 0) {
		if (c->empty) { /* one spare is enough */
			list_remove(&s->link);
			heap_pages--;
			page_free(virt_to_phys(s), 0);
		} else {
			c->empty = 1;
			list_remove(&s->link); /* use it last */
			list_add_tail(&c->partial, &s->link);
		}
	}
	spin_unlock(&heap_lock);
}

static unsigned order_for(size_t size)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static inline bool is_block(const void *p)
{
	return ((uintptr_t)p & (PAGE_SIZE - 1)) == 0;
}

/* Bytes that p can hold. */
static size_t usable(void *p)
{
	if (is_block(p))
		return PAGE_SIZE << page_order(virt_to_phys(p));
	return class_size[((struct slab *)((uintptr_t)p & PAGE_MASK))->class];
}

void *kmalloc(size_t size)
{
	unsigned order;
	paddr_t p;

	if (size <= LARGEST)
		return small_alloc(size);
	if (size > PAGE_SIZE << PAGE_MAX_ORDER)
		return NULL;
	order = order_for(size);
	p = page_alloc(order);
	if (p == PADDR_NONE)
		return NULL;
	__atomic_fetch_add(&heap_pages, 1ul << order, __ATOMIC_RELAXED);
	return phys_to_virt(p);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	if (!p)
		return;
	if (is_block(p)) {
		paddr_t phys = virt_to_phys(p);
		unsigned order = page_order(phys);

		__atomic_fetch_sub(&heap_pages, 1ul << order, __ATOMIC_RELAXED);
		page_free(phys, order);
	} else {
		small_free(p);
	}
}

void *krealloc(void *p, size_t size)
{
	size_t old;
	void *q;

	if (!p)
		return kmalloc(size);
	old = usable(p);
	if (size <= old && size * 2 > old)
		return p;
	q = kmalloc(size);
	if (!q)
		return size <= old ? p : NULL;
	memcpy(q, p, size < old ? size : old);
	kfree(p);
	return q;
}

size_t kmalloc_bytes(void)
{
	return __atomic_load_n(&heap_pages, __ATOMIC_RELAXED) * PAGE_SIZE;
}
