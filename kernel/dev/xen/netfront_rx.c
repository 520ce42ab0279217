/*
 * dev/xen/netfront.h: receiving (io/netif.h, "Guest receive").
 *
 * The backend copies frames into pages of ours. A frame of some length keeps its pages: the grant
 * ends, fresh pages take their places, and the packet refers to them where they are. Small frames
 * are copied out, and their page goes round again, granted as it was.
 *
 * Responses come in the order of the requests, one for each: the slot says which page is meant, not
 * the id in it, which slots of extra information do not even have.
 */
#include <asm/errno.h>
#include "dev/xen/netfront.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

#define COPY_MAX	256u
#define TARGET_MIN	64u
#define RX_PAGES_BUFFER 64u /* pages of RAM that allow one buffer more */
/* Headers that have to be in one piece before a checksum's place can be told. */
#define HEADERS_MAX 128u

static struct netif_rx_sring *ring_of(struct netfront_rx *rx)
{
	return rx->shared.page;
}

static union netif_rx_sring_entry *entry(struct netfront_rx *rx, uint32_t index)
{
	union netif_rx_sring_entry *entries = ring_of(rx)->ring;

	return &entries[index % NETFRONT_ENTRIES];
}

/* ---- pages ---- */

static void page_drop(struct netfront_page *page)
{
	page_free(virt_to_phys(page->buf.data), 0);
	kfree(page);
}

static void put_spare(struct netfront *f, struct netfront_page *page)
{
	if (page->connection != f->connection || f->npages >= f->max_pages) {
		page_drop(page);
		return;
	}
	page->next = f->pages;
	f->pages = page;
	f->npages++;
}

/* The last packet that referred to the page is gone. */
static void page_release(struct netbuf *b)
{
	struct netfront_page *page = container_of(b, struct netfront_page, buf);

	packet_stats.bytes -= PAGE_SIZE;
	packet_stats.netbufs--;
	put_spare(page->owner, page);
}

/* A page that the backend may see: new ones are zeroed, old ones held its own frames. */
static struct netfront_page *page_take(struct netfront *f)
{
	struct netfront_page *page = f->pages;
	paddr_t phys;

	if (page) {
		f->pages = page->next;
		f->npages--;
		return page;
	}
	page = kzalloc(sizeof *page);
	if (!page)
		return NULL;
	phys = page_alloc_zero(0);
	if (phys == PADDR_NONE) {
		kfree(page);
		return NULL;
	}
	page->buf.data = phys_to_virt(phys);
	page->buf.size = PAGE_SIZE;
	page->buf.release = page_release;
	page->owner = f;
	page->connection = f->connection;
	return page;
}

/* The stack's share of memory bounds what its packets keep of our pages. */
static bool may_keep(void)
{
	if (packet_stats.bytes + PAGE_SIZE <= packet_stats.bytes_limit)
		return true;
	packet_stats.failures++;
	return false;
}

static void make_ready(struct netfront_rx *rx, struct netfront_page *page)
{
	page->next = rx->ready;
	rx->ready = page;
}

/* The page is nobody's any more; where its grant does not end it is lost. */
static void page_end(struct netfront_page *page)
{
	if (page->ref)
		grant_end_or_leak(page->ref, virt_to_phys(page->buf.data), 0);
	else
		page_free(virt_to_phys(page->buf.data), 0);
	kfree(page);
}

/*
 * Takes the page out of the backend's hands, as a netbuf with one reference; another takes its
 * place. NULL: memory is out, or the backend will not let go. The page is then the ring's again,
 * or lost.
 */
static struct netbuf *keep(struct netfront_queue *q, struct netfront_page *page)
{
	struct netfront_page *fresh = may_keep() ? page_take(q->owner) : NULL;

	if (!fresh) {
		make_ready(&q->rx, page);
		return NULL;
	}
	make_ready(&q->rx, fresh);
	if (!grant_revoke(page->ref)) {
		netfront_lied(q, "it keeps a page that it has answered for");
		page_end(page);
		return NULL;
	}
	q->rx.refs[q->rx.nrefs++] = page->ref;
	page->ref = 0;
	page->buf.refs = 1;
	packet_stats.bytes += PAGE_SIZE;
	packet_stats.netbufs++;
	return &page->buf;
}

/* ---- frames ---- */

static void begin_frame(struct netfront_rx *rx, uint16_t flags)
{
	rx->flags = flags;
	rx->frame = NULL;
	rx->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	rx->gso_size = 0;
	rx->slots = 0;
	rx->bad = false;
	rx->begun = true;
}

static void spoil(struct netfront_queue *q, uint64_t *counter)
{
	struct netfront_rx *rx = &q->rx;

	if (!rx->bad)
		++*counter;
	rx->bad = true;
	packet_free(rx->frame);
	rx->frame = NULL;
}

/* What the slots' flags say of checksum and segments. False: the frame is not as they say. */
static bool describe(struct netfront_rx *rx, struct packet *p)
{
	uint32_t linear = p->len < HEADERS_MAX ? p->len : HEADERS_MAX;
	struct netfront_transport t;

	if (rx->flags & NETRXF_data_validated)
		p->csum = CSUM_VERIFIED;
	if (!(rx->flags & NETRXF_csum_blank) && !rx->gso_type)
		return true;
	if (packet_linear(p) < linear && packet_need_linear(p, linear))
		return false;
	if (!netfront_find_transport(p->data, packet_linear(p), &t))
		return false;
	if (rx->flags & NETRXF_csum_blank) {
		p->csum = CSUM_PARTIAL;
		p->csum_start = p->data + t.start;
		p->csum_offset = t.offset;
	}
	if (!rx->gso_type)
		return true;
	if (!t.tcp || t.v6 != (rx->gso_type == XEN_NETIF_GSO_TYPE_TCPV6))
		return false;
	p->gso = t.v6 ? GSO_TCP6 : GSO_TCP4;
	p->gso_size = rx->gso_size;
	return true;
}

/* The frame's last slot has been seen. True if there was a frame. */
static bool end_frame(struct netfront_queue *q)
{
	struct netfront_rx *rx = &q->rx;
	struct netif *n = &q->owner->netif;
	struct packet *p = rx->frame;

	rx->begun = false;
	rx->frame = NULL;
	rx->expect = EXPECT_FRAME;
	if (!p)
		return true;
	p->netif = n;
	if (p->len < ETH_HLEN || !describe(rx, p)) {
		n->stats.rx_errors++;
		packet_free(p);
		return true;
	}
	if (p->csum != CSUM_NONE)
		n->stats.rx_csum_offload++;
	if (p->gso)
		n->stats.rx_gro++;
	netif_input(n, p);
	return true;
}

/* len bytes of a page, as the first or the next of the frame. */
static void add_data(struct netfront_queue *q, struct netfront_page *page, uint32_t offset,
		     uint32_t len, bool alone)
{
	struct netfront_rx *rx = &q->rx;
	struct netif_stats *stats = &q->owner->netif.stats;
	struct netbuf *b;

	if (++rx->slots > NETFRONT_SLOTS)
		spoil(q, &stats->rx_errors);
	if (rx->bad || !len) {
		make_ready(rx, page);
		return;
	}
	if (alone && len <= COPY_MAX) {
		rx->frame = packet_alloc(len);
		if (rx->frame)
			memcpy(packet_put(rx->frame, len), page->buf.data + offset, len);
		else
			spoil(q, &stats->rx_dropped);
		make_ready(rx, page);
		return;
	}
	b = keep(q, page);
	if (!b) {
		spoil(q, &stats->rx_dropped);
		return;
	}
	if (rx->frame) {
		packet_add_frag(rx->frame, b, offset, len);
		return;
	}
	rx->frame = packet_wrap(b, offset, len);
	if (!rx->frame)
		spoil(q, &stats->rx_dropped);
}

/* A slot with data. True if it ends the frame. */
static bool data_slot(struct netfront_queue *q, struct netfront_page *page,
		      const struct netif_rx_response *r)
{
	struct netfront_rx *rx = &q->rx;
	bool more = r->flags & NETRXF_more_data;

	if (rx->expect == EXPECT_FRAME)
		begin_frame(rx, r->flags);
	if (r->flags & NETRXF_gso_prefix)
		spoil(q, &q->owner->netif.stats.rx_errors); /* never agreed on */
	if (r->status < 0) {
		spoil(q, &q->owner->netif.stats.rx_errors);
		make_ready(rx, page);
	} else if (r->offset > PAGE_SIZE || (uint16_t)r->status > PAGE_SIZE - r->offset) {
		netfront_lied(q, "a frame that is longer than its page");
		make_ready(rx, page);
		return false;
	} else {
		bool extra = rx->expect == EXPECT_FRAME && r->flags & NETRXF_extra_info;

		add_data(q, page, r->offset, (uint16_t)r->status, !rx->frame && !more && !extra);
	}
	if (rx->expect == EXPECT_FRAME && r->flags & NETRXF_extra_info) {
		rx->more = more;
		rx->expect = EXPECT_EXTRA;
		return false;
	}
	rx->expect = EXPECT_DATA;
	return !more;
}

/* A slot with extra information. True if it ends the frame. */
static bool extra_slot(struct netfront_queue *q, const struct netif_extra_info *x)
{
	struct netfront_rx *rx = &q->rx;

	/* Nothing else was agreed on, and nothing comes twice. */
	if (x->type != XEN_NETIF_EXTRA_TYPE_GSO || rx->gso_type || !x->u.gso.size ||
	    (x->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
	     x->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)) {
		netfront_lied(q, "extra information that was not asked for");
		return false;
	}
	rx->gso_type = x->u.gso.type;
	rx->gso_size = x->u.gso.size;
	if (x->flags & XEN_NETIF_EXTRA_FLAG_MORE)
		return false;
	rx->expect = EXPECT_DATA;
	return !rx->more;
}

/* The next response. True if it ends a frame. */
static bool take_slot(struct netfront_queue *q)
{
	struct netfront_rx *rx = &q->rx;
	uint32_t index = rx->rsp_cons++;
	struct netfront_page *page = rx->posted[index % NETFRONT_ENTRIES];
	union {
		uint64_t word;
		struct netif_rx_response response;
		struct netif_extra_info extra;
	} slot;

	_Static_assert(sizeof(union netif_rx_sring_entry) == sizeof slot.word, "one word a slot");
	slot.word = __atomic_load_n((uint64_t *)(void *)entry(rx, index), __ATOMIC_RELAXED);
	rx->posted[index % NETFRONT_ENTRIES] = NULL;
	if (rx->expect != EXPECT_EXTRA)
		return data_slot(q, page, &slot.response);
	make_ready(rx, page);
	return extra_slot(q, &slot.extra);
}

unsigned netfront_rx_poll(struct netfront_queue *q, unsigned budget)
{
	struct netfront_rx *rx = &q->rx;
	uint32_t prod = __atomic_load_n(&ring_of(rx)->rsp_prod, __ATOMIC_ACQUIRE);
	unsigned done = 0;

	if (q->broken)
		return 0;
	if (prod - rx->rsp_cons > rx->req_prod - rx->rsp_cons) {
		netfront_lied(q, "more received than there is room for");
		return 0;
	}
	while (done < budget && rx->rsp_cons != prod && !q->broken)
		if (take_slot(q))
			done += end_frame(q);
	netfront_rx_post(q);
	return done;
}

void netfront_rx_post(struct netfront_queue *q)
{
	struct netfront_rx *rx = &q->rx;
	struct netif_rx_sring *ring = ring_of(rx);
	struct netfront_page *page;
	uint32_t event;

	if (q->broken || !rx->ready)
		return;
	while ((page = rx->ready)) {
		uint32_t index = rx->req_prod++;
		struct netif_rx_request *r = &entry(rx, index)->req;

		rx->ready = page->next;
		if (!page->ref) {
			assert(rx->nrefs);
			page->ref = rx->refs[--rx->nrefs];
			grant_use(page->ref, q->owner->device->backend_domain,
				  virt_to_phys(page->buf.data), false);
		}
		rx->posted[index % NETFRONT_ENTRIES] = page;
		r->id = (uint16_t)(index % NETFRONT_ENTRIES);
		r->pad = 0;
		r->gref = page->ref;
	}
	__atomic_store_n(&ring->req_prod, rx->req_prod, __ATOMIC_RELEASE);
	/* Until the backend is there its event index means nothing, and it looks by itself. */
	if (!q->owner->running)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(&ring->req_event, __ATOMIC_RELAXED);
	if (rx->req_prod - event < rx->req_prod - rx->notified)
		evtchn_notify(q->rx_port);
	rx->notified = rx->req_prod;
}

bool netfront_rx_listen(struct netfront_queue *q)
{
	struct netif_rx_sring *ring = ring_of(&q->rx);

	__atomic_store_n(&ring->rsp_event, q->rx.rsp_cons + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&ring->rsp_prod, __ATOMIC_RELAXED) != q->rx.rsp_cons;
}

/* ---- set-up ---- */

int netfront_rx_init(struct netfront_queue *q)
{
	struct netfront_rx *rx = &q->rx;
	unsigned by_memory = (unsigned)(page_total() / RX_PAGES_BUFFER);
	int err = xenbus_ring_alloc(q->owner->device, &rx->shared);

	if (err)
		return err;
	ring_of(rx)->req_event = ring_of(rx)->rsp_event = 1;
	rx->target = by_memory < TARGET_MIN ? TARGET_MIN : by_memory;
	if (rx->target > NETFRONT_ENTRIES)
		rx->target = NETFRONT_ENTRIES;
	q->owner->max_pages = rx->target;
	err = grant_reserve(rx->refs, rx->target);
	if (err)
		return err;
	rx->nrefs = rx->target;
	for (unsigned i = 0; i < rx->target; i++) {
		struct netfront_page *page = page_take(q->owner);

		if (!page && i < NETFRONT_SLOTS)
			return -ENOMEM;
		if (!page)
			break;
		make_ready(rx, page);
	}
	return 0;
}

void netfront_rx_free(struct netfront_queue *q)
{
	struct netfront_rx *rx = &q->rx;
	struct netfront_page *page;

	packet_free(rx->frame);
	rx->frame = NULL;
	for (unsigned i = 0; i < NETFRONT_ENTRIES; i++)
		if (rx->posted[i])
			page_end(rx->posted[i]);
	while ((page = rx->ready)) {
		rx->ready = page->next;
		page_end(page);
	}
	while (rx->nrefs)
		grant_release(rx->refs[--rx->nrefs]);
	xenbus_ring_free(&rx->shared);
}

void netfront_pages_free(struct netfront *f)
{
	struct netfront_page *page;

	f->connection++;
	while ((page = f->pages)) {
		f->pages = page->next;
		page_drop(page);
	}
	f->npages = 0;
}
