/* State of address configuration on one interface: slaac.c solicits, slaac_ra.c reads
 * advertisements, slaac_dns.c keeps what they say about name servers. Lock: net_lock. */
#pragma once
#include "net/resolvconf.h"
#include "net/slaac.h"
#include "sched/timer.h"

/* Bounds for what a link full of strange routers may make us keep (RFC 6980 has no cure). */
#define SLAAC_ROUTES_MAX   32
#define SLAAC_PREFIXES_MAX 16
#define SLAAC_SEARCH_MAX   4
#define SLAAC_NAME_MAX	   64

struct slaac_server {
	struct ip_addr addr;
	uint64_t expires; /* monotonic ns, UINT64_MAX for ever; 0: free */
};

struct slaac_domain {
	char name[SLAAC_NAME_MAX];
	uint64_t expires;
};

struct slaac {
	struct netif *netif;
	struct timer timer;
	uint64_t rs_due;  /* next solicitation; UINT64_MAX: none */
	uint64_t rs_wait; /* the last pause */
	uint64_t dns_due;
	bool link_up;
	bool got_router; /* an advertisement has come since the cable was plugged in */
	struct slaac_server server[DNS_SERVERS_MAX];
	struct slaac_domain domain[SLAAC_SEARCH_MAX];
	struct dns_source dns;
};

/* Options RDNSS and DNSSL (RFC 8106 section 5), n bytes from the option's type on, checked to be
 * there. */
void slaac_rdnss(struct slaac *s, const uint8_t *opt, size_t n);
void slaac_dnssl(struct slaac *s, const uint8_t *opt, size_t n);
/* Forgets what has expired and tells resolv.conf; sets s->dns_due. */
void slaac_dns_update(struct slaac *s);

/* Lifetimes of the wire, seconds, all ones for ever, as a moment. */
uint64_t slaac_until(uint32_t seconds);
/* Sets the timer for the next of the deadlines. */
void slaac_arm(struct slaac *s);
