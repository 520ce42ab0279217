#include "net/dhcp_message.h"
#include <linux/if_arp.h>

#define MAGIC	    0x63825363 /* RFC 2131 section 3 */
#define BOOTREQUEST 1
#define BOOTREPLY   2
#define BROADCAST   0x8000 /* RFC 2131 section 2 */

/* RFC 2132, and where another RFC is named. */
enum option {
	OPT_PAD = 0,
	OPT_SUBNET = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_NTP = 42,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_MAX_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_VENDOR = 60,
	OPT_CLIENT_ID = 61,
	OPT_RAPID = 80,	  /* RFC 4039 */
	OPT_SEARCH = 119, /* RFC 3397 */
	OPT_ROUTES = 121, /* RFC 3442 */
	OPT_END = 255,
};

/* Where options lie: the options field, and by option overload the file and sname fields. */
struct areas {
	const uint8_t *at[3];
	size_t size[3];
	unsigned count;
};

/*
 * Appends the value of option code in one area to out. Parts of a split option follow each other
 * (RFC 3396). True if it is there at all; an option that passes the area's end ends the search.
 */
static bool collect_area(const uint8_t *p, size_t n, uint8_t code, uint8_t *out, size_t room,
			 size_t *length)
{
	bool found = false;

	for (size_t i = 0; i < n && p[i] != OPT_END;) {
		if (p[i] == OPT_PAD) {
			i++;
			continue;
		}
		if (n - i < 2 || n - i - 2 < p[i + 1])
			break;
		size_t len = p[i + 1];
		if (p[i] == code) {
			size_t take = len < room - *length ? len : room - *length;
			found = true;
			memcpy(out + *length, p + i + 2, take);
			*length += take;
		}
		i += 2 + len;
	}
	return found;
}

/* The value of an option, its length in *length; false if it is not there. */
static bool collect(const struct areas *a, uint8_t code, uint8_t *out, size_t room, size_t *length)
{
	bool found = false;

	*length = 0;
	for (unsigned i = 0; i < a->count; i++)
		found |= collect_area(a->at[i], a->size[i], code, out, room, length);
	return found;
}

static void find_areas(const uint8_t *m, size_t n, struct areas *a)
{
	const struct dhcp_header *h = (const void *)m;
	uint8_t overload;
	size_t length;

	*a = (struct areas){.at = {m + sizeof *h}, .size = {n - sizeof *h}, .count = 1};
	if (!collect(a, OPT_OVERLOAD, &overload, 1, &length) || length != 1)
		return;
	if (overload & 1) {
		a->at[a->count] = h->file;
		a->size[a->count++] = sizeof h->file;
	}
	if (overload & 2) {
		a->at[a->count] = h->sname;
		a->size[a->count++] = sizeof h->sname;
	}
}

static be32_t get_addr(const struct areas *a, uint8_t code)
{
	uint8_t v[4];
	size_t n;
	be32_t addr = 0;

	if (collect(a, code, v, sizeof v, &n) && n == 4)
		memcpy(&addr, v, 4);
	return addr;
}

/* The first addresses of a list, at most max. */
static unsigned get_addrs(const struct areas *a, uint8_t code, be32_t *out, unsigned max)
{
	uint8_t v[16];
	size_t n;

	if (!collect(a, code, v, max * 4 < sizeof v ? max * 4 : sizeof v, &n))
		return 0;
	memcpy(out, v, n / 4 * 4);
	return (unsigned)(n / 4);
}

static uint32_t get_number(const struct areas *a, uint8_t code, size_t size)
{
	uint8_t v[4];
	size_t n;

	if (!collect(a, code, v, sizeof v, &n) || n != size)
		return 0;
	return size == 4 ? get_be32(v) : size == 2 ? get_be16(v) : v[0];
}

/* The prefix length of a mask, or what the address's class says (RFC 791) where it is none. */
static uint8_t prefix_of(be32_t mask, be32_t addr)
{
	uint32_t m = ntoh32(mask), top = ntoh32(addr) >> 24;

	if (m && (~m & (~m + 1)) == 0)
		return (uint8_t)__builtin_popcount(m);
	return top < 128 ? 8 : top < 192 ? 16 : 24;
}

/* RFC 3442: the width of the destination, its significant bytes, the router; all or nothing. */
static void read_routes(const struct areas *a, struct dhcp_answer *out)
{
	uint8_t v[512];
	size_t n, i = 0;

	if (!collect(a, OPT_ROUTES, v, sizeof v, &n))
		return;
	while (i < n && out->nroutes < DHCP_ROUTES_MAX) {
		struct dhcp_route *r = &out->route[out->nroutes];
		uint8_t width = v[i++];
		size_t bytes = (width + 7u) / 8;
		if (width > 32 || n - i < bytes + 4)
			break;
		r->dst = 0;
		memcpy(&r->dst, v + i, bytes);
		r->dst &= width ? hton32(~0u << (32 - width)) : 0;
		memcpy(&r->gateway, v + i + bytes, 4);
		r->prefix = width;
		i += bytes + 4;
		out->nroutes++;
	}
}

static bool name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* Appends one label (and the dot or blank before it); false if it cannot be part of a name. */
static bool add_label(char *out, size_t room, size_t *n, const uint8_t *label, size_t len,
		      char before)
{
	if (*n + len + 2 > room)
		return false;
	if (before)
		out[(*n)++] = before;
	for (size_t i = 0; i < len; i++) {
		if (!name_char(label[i]))
			return false;
		out[(*n)++] = (char)label[i];
	}
	return true;
}

/*
 * One name of RFC 1035 section 4.1.4 at *at; pointers lead into the option itself and only
 * backwards, so it ends. False: the rest is not to be trusted.
 */
static bool read_name(const uint8_t *v, size_t n, size_t *at, char *out, size_t room, size_t *used)
{
	size_t i = *at, limit = *at;
	bool jumped = false, first = true;

	for (;;) {
		if (i >= n)
			return false;
		uint8_t len = v[i];
		if (len == 0) {
			if (!jumped)
				*at = i + 1;
			return !first;
		}
		if ((len & 0xc0) == 0xc0) {
			size_t to = i + 1 < n ? (size_t)(len & 0x3f) << 8 | v[i + 1] : n;
			if (to >= limit)
				return false;
			if (!jumped)
				*at = i + 2;
			jumped = true;
			i = limit = to;
			continue;
		}
		if (len > 63 || n - i - 1 < len ||
		    !add_label(out, room, used, v + i + 1, len,
			       !first  ? '.'
			       : *used ? ' '
				       : '\0'))
			return false;
		first = false;
		i += 1u + len;
	}
}

/* RFC 3397, else the domain name option. */
static void read_search(const struct areas *a, struct dhcp_answer *out)
{
	uint8_t v[512];
	size_t n, at = 0, used = 0;

	if (collect(a, OPT_SEARCH, v, sizeof v, &n)) {
		while (at < n) {
			size_t good = used;
			if (!read_name(v, n, &at, out->search, sizeof out->search, &used)) {
				used = good;
				break;
			}
		}
		out->search[used] = '\0';
		if (used)
			return;
	}
	if (!collect(a, OPT_DOMAIN, v, 253, &n))
		return;
	for (; used < n && v[used]; used++) {
		if (!name_char(v[used]) && v[used] != '.')
			break;
		out->search[used] = (char)v[used];
	}
	/* Servers end it with a NUL, or not; a name with blanks or worse is none. */
	out->search[used < n && v[used] ? 0 : used] = '\0';
}

static void read_lists(const struct areas *a, struct dhcp_answer *out)
{
	be32_t list[DNS_SERVERS_MAX];
	unsigned n = get_addrs(a, OPT_DNS, list, DNS_SERVERS_MAX);
	size_t length;

	for (unsigned i = 0; i < n; i++)
		if (list[i])
			out->dns[out->ndns++] = ip_from_v4(list[i]);
	out->nntp = get_addrs(a, OPT_NTP, out->ntp, DHCP_NTP_MAX);
	collect(a, OPT_HOSTNAME, (uint8_t *)out->hostname, sizeof out->hostname, &length);
	read_routes(a, out);
	be32_t router;
	/* RFC 3442: with that option there, the router option says nothing. */
	if (!out->nroutes && get_addrs(a, OPT_ROUTER, &router, 1) && router)
		out->route[out->nroutes++] = (struct dhcp_route){.gateway = router};
}

/* An address that a host can have: not 0/8, 127/8, multicast or broadcast. */
static bool usable(be32_t addr)
{
	uint32_t top = ntoh32(addr) >> 24;

	return top != 0 && top != 127 && top < 224;
}

bool dhcp_parse(const uint8_t *m, size_t n, be32_t xid, const uint8_t mac[6], struct dhcp_answer *a)
{
	const struct dhcp_header *h = (const void *)m;
	struct areas areas;

	memset(a, 0, sizeof *a);
	if (n < sizeof *h || h->op != BOOTREPLY || h->htype != ARPHRD_ETHER || h->hlen != 6 ||
	    h->xid != xid || h->cookie != hton32(MAGIC) || memcmp(h->chaddr, mac, 6) != 0)
		return false;
	find_areas(m, n, &areas);
	a->type = (uint8_t)get_number(&areas, OPT_TYPE, 1);
	a->server = get_addr(&areas, OPT_SERVER);
	a->addr = h->yiaddr;
	if (a->type == DHCPNAK)
		return true;
	if ((a->type != DHCPOFFER && a->type != DHCPACK) || !usable(a->addr))
		return false;
	uint8_t none;
	size_t length;
	a->rapid = collect(&areas, OPT_RAPID, &none, 1, &length);
	a->prefix = prefix_of(get_addr(&areas, OPT_SUBNET), a->addr);
	a->lease = get_number(&areas, OPT_LEASE, 4);
	a->t1 = get_number(&areas, OPT_T1, 4);
	a->t2 = get_number(&areas, OPT_T2, 4);
	a->mtu = (uint16_t)get_number(&areas, OPT_MTU, 2);
	read_lists(&areas, a);
	read_search(&areas, a);
	return true;
}

struct writer {
	uint8_t *at, *end;
};

static void put(struct writer *w, uint8_t code, const void *value, size_t n)
{
	if ((size_t)(w->end - w->at) < n + 3) /* the end option behind it */
		return;
	*w->at++ = code;
	*w->at++ = (uint8_t)n;
	memcpy(w->at, value, n);
	w->at += n;
}

size_t dhcp_build(const struct dhcp_request *r, uint8_t out[DHCP_MAX_SIZE])
{
	/* RFC 3442: 121 stands before the router option. */
	static const uint8_t parameters[] = {OPT_SUBNET,   OPT_ROUTES, OPT_ROUTER, OPT_DNS,
					     OPT_HOSTNAME, OPT_DOMAIN, OPT_MTU,	   OPT_NTP,
					     OPT_LEASE,	   OPT_T1,     OPT_T2,	   OPT_SEARCH};
	static const char vendor[] = "unigornel";
	struct dhcp_header *h = (void *)out;
	struct writer w = {out + sizeof *h, out + DHCP_MAX_SIZE - 28}; /* with IP and UDP: 576 */
	uint8_t id[7] = {ARPHRD_ETHER}, type = (uint8_t)r->type;
	be16_t size = hton16(r->max_size);

	memset(out, 0, DHCP_MAX_SIZE);
	h->op = BOOTREQUEST;
	h->htype = ARPHRD_ETHER;
	h->hlen = 6;
	h->xid = r->xid;
	h->secs = hton16(r->secs);
	h->flags = hton16(r->broadcast ? BROADCAST : 0);
	h->ciaddr = r->ciaddr;
	memcpy(h->chaddr, r->mac, 6);
	h->cookie = hton32(MAGIC);
	memcpy(id + 1, r->mac, 6);
	put(&w, OPT_TYPE, &type, 1);
	put(&w, OPT_CLIENT_ID, id, sizeof id);
	if (r->requested)
		put(&w, OPT_REQUESTED, &r->requested, 4);
	if (r->server)
		put(&w, OPT_SERVER, &r->server, 4);
	if (r->type != DHCPDECLINE) {
		put(&w, OPT_MAX_SIZE, &size, 2);
		put(&w, OPT_VENDOR, vendor, sizeof vendor - 1);
		put(&w, OPT_PARAMETERS, parameters, sizeof parameters);
		if (r->hostname)
			put(&w, OPT_HOSTNAME, r->hostname, strnlen(r->hostname, 63));
	}
	if (r->type == DHCPDISCOVER)
		put(&w, OPT_RAPID, "", 0);
	*w.at++ = OPT_END;
	size_t n = (size_t)(w.at - out);
	return n < DHCP_MIN_SIZE ? DHCP_MIN_SIZE : n;
}
