#include "net/net.h"
#include "net/netif.h"
#include "net/slaac_internal.h"

#define NEVER UINT64_MAX

/* The place of an entry: where it is, else a free or expired one, else the one that ends first. */
static struct slaac_server *server_slot(struct slaac *s, const struct ip_addr *a, bool *found)
{
	struct slaac_server *slot = &s->server[0];

	*found = false;
	for (unsigned i = 0; i < DNS_SERVERS_MAX; i++) {
		struct slaac_server *v = &s->server[i];
		if (v->expires && ip_equal(&v->addr, a)) {
			*found = true;
			return v;
		}
		if (v->expires < slot->expires)
			slot = v;
	}
	return slot;
}

void slaac_rdnss(struct slaac *s, const uint8_t *opt, size_t n)
{
	uint32_t life = get_be32(opt + 4);

	for (size_t at = 8; at + 16 <= n; at += 16) {
		struct ip_addr a;
		bool found;
		memcpy(&a, opt + at, 16);
		if (ip_is_any(&a) || ip_is_multicast(&a) || ip_is_v4(&a))
			continue;
		struct slaac_server *v = server_slot(s, &a, &found);
		if (!found && (!life || v->expires > net_now()))
			continue; /* full: those that are known stay */
		v->addr = a;
		v->expires = life ? slaac_until(life) : 0;
	}
}

static bool name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* A name in labels at *at, without compression (RFC 8106 5.2). False: no more names, or rubbish. */
static bool read_name(const uint8_t *opt, size_t n, size_t *at, char name[SLAAC_NAME_MAX])
{
	size_t out = 0;

	while (*at < n && opt[*at]) {
		size_t len = opt[*at];
		if (len > 63 || n - *at - 1 < len || out + len + 2 > SLAAC_NAME_MAX)
			return false;
		if (out)
			name[out++] = '.';
		for (size_t i = 0; i < len; i++) {
			if (!name_char(opt[*at + 1 + i]))
				return false;
			name[out++] = (char)opt[*at + 1 + i];
		}
		*at += 1 + len;
	}
	++*at;
	name[out] = '\0';
	return out > 0;
}

static void keep_domain(struct slaac *s, const char *name, uint32_t life)
{
	struct slaac_domain *slot = NULL;

	for (unsigned i = 0; i < SLAAC_SEARCH_MAX; i++) {
		struct slaac_domain *d = &s->domain[i];
		if (d->expires && strcmp(d->name, name) == 0) {
			slot = d;
			break;
		}
		if (!slot && d->expires <= net_now())
			slot = d;
	}
	if (!slot)
		return;
	strlcpy(slot->name, name, sizeof slot->name);
	slot->expires = life ? slaac_until(life) : 0;
}

void slaac_dnssl(struct slaac *s, const uint8_t *opt, size_t n)
{
	char name[SLAAC_NAME_MAX];
	size_t at = 8;

	while (at < n && read_name(opt, n, &at, name))
		keep_domain(s, name, get_be32(opt + 4));
}

void slaac_dns_update(struct slaac *s)
{
	uint64_t now = net_now();
	struct dns_source next = {.nservers = 0};
	size_t used = 0;

	s->dns_due = NEVER;
	for (unsigned i = 0; i < DNS_SERVERS_MAX; i++) {
		struct slaac_server *v = &s->server[i];
		if (v->expires <= now) {
			v->expires = 0;
			continue;
		}
		next.server[next.nservers++] = v->addr;
		if (v->expires < s->dns_due)
			s->dns_due = v->expires;
	}
	for (unsigned i = 0; i < SLAAC_SEARCH_MAX; i++) {
		struct slaac_domain *d = &s->domain[i];
		if (d->expires <= now) {
			d->expires = 0;
			continue;
		}
		if (d->expires < s->dns_due)
			s->dns_due = d->expires;
		size_t n = strlen(d->name);
		if (used + n + 2 > sizeof next.search)
			continue;
		if (used)
			next.search[used++] = ' ';
		memcpy(next.search + used, d->name, n + 1);
		used += n;
	}
	if (next.nservers == s->dns.nservers &&
	    memcmp(next.server, s->dns.server, sizeof next.server) == 0 &&
	    strcmp(next.search, s->dns.search) == 0)
		return;
	memcpy(s->dns.server, next.server, sizeof next.server);
	memcpy(s->dns.search, next.search, sizeof next.search);
	s->dns.nservers = next.nservers;
	resolvconf_changed();
}
