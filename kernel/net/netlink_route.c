/* NETLINK_ROUTE: which request is whose, acknowledgements, and what groups are told of. */
#include <asm/errno.h>
#include "mm/kmalloc.h"
#include "net/neighbour.h"
#include "net/netlink.h"
#include "net/route.h"
#include "sys/capability.h"

/* The fixed part of requests: the largest of them. */
#define FIXED_MAX 32
#ifndef AF_BRIDGE
#define AF_BRIDGE 7
#endif

/* Messages and attributes are padded to four bytes. */
static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static const struct kind {
	uint16_t type; /* the NEW one; DEL, GET and SET follow it */
	uint8_t fixed; /* bytes */
	int (*create)(const struct netlink_request *, struct netlink_reply *);
	int (*remove)(const struct netlink_request *, struct netlink_reply *);
	int (*get)(const struct netlink_request *, struct netlink_reply *);
	int (*dump)(const struct netlink_request *, struct netlink_reply *);
	int (*set)(const struct netlink_request *, struct netlink_reply *);
} kinds[] = {
    {RTM_NEWLINK, sizeof(struct ifinfomsg), netlink_link_set, NULL, netlink_link_get,
     netlink_link_dump, netlink_link_set},
    {RTM_NEWADDR, sizeof(struct ifaddrmsg), netlink_addr_new, netlink_addr_del, NULL,
     netlink_addr_dump, NULL},
    {RTM_NEWROUTE, sizeof(struct rtmsg), netlink_rt_new, netlink_rt_del, netlink_rt_get,
     netlink_rt_dump, NULL},
    {RTM_NEWNEIGH, sizeof(struct ndmsg), netlink_neigh_new, netlink_neigh_del, netlink_neigh_get,
     netlink_neigh_dump, NULL},
    {RTM_NEWRULE, sizeof(struct rtmsg), NULL, NULL, NULL, netlink_rule_dump, NULL},
    {RTM_NEWQDISC, sizeof(struct tcmsg), NULL, NULL, NULL, netlink_qdisc_dump, NULL},
};

/* NLMSG_ERROR: the request's header back, after an error the whole request unless the socket does
 * not want it, and what was wrong in words if it does. */
static void acknowledge(struct netlink_sock *s, const struct nlmsghdr *h, int err, const char *text)
{
	bool whole = err && !s->cap_ack;
	size_t echo = whole ? h->nlmsg_len : sizeof *h;
	size_t words = text && s->ext_ack ? strlen(text) + 1 : 0;
	size_t room = NLMSG_HDRLEN + sizeof(int) + padded(echo) +
		      (words ? sizeof(struct nlattr) + padded(words) : 0);
	struct netlink_buf *b = netlink_buf_new((uint32_t)room);

	if (!b) {
		s->overrun = !s->no_enobufs;
		return;
	}
	memset(b->data, 0, room);
	b->len = (uint32_t)room;
	struct nlmsghdr *a = (void *)b->data;
	a->nlmsg_len = (uint32_t)room;
	a->nlmsg_type = NLMSG_ERROR;
	a->nlmsg_flags = (uint16_t)((whole ? 0 : NLM_F_CAPPED) | (words ? NLM_F_ACK_TLVS : 0));
	a->nlmsg_seq = h->nlmsg_seq;
	a->nlmsg_pid = s->portid;
	memcpy(a + 1, &err, sizeof err);
	memcpy((uint8_t *)(a + 1) + sizeof err, h, echo);
	if (words) {
		struct nlattr *t = (void *)((uint8_t *)(a + 1) + sizeof err + padded(echo));
		t->nla_type = NLMSGERR_ATTR_MSG;
		t->nla_len = (uint16_t)(sizeof *t + words);
		memcpy(t + 1, text, words);
	}
	netlink_deliver(s, b);
}

static void finish_dump(struct netlink_reply *r)
{
	int zero = 0;

	if (!netlink_begin(r, NLMSG_DONE, sizeof zero)) {
		kfree(r->buf);
		r->to->overrun = true;
		return;
	}
	netlink_end(r);
	netlink_deliver(r->to, r->buf);
}

static int run(struct netlink_sock *s, const struct nlmsghdr *h, const struct kind *k,
	       struct netlink_reply *r)
{
	uint8_t fixed[FIXED_MAX] = {0};
	struct netlink_request q = {.h = h, .fixed = fixed, .strict = s->strict};
	size_t len = h->nlmsg_len - NLMSG_HDRLEN, have = len < k->fixed ? len : k->fixed;
	unsigned verb = h->nlmsg_type & 3;
	bool dump = verb == 2 && (h->nlmsg_flags & NLM_F_DUMP);
	int (*const func[])(const struct netlink_request *, struct netlink_reply *) = {
	    k->create, k->remove, dump ? k->dump : k->get, k->set};

	if (!func[verb])
		return -EOPNOTSUPP;
	/* A dump needs the family only (struct rtgenmsg), which is all that Go's syscall sends. */
	if (len < 1 || (!dump && len < k->fixed))
		return -EINVAL;
	memcpy(fixed, h + 1, have);
	/* What a family that is not there would dump, all do (as on Linux); some libraries have 255
	 * for all. A bridge's tables are empty, as there is none. */
	if (dump && fixed[0] == AF_BRIDGE)
		return (r->flags = NLM_F_MULTI, 0);
	if (dump && fixed[0] != AF_INET && fixed[0] != AF_INET6)
		fixed[0] = AF_UNSPEC;
	if (len > padded(k->fixed)) {
		netlink_parse((const uint8_t *)(h + 1) + padded(k->fixed), len - padded(k->fixed),
			      &q.attrs);
	}
	if (verb != 2 && !process_capable(CAP_NET_ADMIN))
		return -EPERM;
	r->flags = dump ? NLM_F_MULTI : 0;
	return func[verb](&q, r);
}

void netlink_route_request(struct netlink_sock *s, const struct nlmsghdr *h)
{
	struct netlink_reply r = {.to = s, .seq = h->nlmsg_seq};
	const struct kind *k = NULL;
	int err = 0;

	if (!(h->nlmsg_flags & NLM_F_REQUEST))
		return;
	if (h->nlmsg_type >= NLMSG_MIN_TYPE) {
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			if (kinds[i].type == (h->nlmsg_type & ~3))
				k = &kinds[i];
		err = k ? run(s, h, k, &r) : -EOPNOTSUPP;
	}
	if (!err && (r.flags & NLM_F_MULTI)) {
		finish_dump(&r);
		return;
	}
	if (r.failed && !err)
		err = -ENOBUFS;
	if (r.buf && !err)
		netlink_deliver(s, r.buf);
	else
		kfree(r.buf);
	if (err || (h->nlmsg_flags & NLM_F_ACK))
		acknowledge(s, h, err, r.text);
}

static void tell_link(uint16_t type, const struct netif *n)
{
	struct netlink_reply r = {.seq = 0};

	if (!netlink_heard(RTNLGRP_LINK))
		return;
	netlink_link_message(&r, type, n);
	netlink_multicast(&r, RTNLGRP_LINK);
}

static void tell_addr(uint16_t type, const struct ifaddr *a)
{
	uint32_t group = ip_is_v4(&a->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
	struct netlink_reply r = {.seq = 0};

	if (!netlink_heard(group))
		return;
	netlink_addr_message(&r, type, a);
	netlink_multicast(&r, group);
}

static void tell_route(uint16_t type, const struct route_entry *e)
{
	uint32_t group = ip_is_v4(&e->dst) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
	struct netlink_reply r = {.seq = 0};

	if (!netlink_heard(group))
		return;
	netlink_rt_message(&r, type, e);
	netlink_multicast(&r, group);
}

static void tell_neigh(const struct neighbour *nb)
{
	struct netlink_reply r = {.seq = 0};

	if (!netlink_heard(RTNLGRP_NEIGH))
		return;
	netlink_neigh_message(&r, nb->state == NUD_NONE ? RTM_DELNEIGH : RTM_NEWNEIGH, nb);
	netlink_multicast(&r, RTNLGRP_NEIGH);
}

static void on_event(enum net_event event, void *object)
{
	switch (event) {
	case NET_LINK:
		tell_link(RTM_NEWLINK, object);
		break;
	case NET_ADDR_ADD:
		tell_addr(RTM_NEWADDR, object);
		break;
	case NET_ADDR_DEL:
		tell_addr(RTM_DELADDR, object);
		break;
	case NET_ROUTE_ADD:
		tell_route(RTM_NEWROUTE, object);
		break;
	case NET_ROUTE_DEL:
		tell_route(RTM_DELROUTE, object);
		break;
	case NET_NEIGH:
		tell_neigh(object);
		break;
	}
}

void netlink_route_init(void)
{
	static struct net_notifier notifier = {.func = on_event};

	net_notifier_add(&notifier);
}
