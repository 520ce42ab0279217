/*
 * Netlink: netlink(7), rtnetlink(7), RFC 3549. Only NETLINK_ROUTE is there: interfaces, addresses,
 * routes and neighbours. netlink.c has the sockets, netlink_message.c puts messages together and
 * takes them apart, netlink_route.c has the table of requests, netlink_{link,addr,rt,neigh}.c what
 * they do. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "net/netif.h"
#include "net/socket.h"

/* One datagram: messages back to back. */
struct netlink_buf {
	struct list link;
	uint32_t len, room;
	uint32_t group; /* it came by this group; 0: to the socket alone */
	bool failed;	/* a message did not fit, or memory was out */
	uint8_t data[] __attribute__((aligned(8)));
};

struct netlink_sock {
	struct socket so; /* first */
	struct list all_link;
	uint32_t portid;
	uint64_t groups; /* bit n - 1: member of group n */
	struct list queue;
	uint32_t queued_bytes;
	bool overrun; /* ENOBUFS is to be reported */
	bool pktinfo, no_enobufs, cap_ack, ext_ack, strict, broadcast_error;
	bool connected;
};

/* What a request is answered with. */
struct netlink_reply {
	struct netlink_sock *to;
	uint32_t seq;
	uint16_t flags;		 /* NLM_F_MULTI in dumps */
	struct netlink_buf *buf; /* being filled */
	bool failed;
	const char *text; /* for NETLINK_EXT_ACK: what was wrong, NULL */
};

/* Messages (netlink_message.c). Nothing happens in a reply that has failed. */
/* Starts one with room for its fixed part, which is zeroed; NULL without memory. */
void *netlink_begin(struct netlink_reply *r, uint16_t type, size_t fixed);
void netlink_put(struct netlink_reply *r, uint16_t type, const void *value, size_t len);
static inline void netlink_put_u8(struct netlink_reply *r, uint16_t type, uint8_t v)
{
	netlink_put(r, type, &v, sizeof v);
}
static inline void netlink_put_u32(struct netlink_reply *r, uint16_t type, uint32_t v)
{
	netlink_put(r, type, &v, sizeof v);
}
void netlink_put_string(struct netlink_reply *r, uint16_t type, const char *s);
/* An address in its family's own form. */
void netlink_put_addr(struct netlink_reply *r, uint16_t type, const struct ip_addr *a);
void netlink_end(struct netlink_reply *r);

/* A request taken apart: attr[type] for types up to max (NULL: not there; the last one counts).
 * Every one of them lies inside; what is malformed ends it. */
#define NETLINK_ATTRS 64
struct netlink_attrs {
	const struct nlattr *attr[NETLINK_ATTRS];
};
void netlink_parse(const void *attrs, size_t len, struct netlink_attrs *out);
static inline size_t netlink_attr_len(const struct nlattr *a)
{
	return a->nla_len - sizeof *a;
}
static inline const void *netlink_attr_data(const struct nlattr *a)
{
	return a + 1;
}
/* A number of 32 bits; -EINVAL if it is shorter. Leaves *out alone if a is NULL. */
int netlink_get_u32(const struct nlattr *a, uint32_t *out);
/* An address of family; the same. */
int netlink_get_addr(const struct nlattr *a, int family, struct ip_addr *out);
int netlink_get_name(const struct nlattr *a, char name[IFNAMSIZ]);

/* netlink.c */
/* Queues b on s; takes b. */
void netlink_deliver(struct netlink_sock *s, struct netlink_buf *b);
/* True if any socket is a member. */
bool netlink_heard(uint32_t group);
/* Copies of r's message to all members of group; frees it. */
void netlink_multicast(struct netlink_reply *r, uint32_t group);
struct netlink_buf *netlink_buf_new(uint32_t room);

/* netlink_route.c: a request of len bytes from h on, checked to be whole. */
void netlink_route_request(struct netlink_sock *s, const struct nlmsghdr *h);
/* Registers for the events that groups are told of. */
void netlink_route_init(void);

/* One kind of object. request: the whole message, its attributes behind fixed bytes. */
struct netlink_request {
	const struct nlmsghdr *h;
	const void *fixed; /* zero filled if the request was shorter (dumps of old programs) */
	struct netlink_attrs attrs;
	bool strict;
};
int netlink_link_get(const struct netlink_request *q, struct netlink_reply *r);
int netlink_link_dump(const struct netlink_request *q, struct netlink_reply *r);
int netlink_link_set(const struct netlink_request *q, struct netlink_reply *r);
int netlink_addr_dump(const struct netlink_request *q, struct netlink_reply *r);
int netlink_addr_new(const struct netlink_request *q, struct netlink_reply *r);
int netlink_addr_del(const struct netlink_request *q, struct netlink_reply *r);
int netlink_rt_get(const struct netlink_request *q, struct netlink_reply *r);
int netlink_rt_dump(const struct netlink_request *q, struct netlink_reply *r);
int netlink_rt_new(const struct netlink_request *q, struct netlink_reply *r);
int netlink_rt_del(const struct netlink_request *q, struct netlink_reply *r);
int netlink_neigh_get(const struct netlink_request *q, struct netlink_reply *r);
int netlink_neigh_dump(const struct netlink_request *q, struct netlink_reply *r);
int netlink_neigh_new(const struct netlink_request *q, struct netlink_reply *r);
int netlink_neigh_del(const struct netlink_request *q, struct netlink_reply *r);
/* The rules that say in which order the tables are asked: Linux's own, which cannot be changed. */
int netlink_rule_dump(const struct netlink_request *q, struct netlink_reply *r);
/* Queueing disciplines: none. */
int netlink_qdisc_dump(const struct netlink_request *q, struct netlink_reply *r);

/* One message about one object, for answers and notifications. */
void netlink_link_message(struct netlink_reply *r, uint16_t type, const struct netif *n);
struct ifaddr;
void netlink_addr_message(struct netlink_reply *r, uint16_t type, const struct ifaddr *a);
struct route_entry;
void netlink_rt_message(struct netlink_reply *r, uint16_t type, const struct route_entry *e);
struct neighbour;
void netlink_neigh_message(struct netlink_reply *r, uint16_t type, const struct neighbour *nb);
