#include "net/networds.h"
#include <stddef.h>
#include "lib/string.h"

struct networds networds;

void networds_reset(void)
{
	memset(&networds, 0, sizeof networds);
}

/* The text after "IF:" with the interface's name taken off; NULL if there is none. */
static const char *take_ifname(const char *value, char ifname[IFNAMSIZ])
{
	const char *colon = strchr(value, ':');
	size_t n = colon ? (size_t)(colon - value) : 0;

	if (n == 0 || n >= IFNAMSIZ || memchr(value, '/', n) || memchr(value, '%', n))
		return NULL;
	memcpy(ifname, value, n);
	ifname[n] = '\0';
	return colon + 1;
}

/* A decimal number up to max and nothing else. */
static bool parse_number(const char *s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*out = (uint32_t)v;
	return true;
}

/* ADDR or ADDR%IF, an address that one machine can have. */
static bool parse_host(const char *text, struct netword_addr *out)
{
	char buf[IP_TEXT];
	const char *percent = strchr(text, '%');
	size_t n = percent ? (size_t)(percent - text) : strlen(text);

	out->ifname[0] = '\0';
	if (percent) {
		size_t m = strlen(percent + 1);
		if (m == 0 || m >= IFNAMSIZ)
			return false;
		memcpy(out->ifname, percent + 1, m + 1);
	}
	if (n >= sizeof buf)
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return ip_parse(buf, &out->addr) && !ip_is_any(&out->addr) &&
	       !ip_is_multicast(&out->addr) &&
	       !(ip_is_v4(&out->addr) && ip_v4(&out->addr) == hton32(0xffffffff));
}

static const char *parse_static(const char *text, struct netword_ip *w)
{
	char buf[IP_TEXT];
	const char *slash = strchr(text, '/');
	struct netword_addr a;
	uint32_t prefix;

	if (!slash)
		return "ip= needs IF:dhcp, IF:auto, IF:none or IF:ADDR/PREFIX";
	if ((size_t)(slash - text) >= sizeof buf)
		return "this is no address";
	memcpy(buf, text, (size_t)(slash - text));
	buf[slash - text] = '\0';
	if (!parse_host(buf, &a) || a.ifname[0])
		return "this is no address of an interface";
	if (!parse_number(slash + 1, ip_is_v4(&a.addr) ? 32 : 128, &prefix) || prefix == 0)
		return ip_is_v4(&a.addr) ? "the prefix length is not 1 to 32"
					 : "the prefix length is not 1 to 128";
	w->method = NET_STATIC;
	w->addr = a.addr;
	w->prefix = (uint8_t)prefix;
	return NULL;
}

static const char *parse_ip(const char *value)
{
	struct netword_ip w = {.method = NET_NONE};
	const char *text = take_ifname(value, w.ifname);

	if (!text)
		return "ip= needs the name of an interface and a colon";
	if (strcmp(text, "dhcp") == 0) {
		w.method = NET_DHCP;
	} else if (strcmp(text, "auto") == 0) {
		w.method = NET_AUTO;
	} else if (strcmp(text, "none") != 0) {
		const char *error = parse_static(text, &w);
		if (error)
			return error;
	}
	for (unsigned i = 0; i < networds.nip; i++) {
		const struct netword_ip *o = &networds.ip[i];
		if (strcmp(o->ifname, w.ifname) != 0)
			continue;
		if ((o->method == NET_NONE) != (w.method == NET_NONE))
			return "ip=IF:none goes with no other ip= of the interface";
		if (o->method == w.method &&
		    (w.method != NET_STATIC || ip_equal(&o->addr, &w.addr)))
			return "it is given twice";
	}
	if (networds.nip == NETWORDS_ADDRS)
		return "too many ip= words";
	networds.ip[networds.nip++] = w;
	return NULL;
}

static const char *parse_hosts(const char *value, struct netword_addr *list, unsigned *n,
			       unsigned max)
{
	if (*n == max)
		return "too many words of this kind";
	if (!parse_host(value, &list[*n]))
		return "this is no address of a host";
	++*n;
	return NULL;
}

static struct netword_if *interface_word(const char *ifname)
{
	for (unsigned i = 0; i < networds.nifs; i++)
		if (strcmp(networds.ifs[i].ifname, ifname) == 0)
			return &networds.ifs[i];
	if (networds.nifs == NETWORDS_IFS)
		return NULL;
	struct netword_if *w = &networds.ifs[networds.nifs++];
	strlcpy(w->ifname, ifname, sizeof w->ifname);
	return w;
}

static const char *parse_mtu(const char *value)
{
	char ifname[IFNAMSIZ];
	const char *text = take_ifname(value, ifname);
	uint32_t mtu;

	if (!text || !parse_number(text, 65535, &mtu) || mtu < 68)
		return "mtu= needs IF:N with N from 68 to 65535";
	struct netword_if *w = interface_word(ifname);
	if (!w)
		return "too many interfaces";
	w->mtu = mtu;
	return NULL;
}

static const char *parse_net(const char *value)
{
	char ifname[IFNAMSIZ];
	const char *text = take_ifname(value, ifname);

	if (!text || strcmp(text, "raw") != 0)
		return "net= needs IF:raw";
	struct netword_if *w = interface_word(ifname);
	if (!w)
		return "too many interfaces";
	w->raw = true;
	return NULL;
}

/* A domain name as RFC 1123 2.1 and reality (underscores) have it; it goes into a file that is
 * parsed by lines and blanks. */
static const char *parse_search(const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n > 253)
		return "search= needs a domain name";
	for (const char *c = value; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9') || *c == '-' || *c == '.' || *c == '_'))
			return "this is no domain name";
	if (networds.nsearch == NETWORDS_SEARCH)
		return "too many search= words";
	networds.search[networds.nsearch++] = value;
	return NULL;
}

static const char *parse_gateway(const char *value)
{
	return parse_hosts(value, networds.gateway, &networds.ngateway, NETWORDS_GATEWAYS);
}

static const char *parse_dns(const char *value)
{
	return parse_hosts(value, networds.dns, &networds.ndns, NETWORDS_DNS);
}

bool networds_parse(const char *word, const char **error)
{
	static const struct {
		const char *name;
		const char *(*parse)(const char *value);
	} words[] = {
#define WORD(name) {#name "=", parse_##name},
	    NETWORDS(WORD)
#undef WORD
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i].name);
		if (strncmp(word, words[i].name, n) == 0) {
			*error = words[i].parse(word + n);
			return true;
		}
	}
	return false;
}
