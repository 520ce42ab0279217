#include "net/mcast_report.h"
#include <stddef.h>
#include "lib/list.h"
#include "lib/random.h"
#include "mm/kmalloc.h"
#include "net/mcast.h"
#include "net/net.h"
#include "net/netif.h"
#include "sched/timer.h"

#define MS		 1000000ull
#define SECOND		 1000000000ull
#define NEVER		 UINT64_MAX
#define ROBUSTNESS	 2u /* RFC 3376 8.1, RFC 3810 9.1 */
#define QUERY_INTERVAL_S 125u
#define UNSOLICITED_V3	 SECOND		/* RFC 3376 8.11 */
#define UNSOLICITED_V2	 (10 * SECOND)	/* RFC 2236 8.10, RFC 2710 7.10 */
#define V1_PRESENT	 (400 * SECOND) /* RFC 2236 8.11 */
#define LEAVING_MAX	 256		/* farewells that are still to be repeated */

/* What is to be said about one group. */
struct report {
	struct list link; /* on groups */
	struct netif *netif;
	struct ip_addr group;
	bool leaving;	     /* the membership is gone; this goes when it has been said */
	uint8_t changes;     /* state-change reports still to be sent */
	uint64_t change_due; /* when the next of them */
	uint64_t answer_due; /* answer to a query */
	bool reported;	     /* we were the last to report (RFC 2236 section 3) */
};

/* What one interface's routers speak, for one family. */
struct speech {
	uint64_t v1_until, v2_until; /* older queriers are present (RFC 3376 7.2.1) */
	uint64_t general_due;	     /* V3: answer about all groups */
	uint32_t interval_s;
	uint8_t robustness;
};

struct mcast_if {
	struct list link;
	struct netif *netif;
	bool speaking;		 /* what can_speak said last */
	struct speech speech[2]; /* IPv6, IPv4 */
};

static struct list groups = LIST_INIT(groups);
static struct list interfaces = LIST_INIT(interfaces);
static unsigned leaving_count;

static void tick(struct timer *t);
static struct timer ticker = {.func = tick};

static void arm(uint64_t when)
{
	if (when != NEVER && (!timer_armed(&ticker) || when < ticker.expires))
		timer_arm(&ticker, when);
}

static uint64_t random_below(uint64_t max)
{
	uint64_t r;

	random_bytes(&r, sizeof r);
	return max ? r % max : 0;
}

static bool can_speak(const struct netif *n)
{
	return (n->flags & IFF_UP) && (n->flags & IFF_RUNNING) && !n->raw;
}

static void on_event(enum net_event event, void *object);

static struct mcast_if *interface_of(struct netif *n)
{
	static struct net_notifier notifier = {.func = on_event};

	list_for_each_entry (i, &interfaces, struct mcast_if, link)
		if (i->netif == n)
			return i;
	struct mcast_if *i = kzalloc(sizeof *i);
	if (!i)
		return NULL;
	if (list_empty(&interfaces))
		net_notifier_add(&notifier);
	i->netif = n;
	i->speaking = can_speak(n);
	for (int f = 0; f < 2; f++)
		i->speech[f] = (struct speech){
		    .general_due = NEVER, .interval_s = QUERY_INTERVAL_S, .robustness = ROBUSTNESS};
	list_add_tail(&interfaces, &i->link);
	return i;
}

bool mcast_silent(const struct ip_addr *g)
{
	if (ip_is_v4(g))
		return ip_v4(g) == IP4(224, 0, 0, 1);
	static const struct ip_addr all_nodes = {.b = {0xff, 2, [15] = 1}};
	return (g->b[1] & 15) < 2 || ip_equal(g, &all_nodes);
}

static enum mcast_version spoken(const struct speech *s, bool v4)
{
	uint64_t now = net_now();

	if (v4 && now < s->v1_until)
		return MCAST_V1;
	return now < s->v2_until ? MCAST_V2 : MCAST_V3;
}

enum mcast_version mcast_version(const struct netif *n, bool v4)
{
	list_for_each_entry (i, &interfaces, struct mcast_if, link)
		if (i->netif == n)
			return spoken(&i->speech[v4], v4);
	return MCAST_V3;
}

/* Says a change as often as the robustness variable wants, beginning at once. */
static void announce(struct report *r)
{
	struct mcast_if *i = interface_of(r->netif);

	r->changes = i ? i->speech[ip_is_v4(&r->group)].robustness : ROBUSTNESS;
	r->change_due = net_now();
	arm(r->change_due);
}

static void forget(struct report *r)
{
	leaving_count -= r->leaving;
	list_remove(&r->link);
	kfree(r);
}

void mcast_report_join(struct netif *n, struct netif_mcast *m)
{
	if ((n->flags & IFF_LOOPBACK) || mcast_silent(&m->group))
		return;
	list_for_each_entry_safe (old, &groups, struct report, link)
		if (old->leaving && old->netif == n && ip_equal(&old->group, &m->group))
			forget(old); /* the later word counts */
	/* Without memory a group goes unreported: switches may then not send it here. */
	struct report *r = kzalloc(sizeof *r);
	m->report = r;
	if (!r)
		return;
	r->netif = n;
	r->group = m->group;
	r->answer_due = NEVER;
	list_add_tail(&groups, &r->link);
	announce(r);
}

void mcast_report_leave(struct netif *n, struct netif_mcast *m)
{
	struct report *r = m->report;

	(void)n;
	if (!r)
		return;
	m->report = NULL;
	if (leaving_count >= LEAVING_MAX || !(n->flags & IFF_UP)) {
		forget(r);
		return;
	}
	r->leaving = true;
	leaving_count++;
	r->answer_due = NEVER;
	announce(r);
}

/* Routers and switches behind a cable that was plugged in know nothing of us. */
static void on_event(enum net_event event, void *object)
{
	if (event != NET_LINK)
		return;
	list_for_each_entry (i, &interfaces, struct mcast_if, link) {
		bool was = i->speaking;
		if (i->netif != object)
			continue;
		i->speaking = can_speak(i->netif);
		if (!i->speaking || was)
			return;
		list_for_each_entry (r, &groups, struct report, link)
			if (r->netif == object && !r->leaving)
				announce(r);
		return;
	}
}

/* Records of one message. */
struct batch {
	struct netif *netif;
	const struct mcast_protocol *protocol;
	unsigned count;
	struct ip_addr group[MCAST_RECORDS];
	uint8_t type[MCAST_RECORDS];
};

static void send_batch(struct batch *b)
{
	if (b->count)
		b->protocol->report_v3(b->netif, b->group, b->type, b->count);
	b->count = 0;
}

static void add_record(struct batch *b, const struct report *r, uint8_t type)
{
	b->group[b->count] = r->group;
	b->type[b->count++] = type;
	if (b->count == MCAST_RECORDS)
		send_batch(b);
}

static void say_v3(struct batch *b, struct report *r, uint64_t now, bool general)
{
	if (r->changes && r->change_due <= now)
		add_record(b, r, r->leaving ? MCAST_TO_INCLUDE : MCAST_TO_EXCLUDE);
	else if (!r->leaving && (general || r->answer_due <= now))
		add_record(b, r, MCAST_IS_EXCLUDE);
}

static void say_older(const struct mcast_protocol *protocol, struct report *r, uint64_t now,
		      enum mcast_version v)
{
	if (!(r->changes && r->change_due <= now) && r->answer_due > now)
		return;
	if (!r->leaving) {
		protocol->report(r->netif, &r->group, v);
		r->reported = true;
	} else {
		if (v == MCAST_V2 && r->reported)
			protocol->leave(r->netif, &r->group);
		r->changes = 1; /* a farewell is said once */
	}
}

/* What is due of r has been said. True if r is no more. */
static bool advance(struct report *r, uint64_t now, enum mcast_version v)
{
	if (r->answer_due <= now)
		r->answer_due = NEVER;
	if (r->changes && r->change_due <= now) {
		r->changes--;
		r->change_due = now + random_below(v == MCAST_V3 ? UNSOLICITED_V3 : UNSOLICITED_V2);
		if (!r->changes && r->leaving) {
			forget(r);
			return true;
		}
	}
	return false;
}

static void speak(struct mcast_if *i, bool v4, uint64_t now)
{
	struct speech *s = &i->speech[v4];
	enum mcast_version v = spoken(s, v4);
	bool general = s->general_due <= now;
	struct batch batch;

	batch.netif = i->netif;
	batch.protocol = v4 ? &igmp_protocol : &mld_protocol;
	batch.count = 0;
	if (general)
		s->general_due = NEVER;
	list_for_each_entry_safe (r, &groups, struct report, link) {
		if (r->netif != i->netif || ip_is_v4(&r->group) != v4)
			continue;
		if (can_speak(i->netif)) {
			if (v == MCAST_V3)
				say_v3(&batch, r, now, general);
			else
				say_older(batch.protocol, r, now, v);
		}
		advance(r, now, v);
	}
	send_batch(&batch);
}

static void tick(struct timer *t)
{
	uint64_t now = net_now(), next = NEVER;

	(void)t;
	net_enter();
	list_for_each_entry (i, &interfaces, struct mcast_if, link) {
		speak(i, true, now);
		speak(i, false, now);
		for (int f = 0; f < 2; f++)
			if (i->speech[f].general_due < next)
				next = i->speech[f].general_due;
	}
	list_for_each_entry (r, &groups, struct report, link) {
		if (r->changes && r->change_due < next)
			next = r->change_due;
		if (r->answer_due < next)
			next = r->answer_due;
	}
	arm(next);
	net_leave();
}

/* RFC 3376 section 7.2.1, RFC 3810 section 8.2.1: how long an older querier is remembered. */
static void note_version(struct speech *s, bool v4, enum mcast_version v, uint32_t max_ms)
{
	uint64_t now = net_now();

	if (v == MCAST_V1 && v4)
		s->v1_until = now + V1_PRESENT;
	if (v == MCAST_V2)
		s->v2_until = now + (uint64_t)s->robustness * s->interval_s * SECOND + max_ms * MS;
}

void mcast_query(struct netif *n, const struct ip_addr *group, bool v4, enum mcast_version v,
		 uint32_t max_ms, uint8_t robustness, uint32_t interval_s)
{
	struct mcast_if *i = interface_of(n);
	uint64_t now = net_now(), window = max_ms * MS;

	if (!i)
		return;
	struct speech *s = &i->speech[v4];
	if (v == MCAST_V3) {
		s->robustness = robustness ? robustness : ROBUSTNESS;
		s->interval_s = interval_s ? interval_s : QUERY_INTERVAL_S;
	}
	note_version(s, v4, v, max_ms);
	bool general = ip_is_any(group);
	if (general && spoken(s, v4) == MCAST_V3) {
		uint64_t when = now + random_below(window);
		if (when < s->general_due)
			s->general_due = when;
		arm(s->general_due);
		return;
	}
	/*
	 * RFC 3376 section 5.2: one timer a group. A query about sources (which would be answered
	 * with those we want of them, here all) gets the answer about the group, which says more.
	 */
	list_for_each_entry (r, &groups, struct report, link) {
		if (r->netif != n || r->leaving || ip_is_v4(&r->group) != v4 ||
		    (!general && !ip_equal(&r->group, group)))
			continue;
		uint64_t when = now + random_below(window);
		if (when < r->answer_due)
			r->answer_due = when;
		arm(r->answer_due);
	}
}

void mcast_heard_report(struct netif *n, const struct ip_addr *group)
{
	if (mcast_version(n, ip_is_v4(group)) == MCAST_V3)
		return; /* no suppression any more */
	list_for_each_entry (r, &groups, struct report, link) {
		if (r->netif == n && !r->leaving && ip_equal(&r->group, group)) {
			r->answer_due = NEVER;
			r->reported = false;
		}
	}
}
