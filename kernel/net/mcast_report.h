/*
 * Telling routers and switches which groups are listened to: what IGMP (igmp.c) and MLD (mld.c)
 * have in common. Both know the same kinds of message and differ in numbers and encoding; RFC 3376
 * (IGMPv3) and RFC 3810 (MLDv2) share one state machine, here for any-source memberships only,
 * which is the state EXCLUDE {}. Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/addr.h"

struct netif;
struct netif_mcast;

enum mcast_version {
	MCAST_V1, /* IGMPv1: reports, nobody is told of leaving */
	MCAST_V2, /* IGMPv2, MLDv1: a message a group */
	MCAST_V3, /* IGMPv3, MLDv2: records */
};

/* RFC 3376 section 4.2.12, RFC 3810 section 5.2.12; without sources. */
enum mcast_record { MCAST_IS_EXCLUDE = 2, MCAST_TO_INCLUDE = 3, MCAST_TO_EXCLUDE = 4 };

/* What igmp.c and mld.c can send. */
struct mcast_protocol {
	/* One report about one group; version V1 or V2. */
	void (*report)(struct netif *n, const struct ip_addr *group, enum mcast_version v);
	void (*leave)(struct netif *n, const struct ip_addr *group); /* V2 */
	/* count records (at most MCAST_RECORDS) of groups in one message. */
	void (*report_v3)(struct netif *n, const struct ip_addr *groups, const uint8_t *types,
			  unsigned count);
};
#define MCAST_RECORDS 40 /* of 20 bytes: fits the smallest IPv6 MTU */

extern const struct mcast_protocol igmp_protocol, mld_protocol;

/* A group that nobody reports: all hosts, and IPv6 scopes that do not leave the interface (RFC 3376
 * section 6, RFC 3810 section 6). */
bool mcast_silent(const struct ip_addr *group);

/* mcast.c: the first user has come, the last has gone. */
void mcast_report_join(struct netif *n, struct netif_mcast *m);
void mcast_report_leave(struct netif *n, struct netif_mcast *m);

/* A query has come in, checked. group: any for a general one. max_ms: answer within. */
void mcast_query(struct netif *n, const struct ip_addr *group, bool v4, enum mcast_version v,
		 uint32_t max_ms, uint8_t robustness, uint32_t interval_s);
/* Somebody else has reported group (V1, V2): we need not. */
void mcast_heard_report(struct netif *n, const struct ip_addr *group);
/* For /proc/net/igmp and igmp6: the version in use. */
enum mcast_version mcast_version(const struct netif *n, bool v4);
