/* dev/xen/blkfront.h: the pages that data goes through. */
#include "dev/xen/blkfront.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"

int blkfront_pool_init(struct blkfront_pool *p, unsigned max)
{
	memset(p, 0, sizeof *p);
	p->first = BLKFRONT_NONE;
	p->max = max;
	p->pages = kzalloc(max * sizeof *p->pages);
	return p->pages ? 0 : -ENOMEM;
}

static bool grant(struct blkfront_pool *p, struct blkfront_page *page)
{
	int ref = grant_access(p->domain, page->addr, false);

	if (ref <= 0)
		return false;
	page->ref = (grant_ref_t)ref;
	return true;
}

static void push(struct blkfront_pool *p, uint16_t i)
{
	p->pages[i].next = p->first;
	p->first = i;
	p->free++;
}

/* A new page, BLKFRONT_NONE without memory or references. */
static uint16_t make(struct blkfront_pool *p)
{
	struct blkfront_page *page = &p->pages[p->made];

	if (p->made == p->max)
		return BLKFRONT_NONE;
	page->addr = page_alloc_zero(0);
	if (page->addr == PADDR_NONE)
		return BLKFRONT_NONE;
	if (!grant(p, page)) {
		page_free(page->addr, 0);
		return BLKFRONT_NONE;
	}
	return (uint16_t)p->made++;
}

int blkfront_pool_connect(struct blkfront_pool *p, domid_t domain)
{
	p->domain = domain;
	p->connected = true;
	p->first = BLKFRONT_NONE;
	p->free = 0;
	for (unsigned i = p->made; i-- > 0;) {
		struct blkfront_page *page = &p->pages[i];

		if (page->kept && grant_end(page->ref)) {
			page->kept = false;
			page->ref = 0;
		}
		if (!page->kept && grant(p, page))
			push(p, (uint16_t)i);
	}
	/* One is enough to get along. */
	if (!p->free) {
		uint16_t i = make(p);

		if (i == BLKFRONT_NONE) {
			blkfront_pool_disconnect(p);
			return -ENOMEM;
		}
		push(p, i);
	}
	return 0;
}

void blkfront_pool_disconnect(struct blkfront_pool *p)
{
	p->connected = false;
	p->first = BLKFRONT_NONE;
	p->free = 0;
	for (unsigned i = 0; i < p->made; i++) {
		struct blkfront_page *page = &p->pages[i];

		if (!page->ref || page->kept)
			continue;
		if (grant_end(page->ref))
			page->ref = 0;
		else
			page->kept = true;
	}
}

void blkfront_pool_free(struct blkfront_pool *p)
{
	for (unsigned i = 0; i < p->made; i++) {
		if (p->pages[i].ref)
			grant_end_or_leak(p->pages[i].ref, p->pages[i].addr, 0);
		else
			page_free(p->pages[i].addr, 0);
	}
	kfree(p->pages);
	memset(p, 0, sizeof *p);
	p->first = BLKFRONT_NONE;
}

uint16_t blkfront_pool_get(struct blkfront_pool *p)
{
	uint16_t i = p->first;

	if (i == BLKFRONT_NONE)
		return p->connected ? make(p) : BLKFRONT_NONE;
	p->first = p->pages[i].next;
	p->free--;
	return i;
}

/* Has more than one free page, or makes it so. */
bool blkfront_pool_spare(struct blkfront_pool *p)
{
	while (p->free < 2) {
		uint16_t i = p->connected ? make(p) : BLKFRONT_NONE;

		if (i == BLKFRONT_NONE)
			return false;
		push(p, i);
	}
	return true;
}

void blkfront_pool_put(struct blkfront_pool *p, uint16_t i)
{
	push(p, i);
}
