/*
 * Where the name servers in /etc/resolv.conf come from: the command line, else DHCP leases and
 * router advertisements. Lock: net_lock.
 */
#pragma once
#include <stddef.h>
#include "lib/list.h"
#include "net/addr.h"

struct netif;

#define DNS_SERVERS_MAX 3   /* what resolvers read */
#define DNS_SEARCH_MAX	256 /* text: names separated by blanks */

/* What one protocol on one interface has learned; it belongs to that protocol. */
struct dns_source {
	struct list link;
	const struct netif *netif;
	struct ip_addr server[DNS_SERVERS_MAX];
	unsigned nservers;
	char search[DNS_SEARCH_MAX];
};

/* Makes s known, after the others. */
void resolvconf_add(struct dns_source *s);
/* What a source says has changed: the file is written soon. */
void resolvconf_changed(void);
/* Writes the file now. No lock held; at boot, before the program runs. */
void resolvconf_write(void);
/* Its text: of the command line's words where they say something, else of the sources. Length. */
size_t resolvconf_text(char *out, size_t size);
/* A host name from DHCP, if the command line gave none: at most 64 characters of a domain name's
 * first label. */
void resolvconf_hostname(const char *name, size_t n);
